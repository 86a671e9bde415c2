import type { FirewallFile } from '../firewall/file.ts'

/** What a world is made from: plain data, written by presets and scenario files. Sizes in bytes, durations in milliseconds. */
export interface WorldSpec {
  version: { version: string; release: string; repoid: string }
  /** Absent: a stand-alone node, whose /cluster/status has no cluster entry. */
  clusterName?: string
  nodes: NodeSpec[]
  storages: StorageSpec[]
  volumes: VolumeSpec[]
  bridges: BridgeSpec[]
  /** Roles beyond PVE's own; an entry of the same name replaces the built-in one. */
  roles: Record<string, string[]>
  users: { userid: string; enable?: boolean; password?: string; expire?: number }[]
  groups?: { groupid: string; users: string[] }[]
  tokens: { tokenid: string /* user@realm!name */; secret: string; alias?: string; privsep?: boolean; expire?: number }[]
  acl: AclSpec[]
  pools: { poolid: string; comment?: string; vms?: number[]; storages?: string[] }[]
  guests: GuestSpec[]
  /** The nodes' /etc/resolv.conf, which cloud-init takes where a guest has nothing of its own. */
  resolver?: { search?: string; nameservers: readonly string[] }
  /** Keys of datacenter.cfg, for example `next-id` and `mac_prefix`. */
  datacenter: Record<string, string>
  /** Datacenter firewall options, for example `{enable: 1}`; absent: no cluster.fw. */
  firewallOptions?: Record<string, string | number>
  durations: Durations
  ha?: HaSpec
  /** The cluster's CA; absent: another one at each start. */
  tls?: TlsSpec
  /** Seed of MACs, uuids and process ids. */
  seed?: number
  /** How long a refused login is held back, default 3000. */
  authDelayMs?: number
  /** How long a call to a node that is off takes until it is answered with 595, default 3000. */
  offlineDelayMs?: number
  /** pvestatd's interval, default 10000. */
  pvestatdMs?: number
  /** When its first tick comes; default after one interval. */
  firstTickMs?: number
  /** What is still known of guests that are gone: an id that is used again within 5 minutes shows it. */
  remembered?: { vmid: number; node: string; name: string; maxmem: number; maxdisk: number }[]
  /** The SHA-1 digests, MACs and lists stay the same; `legacy` answers errors as PVE 8.3 and older: only in the reason phrase. */
  errorBody?: 'modern' | 'legacy'
  /** Oddities of one machine: the exit status that an operation always has there. */
  quirks?: {
    backupFails?: string
    liveCloneFails?: string
    cgroupFails?: string /** No UEFI firmware is installed. */
    noFirmware?: boolean
  }
}

/** High availability: who is managed from the start, and whether a manager runs. */
export interface HaSpec {
  /** Default: in a cluster yes, on a stand-alone node no; without one, requests end OK and nothing follows. */
  manager?: boolean
  resources?: HaResourceSpec[]
}

/** PEM texts of a CA certificate and its EC key. */
export interface TlsSpec {
  ca: string
  key: string
}

export interface HaResourceSpec {
  vmid: number
  state?: 'started' | 'stopped' | 'disabled' | 'ignored'
  failback?: number
  max_restart?: number
  max_relocate?: number
  comment?: string
}

export interface NodeSpec {
  name: string
  ip: string
  cpus: number
  memoryBytes: number
  kernel?: { release: string; build: string }
  /** False: guests start only with kvm=0, as on a host without virtualisation. Default true. */
  kvm?: boolean
  online?: boolean
}

export interface StorageSpec {
  storage: string
  type: 'dir' | 'nfs' | 'cifs' | 'lvm' | 'lvmthin' | 'zfspool' | 'rbd' | 'btrfs' | 'pbs'
  content: string[]
  shared?: boolean
  /** Capacity, per node unless shared. */
  sizeBytes: number
  /** Used by something the simulator does not list. */
  usedBytes?: number
  nodes?: string[]
  disabled?: boolean
  /** Further lines of storage.cfg, for example path, thinpool, pool, prune-backups. */
  properties?: Record<string, string>
}

export interface VolumeSpec {
  /** `local:import/tiny.qcow2`, `local-lvm:vm-100-disk-0`. */
  volid: string
  /** Required on storages that are not shared. */
  node?: string
  format?: string
  sizeBytes: number
  usedBytes?: number
  ctime?: number
  notes?: string
  protected?: boolean
}

export interface BridgeSpec {
  iface: string
  vlanAware?: boolean
  cidr?: string
  /** Of a VNet: its zone; bridges of the host are in `localnetwork`. */
  zone?: string
  /** Absent: on every node. */
  nodes?: string[]
}

export interface AclSpec {
  path: string
  type: 'user' | 'group' | 'token'
  ugid: string
  roleid: string
  propagate?: boolean
}

export interface GuestSpec {
  vmid: number
  node: string
  /** Config lines as in the file; disks get their volumes from `size=`. A template has `template: '1'` and base volumes. */
  config: Record<string, string>
  running?: boolean
  /** Container: listed as lxc, holds its id, nothing else. */
  kind?: 'qemu' | 'lxc'
  /** Its VMID.fw. */
  firewall?: FirewallFile
  /** Snapshots without RAM, of the config as it is. */
  snapshots?: { name: string; ageDays: number }[]
}

/** Milliseconds unless named otherwise. */
export interface Durations {
  cloneFullMsPerGiB: number
  cloneLinkedMs: number
  /** Between the answer of a clone and the moment its target becomes visible. */
  cloneSilentMs: number
  createMs: number
  configMs: number
  resizeMs: number
  startMs: number
  stopMs: number
  shutdownMs: number
  destroyMs: number
  /** Between the end of a reboot's first task and its second, default 1500. */
  restartMs?: number
  /** So long after each stop `qm cleanup` asks for the guest's file lock and keeps it while the guest runs again, up to 30 s; absent: never. */
  cleanupMs?: number
  snapshotMs: number
  templateMs: number
  migrateMs: number
  moveMsPerGiB: number
  backupMs: number
  /** Reading a backup's data, default `backupMs`. */
  restoreMs?: number
  /** From start until the guest agent answers. */
  agentMs: number
  /** Whether a guest reacts to the ACPI power button; false: shutdown runs into its timeout. */
  guestsObeyShutdown: boolean
}
