/** The three times of an election by a Lease, and what they must be to each other. */

/** In seconds. docs/adr/0015 says why these defaults. */
export interface ElectionTimes {
  /** How long others wait, from their own sight of our last renewal, before they take over. Whole seconds: the Lease has no others. */
  readonly leaseSeconds: number
  /** How long after our last renewal we may still act; less than leaseSeconds, so that we have stopped before another starts. */
  readonly renewDeadlineSeconds: number
  /** From one renewal to the next, and from one look of those who wait to the next. */
  readonly retrySeconds: number
}

export const electionDefaults: ElectionTimes = { leaseSeconds: 5, renewDeadlineSeconds: 3, retrySeconds: 1 }

/** Pauses are up to a fifth longer, so that those who wait do not all ask in one moment. */
export const retryJitter = 1.2

/** How the times are called where they are set. */
type Names = Readonly<Record<keyof ElectionTimes, string>>

const ownNames: Names = { leaseSeconds: 'leaseSeconds', renewDeadlineSeconds: 'renewDeadlineSeconds', retrySeconds: 'retrySeconds' }

/** Throws a RangeError that says what to write instead. */
export function checkElectionTimes(times: ElectionTimes, names: Names = ownNames): ElectionTimes {
  const { leaseSeconds, renewDeadlineSeconds, retrySeconds } = times
  if (!Number.isInteger(leaseSeconds) || leaseSeconds < 1)
    throw new RangeError(`${names.leaseSeconds} is ${leaseSeconds} s; write whole seconds, 1 or more: a Lease has no others`)
  if (!(retrySeconds > 0)) throw new RangeError(`${names.retrySeconds} is ${retrySeconds} s; write more than 0`)
  if (!(renewDeadlineSeconds < leaseSeconds))
    throw new RangeError(
      `${names.renewDeadlineSeconds} is ${renewDeadlineSeconds} s; write less than ${names.leaseSeconds}, which is ${leaseSeconds} s: the leader must stop before another may take over`,
    )
  if (!(retrySeconds * retryJitter < renewDeadlineSeconds))
    throw new RangeError(
      `${names.retrySeconds} is ${retrySeconds} s; write less than ${round(renewDeadlineSeconds / retryJitter)} s, so that a renewal comes within ${names.renewDeadlineSeconds}, which is ${renewDeadlineSeconds} s`,
    )
  return times
}

const round = (seconds: number): number => Number(seconds.toFixed(2))
