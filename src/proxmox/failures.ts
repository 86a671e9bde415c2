import type { Reason } from '../api/reasons.ts'
import { clusterChanged } from './identity.ts'
import { observing } from './observe.ts'
import { isTrustFailure, PveError } from './pve-error.ts'

/** What a fault asks of us. PVE has neither 404 nor 409: nearly all of it is a 500 with a text, and the same texts end tasks. */
export type FailureKind =
  | 'unreachable' // nothing was executed; ask again later
  | 'busy' // PVE waited for one of its short locks in vain, or has no quorum; the same request again later
  | 'locked' // the lock property of the guest; wait until it goes
  | 'conflict' // somebody changed it meanwhile; read again, plan again
  | 'unknown-outcome' // it may have happened or still be happening; look before repeating
  | 'absent' // not on that node; says nothing about the cluster
  | 'taken' // the VMID has an owner; choose another
  | 'denied'
  | 'invalid' // PVE will refuse it again
  | 'no-space'
  | 'protected'
  | 'running' // the guest runs (already)
  | 'other'

export interface Failure {
  kind: FailureKind
  reason: Reason
  /** PVE's words. */
  message: string
  /** Repeating is useless until spec, privileges or PVE change. */
  terminal: boolean
  /** Name of the guest's lock, with kind `locked`. */
  lock?: string
}

type Row = readonly [kind: FailureKind, reason: Reason, ...parts: string[]]

/**
 * Texts of PVE → meaning. The first row all of whose parts occur wins, so the particular stands above the general.
 * Case counts. Parts are substrings because Perl appends ` at … line N.` to some and a task prefixes others
 * (`clone failed: …`, `unable to create VM 103 - …`, `failed to update VM 100: …`).
 * Sources: qemu-server, pve-storage, pve-common, pve-cluster, pve-firewall; the recorded ones are in test/proxmox/recorded-texts.ts.
 */
