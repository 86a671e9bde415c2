/**
 * Why a VM waits for a person where nobody tells when that is over: no listing of PVE shows it and no watch of Kubernetes (pure). Not what
 * only a task of PVE can tell by failing once more.
 */
import type { Reason } from '../../api/reasons.ts'
import type { Pace } from '../../ops/pace.ts'
import type { Outcome } from '../../ladder/outcome.ts'

const unwatched: ReadonlySet<Reason> = new Set<Reason>([
  // A mark that somebody puts back, and whatever else is only in the configuration of a guest.
  'VMForeign',
  'OwnedByFormerObject',
  'AdoptMismatch',
  'AdoptNotAllowed',
  'Protected',
  'SystemDiskMissing',
  'NoCloudInitDrive',
  'TemplateInvalid',
  'WouldBeLost',
  // Networks and permissions of PVE, and what its storages hold.
  'BridgeNotFound',
  'PermissionDenied',
  'BackupNotFound',
  'BackupUnreadable',
  // Secrets may be read, but neither listed nor watched; and a host name is in the status of another VM.
  'SecretNotFound',
  'PasswordInvalid',
  'SecretConflict',
  'HostnameTaken',
])

/** Looked at again this soon, and after 5 minutes where there are hundreds: all of a PVE cluster take turns. */
const leastMs = 30_000
const mostMs = 300_000

export const isUnwatched = (outcome: Outcome): boolean => outcome.is === 'stalled' && unwatched.has(outcome.reason)

/** In ms. @param turns of the cluster; absent: there is none. */
export const unwatchedPauseMs = (turns: Pick<Pace, 'reserveMs'> | undefined): number => Math.max(leastMs, turns?.reserveMs(mostMs) ?? 0)
