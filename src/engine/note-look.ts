/** What a look has just read of power and lock is in the status at once, and beats every listing from before. */
import type { LookedAt } from './look.ts'
import type { Pass } from './pass.ts'
import type { Change } from './status.ts'

export const noteLook =
  ({ deps, draft, memory }: Pick<Pass, 'deps' | 'draft' | 'memory'>) =>
  (seen: LookedAt): void => {
    const nowMs = deps.clock.monotonicMs()
    if ('power' in seen) {
      memory.listing.powerSeenAtMs = nowMs
      delete memory.listing.isTouched
      draft.change((status) => ({ ...status, remoteStatus: seen.power }))
    } else {
      memory.listing.lockSeenAtMs = nowMs
      draft.change(showingLock(seen.lock))
    }
  }

/** The lock that a look or a row has shown; undefined: none. */
export const showingLock =
  (lock: string | undefined): Change =>
  ({ remoteLock: _, ...status }) => ({ ...status, ...(lock && { remoteLock: lock }) })