const table: readonly Row[] = [
  // The outcome is not in the text.
  ['unknown-outcome', 'Retrying', 'interrupted by signal'],
  ['unknown-outcome', 'Retrying', 'received interrupt'],
  ['unknown-outcome', 'Retrying', 'unexpected status'],
  ['unknown-outcome', 'Retrying', 'unable to get last line from task log'],
  ['unknown-outcome', 'Retrying', 'no such task'],
  // Short locks: 10 s of waiting in PVE, nothing done. Before 'taken': clone onto a busy VMID says both.
  ['busy', 'Retrying', "can't lock file '", 'got timeout'],
  ['busy', 'Retrying', 'got lock request timeout'],
  ['busy', 'Retrying', 'locked command timed out'],
  ['busy', 'Retrying', 'unable to acquire lock'],
  ['busy', 'Retrying', 'Failed to obtain guest migration lock'],
  ['busy', 'NoQuorum', 'no quorum'],
  ['busy', 'NoQuorum', "unable to open file '/etc/pve/", 'Permission denied'],
  ['locked', 'Locked', 'VM is locked ('],
  // Optimistic concurrency.
  ['conflict', 'Retrying', 'checksum mismatch (file change by other user?)'],
  ['conflict', 'Retrying', 'detected modified configuration'],
  ['conflict', 'Retrying', 'unexpected state change'],
  ['conflict', 'Retrying', 'no rule at position'],
  ['conflict', 'Retrying', "IPSet '", 'already exists'],
  ['conflict', 'Retrying', "IPSet '", 'does already exist'],
  ['conflict', 'Retrying', "address '", 'already exists'],
  // VMIDs. Clone: on the same node at once, from another node only in the task (pmxcfs refuses the rename).
  ['taken', 'VMIDTaken', 'config file already exists'],
  ['taken', 'VMIDTaken', 'close (rename) atomic file', 'File exists'],
  ['taken', 'VMIDTaken', 'already exists on node'],
  ['taken', 'VMIDTaken', 'vmid: VM ', 'already exists'],
  // Guests and nodes.
  ['absent', 'Retrying', "Configuration file '", 'does not exist'],
  ['absent', 'Retrying', 'unable to find configuration file for VM'],
  ['absent', 'Retrying', "no such IPSet '"],
  ['unreachable', 'NodeOffline', "hostname lookup '"],
  ['unreachable', 'NodeOffline', 'proxy loop detected'],
  ['running', 'Retrying', ' already running'],
  ['running', 'Retrying', ' is running - destroy failed'],
  ['protected', 'Protected', 'protection mode enabled'],
  ['protected', 'Protected', 'cannot remove protected volume'],
  ['invalid', 'WouldBeLost', 'used in HA resources and purge parameter not set'],
  ['invalid', 'WouldBeLost', 'There is a replication job '],
  // Room. lvcreate, qemu-img, zfs, rbd and the storage plugins each say it their way.
  ['no-space', 'StorageFull', 'No space left on device'],
  ['no-space', 'StorageFull', 'no space left'],
  ['no-space', 'StorageFull', 'insufficient free space'],
  ['no-space', 'StorageFull', 'insufficient free extents'],
  ['no-space', 'StorageFull', 'out of space'],
  ['no-space', 'StorageFull', 'not enough free space'],
  ['no-space', 'StorageFull', 'Disk quota exceeded'],
  // Privileges; inside a task PVE writes the status before the text.
  ['invalid', 'InvalidForPVE', "Permission check failed (pool '", 'does not exist'],
  ['denied', 'PermissionDenied', 'Permission check failed'],
  ['denied', 'PermissionDenied', 'only root can '],
  ['denied', 'PermissionDenied', 'Only root '],
  // A running guest can give these for a reason that passes: no answer of the guest, a device still in use.
  ['busy', 'Retrying', 'hotplug problem'],
  ['busy', 'Retrying', 'quit/powerdown failed - got timeout'],
  ['busy', 'Retrying', 'is not online'],
  ['busy', 'Retrying', 'in error state, must be disabled and fixed first'],
  ['conflict', 'Retrying', ' not running'],
  ['conflict', 'Retrying', 'is paused - cannot shutdown'],
  ['conflict', 'Retrying', "snapshot '", 'does not exist'],
  ['conflict', 'Retrying', 'is still in use by linked clone'],
  // Refused until somebody changes something.
  ['invalid', 'InvalidForPVE', 'Parameter verification failed'],
  ['invalid', 'InvalidForPVE', 'invalid format - '],
  ['invalid', 'InvalidForPVE', 'shrinking disks is not supported'],
  ['invalid', 'InvalidForPVE', 'feature is not supported for'],
  ['invalid', 'InvalidForPVE', 'feature is not available'],
  ['invalid', 'InvalidForPVE', 'not allowed for linked clones'],
  ['invalid', 'InvalidForPVE', "you can't "],
  ['invalid', 'InvalidForPVE', "can't clone "],
  ['invalid', 'InvalidForPVE', 'vcpus allowed per VM on this node'],
  ['invalid', 'InvalidForPVE', 'balloon value too large'],
  ['invalid', 'InvalidForPVE', 'minimum memory must be '],
  ['invalid', 'InvalidForPVE', 'is still in use (snapshot?)'],
  ['invalid', 'InvalidForPVE', 'KVM virtualisation configured, but not available'],
  ['invalid', 'InvalidForPVE', "bridge '", 'does not exist'],
  ['invalid', 'InvalidForPVE', "storage '", 'does not exist'],
  ['invalid', 'InvalidForPVE', "storage '", 'is disabled'],
  ['invalid', 'InvalidForPVE', "storage '", 'is not available on node'],
  ['invalid', 'InvalidForPVE', "storage '", 'does not support'],
  // A volume in the way of a cloud-init drive, whose name is fixed; mostly left by a destroy while the storage was off, which ends with a warning.
  ['invalid', 'VolumeLeft', 'disk image ', 'already exists'],
  ['invalid', 'VolumeLeft', 'Logical Volume "', 'already exists'],
  ['invalid', 'VolumeLeft', 'rbd create ', 'File exists'],
  ['invalid', 'VolumeLeft', 'zfs error: cannot create ', 'dataset already exists'],
  ['invalid', 'InvalidForPVE', "volume '", 'does not exist'],
  ['invalid', 'InvalidForPVE', "disk '", 'does not exist'],
  ['invalid', 'InvalidForPVE', "no such cluster node '"],
  ['invalid', 'InvalidForPVE', 'unable to parse '],
  ['invalid', 'InvalidForPVE', 'invalid bootorder'],
  ['invalid', 'InvalidForPVE', 'SSH public key validation error'],
  ['invalid', 'InvalidForPVE', 'cloud-init drive is already attached'],
  ['invalid', 'InvalidForPVE', 'different from storage format'],
  ['invalid', 'InvalidForPVE', 'no options specified'],
]

