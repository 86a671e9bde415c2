import type { Package } from '../api/package.ts'
import type { ProxmoxVM, ProxmoxVMStatus as VMStatus } from '../api/proxmoxvm.ts'
import { parseCpuLimit, parseSizeMiB } from '../api/size.ts'
import type { DiskLimits, Want, WantedDisk } from '../ladder/machine.ts'
import { isBeingUnsuspended, isSuspended } from './suspension.ts'
import { throttleOf } from './traffic.ts'
import { needsQcow2 } from './directory-storage.ts'
import { diskOptionsOf, type NamedOptions } from './disk-options.ts'
import { wantedCloudInit, type Credentials } from './cloud-init.ts'
import { foreignFirewallOf } from './foreign-firewall.ts'
import { wantedFirewall } from './firewall.ts'
import { isBirth, templateFor } from './birth.ts'
import type { GrantedAddress } from './granted-address.ts'
import { descriptionOf, ownTag, markOf, printObjectLine } from '../ladder/mark.ts'
import { addressesIn, isSameSet } from './guest-seen.ts'
import { objectLineOf } from './object-line.ts'

export interface WantInput {
  readonly vm: ProxmoxVM
  readonly status: VMStatus
  readonly merged: Package
  /** uid of the namespace kube-system. Absent: unknown (the plugin), and the mark stays as it is. */
  readonly installation?: string
  readonly grants: readonly GrantedAddress[]
  /** Held addresses that no entry stands for any more; of these, the ones that the guest may still use. Absent: none. */
  readonly leaving?: readonly string[]
  readonly stillUsed?: readonly string[]
  readonly net: { readonly bridge: string; readonly vlan?: number }
  readonly credentials?: Credentials
  /** ProxmoxCluster.spec.tags None. */
  readonly isUntagged?: boolean
  /** The type of a storage as PVE names its plugin: dir, nfs, lvmthin, rbd … */
  readonly storageType: (storage: string) => string | undefined
  readonly systemDiskStorage: string
}

/** Resolves spec, package, grants and status. Status must hold the intent: VMID, names, MAC and disk slots. */
export function wantOf(input: WantInput): Want {
  const { vm, status, merged, installation } = input
  const uid = vm.metadata.uid ?? ''
  const vmid = status.vmid ?? 0
  const mark = markOf(uid, vmid)
  const firewall = wantedFirewall(merged.firewall, [...input.grants.map((grant) => grant.address), ...(input.stillUsed ?? [])])
  const cloudInit = wantedCloudInit(vm.spec.cloudInit, input.grants, input.credentials)
  const runStrategy = vm.spec.runStrategy ?? 'Once'
  return {
    uid,
    vmid,
    mark,
    description: descriptionOf(vm, mark, printObjectLine(objectLineOf(vm, status, installation ?? ''))),
    ...(installation !== undefined && { object: objectLineOf(vm, status, installation) }),
    name: status.vmName ?? '',
    ...(input.isUntagged !== true && { tags: [ownTag] }),
    onboot: runStrategy !== 'Halted' && !isSuspended(vm),
    // What a backup has of this VM's own stays: network cards, tags.
    fresh: isBirth(status) && status.restore?.running === undefined,
    ...(status.restore?.running && { isRestored: true }),
    cpu: wantedCpu(merged.cpu),
    memory: wantedMemory(merged.memory),
    systemDisk: wantedSystemDisk(status, merged),
    additionalDisks: wantedDisks(input),
    removedDisks: removedDisks(status, merged),
    net: wantedNet(input),
    firewall,
    ...(status.possessions && { foreignFirewall: foreignFirewallOf(status.possessions) }),
    ...(status.possessions?.networkCards && { furtherCards: status.possessions.networkCards }),
    cloudInit,
    ...(input.credentials && { passwordVersion: input.credentials.version }),
    ...(status.cloudInit?.passwordVersion && { passwordInForce: status.cloudInit.passwordVersion }),
    power: wantedPower(vm, status),
    ...wantedRestart(vm, status, cloudInit.ipconfig0),
    leaving: input.leaving ?? [],
  }
}

function wantedPower(vm: ProxmoxVM, status: VMStatus): Want['power'] {
  if (vm.spec.runStrategy === 'Halted' || isSuspended(vm)) return 'stopped'
  if (vm.spec.runStrategy === 'Always' || isBeingUnsuspended(vm, status)) return 'running'
  if (status.change?.wasRunning || status.change?.start) return 'running'
  return status.firstStartedAt ? 'left-alone' : 'started-once'
}

