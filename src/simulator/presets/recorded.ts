import { readFileSync } from 'node:fs'
import type { Durations, WorldSpec } from '../world/spec.ts'

interface RecordedState {
  version: WorldSpec['version']
  node: { name: string; cpus: number; kvm: boolean; clusterStatus: { ip?: string }[] }
  clusterOptions: { mac_prefix: string }
  storages: {
    type: 'dir'
    storage: string
    path: string
    'prune-backups': string
    content: string[]
    volumes: { volid: string; format: string; size: number }[]
  }[]
  importImage: { volid: string; virtualSize: number; fileSize: number }
  bridges: { iface: string; vlanAware: boolean; cidr: string | null }[]
  roles: Record<string, string[]>
  users: { userid: string; enable: number }[]
  tokens: { tokenid: string; privsep: number }[]
  acl: { path: string; ugid: string; type: 'user'; roleid: string; propagate: number }[]
  behaviour: { pvestatdSeconds: number; authFailureDelaySeconds: number }
}

/** Secret of all three tokens of this preset. */
const secret = '00000000-0000-4000-8000-000000000001'

/** Figures of the recorded machine (recording 03). */
const memoryBytes = 25_276_510_208
const diskBytes = 270_553_174_016
const foreignBytes = 25_494_253_568

const kernel = { release: '6.18.44-fc-v657', build: '#1 SMP PREEMPT_DYNAMIC @0' }

/** About what the recorded machine took, without KVM; recordings do not compare times. */
const durations: Durations = {
  cloneFullMsPerGiB: 2000,
  cloneLinkedMs: 200,
  cloneSilentMs: 20,
  createMs: 150,
  configMs: 20,
  resizeMs: 100,
  startMs: 500,
  stopMs: 200,
  shutdownMs: 500,
  destroyMs: 150,
  snapshotMs: 150,
  templateMs: 100,
  migrateMs: 1000,
  moveMsPerGiB: 2000,
  backupMs: 500,
  agentMs: 12_500,
  // Its guests were still booting, or had no system at all, whenever they were asked to shut down.
  guestsObeyShutdown: false,
}

/** The server of the recordings, freshly reset: one node without KVM, one directory storage, three tokens. */
export function recordedSpec(): WorldSpec {
  const state = JSON.parse(readFileSync(new URL('recorded-state.json', import.meta.url), 'utf8')) as RecordedState
  const { name, cpus, kvm, clusterStatus } = state.node
  return {
    version: state.version,
    nodes: [{ name, ip: clusterStatus[0]?.ip ?? '10.77.0.1', cpus, memoryBytes, kvm, kernel }],
    storages: state.storages.map(({ storage, type, content, path, 'prune-backups': prune }) => ({
      storage,
      type,
      content,
      sizeBytes: diskBytes,
      usedBytes: foreignBytes,
      properties: { path, 'prune-backups': prune },
    })),
    volumes: state.storages.flatMap((storage) =>
      storage.volumes.map(({ volid, format, size }) => {
        const sizeBytes = volid === state.importImage.volid ? state.importImage.virtualSize : size
        return { volid, node: name, format, sizeBytes, usedBytes: size }
      }),
    ),
    bridges: state.bridges.map(({ iface, vlanAware, cidr }) => ({ iface, vlanAware, ...(cidr === null ? {} : { cidr }) })),
    roles: state.roles,
    users: state.users.map(({ userid, enable }) => ({ userid, enable: enable === 1 })),
    tokens: state.tokens.map(({ tokenid, privsep }) => ({ tokenid, secret, privsep: privsep === 1 })),
    acl: state.acl.map(({ propagate, ...entry }) => ({ ...entry, propagate: propagate === 1 })),
    pools: [],
    guests: [],
    resolver: { nameservers: ['192.0.2.53'] },
    datacenter: { mac_prefix: state.clusterOptions.mac_prefix },
    durations,
    authDelayMs: state.behaviour.authFailureDelaySeconds * 1000,
    pvestatdMs: state.behaviour.pvestatdSeconds * 1000,
    // Recording 43 saw nothing of its VM for 12 s after it was made.
    firstTickMs: 14_000,
    // The recorded server had made and destroyed a VM 100 before each scenario; recordings 28, 39 and 41 still see it.
    remembered: [{ vmid: 100, node: name, name: 'vm100', maxmem: 16 * 1024 ** 2, maxdisk: 64 * 1024 ** 2 }],
    quirks: {
      noFirmware: true,
      cgroupFails:
        'Operation "ne": no method found,\n\tleft argument in overloaded package Net::DBus::Error,\n\tright argument has no overloaded magic at /usr/share/perl5/PVE/QemuServer.pm line 4893.',
      backupFails: "unable to find command 'sendmail'",
      liveCloneFails: 'drive-scsi0: throttle node without file child node name!',
    },
  }
}