const terminalKinds: ReadonlySet<FailureKind> = new Set<FailureKind>(['denied', 'invalid'])

function byText(text: string): Failure | undefined {
  const row = table.find(([, , ...parts]) => parts.every((part) => text.includes(part)))
  if (row === undefined) return undefined
  const [kind, reason] = row
  const lock = kind === 'locked' ? /VM is locked \(([^)]*)\)/.exec(text)?.[1] : undefined
  return { kind, reason, message: text, terminal: terminalKinds.has(kind), ...(lock !== undefined && { lock }) }
}

/** What a thrown fault means. Faults that are not of PVE are `other`: a bug is told and tried again, it never decides anything. */
export function judge(fault: unknown): Failure {
  if (!(fault instanceof PveError)) {
    return { kind: 'other', reason: 'Retrying', message: fault instanceof Error ? fault.message : String(fault), terminal: false }
  }
  const message = fault.message
  const of = (kind: FailureKind, reason: Reason, terminal = false): Failure => ({ kind, reason, message, terminal })
  switch (fault.status) {
    case 0:
      if (fault.code === observing) return of('denied', 'Observing', true)
      if (fault.code === clusterChanged) return of('unreachable', 'ClusterChanged')
      if (isTrustFailure(fault.code)) return of('unreachable', 'TLSUntrusted')
      return fault.sent ? of('unknown-outcome', 'Unreachable') : of('unreachable', 'Unreachable')
    case 401:
      return of('denied', 'Unauthorized', true)
    case 503:
      return of('unreachable', 'Unreachable')
    // The hop of pveproxy: 595 = no connection to the node, 596 to 599 = the answer was lost (pve-http-server, AnyEvent::HTTP).
    case 595:
      return of('unreachable', 'NodeOffline')
    case 502:
    case 504:
    case 596:
    case 597:
    case 598:
    case 599:
      return of('unknown-outcome', 'Retrying')
    case 501:
    case 506:
      return of('invalid', 'InvalidForPVE', true)
    default:
      return byText(message) ?? byStatus(fault.status, of)
  }
}

function byStatus(status: number, of: (kind: FailureKind, reason: Reason, terminal?: boolean) => Failure): Failure {
  if (status === 403) return of('denied', 'PermissionDenied', true)
  if (status === 400) return of('invalid', 'InvalidForPVE', true)
  return of('other', 'Retrying')
}

/** What the exit status of a failed task means: the same texts on the other road. */
export function judgeExit(exitstatus: string): Failure {
  const text = exitstatus.trim()
  return byText(text) ?? { kind: 'other', reason: 'Retrying', message: text, terminal: false }
}

/** PVE ends a task that did its work but found something to say with `WARNINGS: n`. */
export const exitedWell = (exitstatus: string): boolean => exitstatus === 'OK' || exitstatus.startsWith('WARNINGS: ')
