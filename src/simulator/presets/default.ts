import type { GuestSpec, WorldSpec } from '../world/spec.ts'

const GiB = 1024 ** 3
const TiB = 1024 ** 4

interface Template {
  vmid: number
  node: string
  name: string
  storage: string
  tags?: string
}

/** A cloud image as its publisher would prepare it: 10 GiB on scsi0, an empty cloud-init drive on ide2. */
function template({ vmid, node, name, storage, tags }: Template): GuestSpec {
  const id = String(vmid)
  return {
    vmid,
    node,
    config: {
      agent: 'enabled=1',
      boot: 'order=scsi0',
      cores: '1',
      cpu: 'x86-64-v2-AES',
      ide2: `${storage}:vm-${id}-cloudinit,media=cdrom,size=4M`,
      memory: '1024',
      meta: 'creation-qemu=10.0.2,ctime=1767225600',
      name,
      net0: `virtio=BC:24:11:00:${id.slice(0, 2)}:${id.slice(2)},bridge=vmbr0`,
      ostype: 'l26',
      scsi0: `${storage}:base-${id}-disk-0,discard=on,iothread=1,size=10G`,
      scsihw: 'virtio-scsi-single',
      serial0: 'socket',
      smbios1: `uuid=00000000-0000-4000-8000-00000000${id}`,
      ...(tags === undefined ? {} : { tags }),
      template: '1',
      vga: 'serial0',
      vmgenid: `00000000-0000-4000-9000-00000000${id}`,
    },
  }
}

const nodes = [1, 2, 3].map((number) => ({ name: `pve${number}`, ip: `10.0.0.${number}`, cpus: 64, memoryBytes: 256 * GiB }))

const storages: WorldSpec['storages'] = [
  {
    storage: 'local',
    type: 'dir',
    content: ['backup', 'import', 'iso', 'snippets', 'vztmpl'],
    sizeBytes: 500 * GiB,
    properties: { path: '/var/lib/vz', 'prune-backups': 'keep-all=1' },
  },
  {
    storage: 'local-lvm',
    type: 'lvmthin',
    content: ['images', 'rootdir'],
    sizeBytes: 2 * TiB,
    properties: { thinpool: 'data', vgname: 'pve' },
  },
  {
    storage: 'ceph',
    type: 'rbd',
    content: ['images', 'rootdir'],
    shared: true,
    sizeBytes: 20 * TiB,
    properties: { krbd: '0', pool: 'ceph' },
  },
]

const durations: WorldSpec['durations'] = {
  // A full clone of the templates' 10 GiB takes 2 s.
  cloneFullMsPerGiB: 200,
  cloneLinkedMs: 300,
  cloneSilentMs: 50,
  createMs: 300,
  configMs: 50,
  resizeMs: 50,
  startMs: 500,
  stopMs: 300,
  shutdownMs: 1000,
  destroyMs: 300,
  snapshotMs: 200,
  templateMs: 300,
  migrateMs: 2000,
  moveMsPerGiB: 200,
  backupMs: 5000,
  agentMs: 5000,
  guestsObeyShutdown: true,
}

/** Some clients check that a secret is a UUID; `sim` is for hands. */
const secret = '51300000-0000-4000-8000-000000000513'

/** A cluster of three nodes with local and shared storage, the datacenter firewall on, and two templates: one on every node, one shared. */
export function defaultSpec(): WorldSpec {
  return {
    version: { version: '9.2.11', release: '9.2', repoid: '14a22df35955d97d' },
    clusterName: 'sim',
    nodes: structuredClone(nodes),
    storages: structuredClone(storages),
    volumes: [],
    bridges: [
      { iface: 'vmbr0', vlanAware: true },
      { iface: 'vmbr1', vlanAware: true },
    ],
    roles: {},
    users: [{ userid: 'root@pam' }],
    tokens: [{ tokenid: 'root@pam!sim', secret, alias: 'sim', privsep: false }],
    acl: [],
    pools: [],
    guests: [
      ...nodes.map(({ name }, index) => template({ vmid: 9000 + index, node: name, name: 'debian-13', storage: 'local-lvm' })),
      template({ vmid: 9010, node: 'pve1', name: 'ubuntu-24.04', storage: 'ceph', tags: 'ubuntu-24.04' }),
    ],
    resolver: { nameservers: ['192.0.2.53'] },
    datacenter: { mac_prefix: 'BC:24:11' },
    firewallOptions: { enable: 1 },
    durations: { ...durations },
    authDelayMs: 3000,
    pvestatdMs: 10_000,
  }
}
