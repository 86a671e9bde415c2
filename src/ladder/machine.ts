import type { ObjectLine } from './mark.ts'

/** One firewall rule in PVE's own field names; every value as PVE lists it. */
export type RuleOptions = Readonly<Record<string, string>>

/** What a step may need to have looked at. Parts are read on demand, each at most once a look. */
export type Part = 'presence' | 'config' | 'firewall' | 'foreign-firewall' | 'power'

/** PVE's guest config as `GET …/pending` shows it: what will be in force after the next cold start, and what is not yet. */
export interface ConfigSeen {
  readonly values: Readonly<Record<string, string>>
  readonly digest: string
  /** Keys whose value in the running VM differs from `values`. */
  readonly pending: readonly string[]
  /** Of those keys, what is in force now. PVE keeps the true size of a disk here, and an old one in a pending drive string. */
  readonly inForce?: Readonly<Record<string, string>>
}

export interface FirewallSeen {
  readonly options: Readonly<Record<string, string>>
  readonly rules: readonly SeenRule[]
  /** Of the whole rule list; goes with moves and deletions. */
  readonly rulesDigest?: string
  /** Entries of the ipset `ipfilter-net0`; undefined when there is no such set. */
  readonly ipfilter?: readonly string[]
}

/** What stands in the VM's firewall file and is not ours: people's rules (in order, without our block), names for addresses, and sets. */
export interface ForeignFirewall {
  readonly rules: readonly RuleOptions[]
  readonly aliases: readonly FirewallName[]
  readonly sets: readonly (Omit<FirewallName, 'cidr'> & { readonly entries: readonly SetEntry[] })[]
}

export interface FirewallName {
  readonly name: string
  readonly cidr: string
  readonly comment?: string
}

export interface SetEntry {
  readonly cidr: string
  readonly nomatch?: boolean
  readonly comment?: string
}

export interface SeenRule {
  readonly pos: number
  readonly fields: Readonly<Record<string, string>>
}

export interface Seen {
  /**
   * absent: proved absent everywhere. copying: there, under lock `clone`, and not judged yet. foreign: there without our mark.
   * ours: there with our mark. unproved: not in the listing, which proves nothing yet.
   */
  readonly guest: 'absent' | 'unproved' | 'copying' | 'foreign' | 'ours'
  readonly node?: string
  readonly lock?: string
  readonly config?: ConfigSeen
  readonly firewall?: FirewallSeen
  readonly foreignFirewall?: ForeignFirewall
  /** undefined: not looked at. */
  readonly power?: 'running' | 'stopped'
  /** PVE's high availability starts and stops the VM. undefined: not looked at. */
  readonly isHaManaged?: boolean
  /** What high availability says of it, such as `started` or `error`. */
  readonly haState?: string
}

/** Keys of a configuration to set and to remove. */
interface Patch {
  readonly set: Readonly<Record<string, string>>
  readonly remove: readonly string[]
}

/** A network card as the configuration has it: `net1`, `virtio=BC:24:11:00:00:02,bridge=vmbr1`. */
export interface NetworkCard {
  readonly key: string
  readonly value: string
}

/** What spec, package, pools and status resolve to, in PVE's words where PVE has them. */
export interface Want {
  readonly uid: string
  readonly vmid: number
  /** The line of the description by which a VM is known as ours. */
  readonly mark: string
  readonly description: string
  /** The second line of the mark: refreshed with whatever is written anyway. Absent: left as it is. */
  readonly object?: ObjectLine
  readonly name: string
  /** Absent: tags are left as they are. */
  readonly tags?: readonly string[]
  readonly onboot: boolean
  /** A VM that has never been ready: what a template handed on is overwritten; later only what we set is compared. */
  readonly fresh: boolean
  /** It has just come back from a backup. */
  readonly isRestored?: boolean
  readonly cpu: {
    readonly cores: number
    readonly sockets: number
    readonly type?: string
    readonly limit?: number
    readonly units?: number
  }
  /** `balloonMiB`: absent = PVE's default (the device without a lower bound), 0 = device off. */
  readonly memory: { readonly sizeMiB?: number; readonly balloonMiB?: number }
  readonly systemDisk: { readonly key: string; readonly sizeMiB?: number; readonly limits: DiskLimits; readonly options?: DiskOptions }
  readonly additionalDisks: readonly WantedDisk[]
  /** Disks that left the package with removalPolicy Delete. */
  readonly removedDisks: readonly { readonly name?: string; readonly key: string; readonly volume?: string }[]
  readonly net: WantedNet
  readonly firewall: WantedFirewall
  /** Of the VM that was here before and was made again: to be put back. */
  readonly foreignFirewall?: ForeignFirewall
  /** The same of its network cards beyond net0. */
  readonly furtherCards?: readonly NetworkCard[]
  readonly cloudInit: Readonly<Record<string, string>>
  /** Names the password in force without telling it: uid and resourceVersion of its Secret. */
  readonly passwordVersion?: string
  readonly passwordInForce?: string
  readonly power: 'running' | 'stopped' | 'started-once' | 'left-alone'
  /** A change of package is under way: what PVE does not take live is worth switching the VM off for. */
  readonly mayStop: boolean
  /** Pending keys of PVE that were there before the change: the VM is not switched off for them. */
  readonly waitingKeys: readonly string[]
  /** The change gives the guest other addresses, and the guest does not have them yet. */
  readonly guestLacksAddresses: boolean
  /** Held addresses that no entry of the spec stands for any more. */
  readonly leaving: readonly string[]
  /** Of a guest that was taken over: what of a change of its configuration is ours to make. Absent: all. */
  readonly leave?: (now: Readonly<Record<string, string>>, patch: Patch) => Patch
}

/** Limits of a disk by PVE's keys (`mbps_rd`, `iops_wr_max` …; MiB/s and requests/s); absent = unlimited. */
export type DiskLimits = Readonly<Record<string, number>>

/** By PVE's keys (`discard`, `ssd`, `iothread`, `cache`), each with the value PVE knows; absent = left as it is. */
export type DiskOptions = Readonly<Record<string, string>>

export interface WantedDisk {
  readonly name: string
  readonly key: string
  readonly storage: string
  /** The volume it has had, if any. */
  readonly volume?: string
  readonly format?: 'qcow2'
  readonly sizeMiB: number
  readonly limits: DiskLimits
  readonly options?: DiskOptions
}

export interface WantedNet {
  /** Absent: as it is, at birth the template's. */
  readonly model?: string
  readonly macAddress: string
  readonly bridge: string
  readonly vlan?: number
  /** Megabytes a second, PVE's unit of `rate`. */
  readonly rateMBps?: number
  /** Absent: as it is, at birth the template's; 0: not set. */
  readonly mtu?: number
  readonly firewall: boolean
}

export interface WantedFirewall {
  readonly options: Readonly<Record<string, string>>
  readonly rules: readonly RuleOptions[]
  /** undefined: no anti-spoofing set is wanted. */
  readonly ipfilter?: readonly string[]
  /** Of a guest that was taken over: its rules, and its set, stay as they were found. */
  readonly leavesRules?: boolean
  readonly leavesIpfilter?: boolean
}
