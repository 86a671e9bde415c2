/** Turns to write that a VM cannot be seen: a dead node has hundreds, and the API server is left to others. */
import type { Clock } from '../ops/clock.ts'
import { Pace } from '../ops/pace.ts'

const perSecond = 50

/** One after another: a burst before them would make it 100 in the first second. */
export const unseenWritesOf = (clock: Clock): Pace => new Pace({ calls: perSecond, perSeconds: 1, burst: 1, clock })
