/** The times of the election as flags of `run`, named as controller-runtime and kube-controller-manager name them. */
import { parseDurationSeconds } from '../api/size.ts'
import { checkElectionTimes, electionDefaults, type ElectionTimes } from './election-times.ts'

const flags = {
  leaseSeconds: '--leader-elect-lease-duration',
  renewDeadlineSeconds: '--leader-elect-renew-deadline',
  retrySeconds: '--leader-elect-retry-period',
} as const

/** What commander makes of the flags: Go durations. */
export interface ElectionFlags {
  readonly leaderElectLeaseDuration: string
  readonly leaderElectRenewDeadline: string
  readonly leaderElectRetryPeriod: string
}

const inSeconds = (seconds: number): string => `${seconds}s`

/** Flag with its argument, what it means, default. */
export const electionFlags: readonly (readonly [string, string, string])[] = [
  [
    `${flags.leaseSeconds} <duration>`,
    'with --leader-elect: another copy takes over when the leader has not renewed the Lease for so long; whole seconds',
    inSeconds(electionDefaults.leaseSeconds),
  ],
  [
    `${flags.renewDeadlineSeconds} <duration>`,
    'with --leader-elect: a leader that has not renewed the Lease for so long does nothing until it has; less than the duration',
    inSeconds(electionDefaults.renewDeadlineSeconds),
  ],
  [
    `${flags.retrySeconds} <duration>`,
    'with --leader-elect: time between two renewals, and between two looks of a copy that waits; less than the deadline',
    inSeconds(electionDefaults.retrySeconds),
  ],
]

/** Throws a RangeError that names the flag and what to write. */
export function electionTimesOf(o: ElectionFlags): ElectionTimes {
  const times = {
    leaseSeconds: seconds(flags.leaseSeconds, o.leaderElectLeaseDuration),
    renewDeadlineSeconds: seconds(flags.renewDeadlineSeconds, o.leaderElectRenewDeadline),
    retrySeconds: seconds(flags.retrySeconds, o.leaderElectRetryPeriod),
  }
  return checkElectionTimes(times, flags)
}

function seconds(flag: string, text: string): number {
  try {
    return parseDurationSeconds(text)
  } catch (fault) {
    throw new RangeError(`${flag}: ${(fault as Error).message}`, { cause: fault })
  }
}