/** Under restartPolicy Manual only the command ChangePackage restarts the VM. */
function wantedRestart(
  { spec }: ProxmoxVM,
  { change, guestSeen }: VMStatus,
  ipconfig: string | undefined,
): Pick<Want, 'mayStop' | 'waitingKeys' | 'guestLacksAddresses'> {
  const isByCommand = change?.start === true
  const isBehind = guestSeen !== undefined && guestSeen.addresses.length > 0 && !isSameSet(guestSeen.addresses, addressesIn(ipconfig))
  return {
    // Without a word on how it goes on, it would stay off.
    mayStop: isByCommand || (change?.wasRunning !== undefined && spec.restartPolicy !== 'Manual'),
    waitingKeys: isByCommand ? [] : (change?.waits ?? []),
    guestLacksAddresses: isBehind && (isByCommand || change?.addresses === true),
  }
}

function wantedCpu(cpu: Package['cpu']): Want['cpu'] {
  return {
    cores: cpu?.cores || 1,
    sockets: cpu?.sockets || 1,
    // Absent: the template's, which its maker has chosen for the hosts it runs on.
    ...(cpu?.type && { type: cpu.type }),
    ...(cpu?.limit && parseCpuLimit(cpu.limit) > 0 && { limit: parseCpuLimit(cpu.limit) }),
    ...(cpu?.units && { units: cpu.units }),
  }
}

function wantedMemory(memory: Package['memory']): Want['memory'] {
  const sizeMiB = memory?.size ? parseSizeMiB(memory.size) : 0
  return {
    ...(sizeMiB > 0 && { sizeMiB }),
    ...(memory?.minimum !== undefined && { balloonMiB: parseSizeMiB(memory.minimum) }),
  }
}

function wantedSystemDisk(status: VMStatus, merged: Package): Want['systemDisk'] {
  const sizeMiB = merged.systemDisk?.size ? parseSizeMiB(merged.systemDisk.size) : 0
  return {
    key: status.disks?.find((disk) => disk.name === 'system')?.key ?? '',
    ...(sizeMiB > 0 && { sizeMiB }),
    limits: throttle(merged.systemDisk?.bandwidth),
    ...optionsOf(merged.systemDisk?.options),
  }
}

function wantedDisks({ vm, status, merged, storageType, systemDiskStorage }: WantInput): WantedDisk[] {
  return (merged.additionalDisks ?? []).map((disk) => {
    const storage = disk.storage ?? templateFor(vm, status).storage ?? systemDiskStorage
    const noted = status.disks?.find(({ name }) => name === disk.name)
    return {
      name: disk.name,
      key: noted?.key ?? '',
      storage,
      ...(noted?.volume !== undefined && { volume: noted.volume }),
      // A raw file on a directory storage makes every snapshot of the VM end with "snapshot feature is not available" (recording 31).
      ...(needsQcow2(storageType(storage)) && { format: 'qcow2' as const }),
      sizeMiB: disk.size ? parseSizeMiB(disk.size) : 0,
      limits: throttle(disk.bandwidth),
      ...optionsOf(disk.options),
    }
  })
}

function removedDisks(status: VMStatus, merged: Package): Want['removedDisks'] {
  const wanted = new Set(['system', ...(merged.additionalDisks ?? []).map((disk) => disk.name)])
  const gone = (status.disks ?? []).filter((disk) => !wanted.has(disk.name) && disk.removalPolicy === 'Delete')
  return gone.map(({ name, key, volume }) => ({ name, key, ...(volume !== undefined && { volume }) }))
}

const optionsOf = (options: NamedOptions | undefined) => (options ? { options: diskOptionsOf(options) } : {})

type Bandwidth = NonNullable<Package['systemDisk']>['bandwidth']

const throttleFields = {
  readMiBps: 'mbps_rd',
  writeMiBps: 'mbps_wr',
  readIOPS: 'iops_rd',
  writeIOPS: 'iops_wr',
  readMiBpsBurst: 'mbps_rd_max',
  writeMiBpsBurst: 'mbps_wr_max',
  readIOPSBurst: 'iops_rd_max',
  writeIOPSBurst: 'iops_wr_max',
} as const

/** 0 and absent both mean unlimited, for which PVE has no key. */
function throttle(bandwidth: Bandwidth): DiskLimits {
  const limits = Object.entries(throttleFields).map(([field, key]) => [key, bandwidth?.[field as keyof typeof throttleFields]] as const)
  return Object.fromEntries(limits.flatMap(([key, value]) => (value ? [[key, value] as const] : [])))
}

function wantedNet({ status, merged, net }: WantInput): Want['net'] {
  const network = merged.network
  const rateMbit = lesser(network?.rateMbit, throttleOf(status, merged.traffic))
  return {
    ...(network?.model && { model: network.model }),
    macAddress: status.interfaces?.[0]?.macAddress ?? '',
    bridge: net.bridge,
    ...(net.vlan && { vlan: net.vlan }),
    ...(rateMbit && { rateMBps: rateMbit / 8 }),
    ...(network?.mtu !== undefined && { mtu: network.mtu }),
    firewall: network?.firewall ?? merged.firewall?.enabled ?? false,
  }
}

/** 0 and absent both mean unlimited. */
const lesser = (a: number | undefined, b: number | undefined): number | undefined => (a && b ? Math.min(a, b) : a || b)
