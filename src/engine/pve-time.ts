/** What time it is in PVE: what one process notes and another one reads is dated by that clock, since the machine's own may be set meanwhile. */
import { timeInSeconds } from '../api/time.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import type { Dependencies } from './dependencies.ts'

type PveClock = Pick<PveCluster, 'clockSkewMs'>

/** Milliseconds since the epoch. Right also when the machine's clock has just jumped: the difference is reckoned by a clock that never does. */
export const pveNowMs = ({ clockSkewMs }: PveClock, { clock }: Pick<Dependencies, 'clock'>): number => clock.now() + clockSkewMs

/** RFC 3339 in whole seconds. */
export const pveTime = (cluster: PveClock, deps: Pick<Dependencies, 'clock'>): string => timeInSeconds(pveNowMs(cluster, deps))

/** A moment that the API server has dated, by PVE's clock, at the earliest: whether the machine's clock was as the API server's then, nobody knows. */
export const earliestInPveMs = ({ clockSkewMs }: PveClock, iso: string): number => Date.parse(iso) + Math.min(0, clockSkewMs)
