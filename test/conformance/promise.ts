/** The share of exchanges that must be reproduced, for every recording that is not named here. */
export const promisedShare = 0.95

/** Recordings that reach less, and why. */
export const exceptions: Readonly<Record<string, { share: number; why: string }>> = {}

export function promisedFor(recording: string): number {
  return exceptions[recording]?.share ?? promisedShare
}
