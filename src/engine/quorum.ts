import type { PveCluster } from '../cluster/cluster.ts'
import { judge } from '../proxmox/failures.ts'
import { type Obstacle, retry } from '../ladder/outcome.ts'

/**
 * A minority partition answers every question with old data, so whatever would be concluded from a guest that it shows is asked for quorum
 * first. Undefined: the answers count. A token that may not ask is believed, as PVE refuses its writes without quorum.
 */
export async function quorumDoubt(cluster: PveCluster): Promise<Obstacle | undefined> {
  try {
    const { quorate } = await cluster.pve.clusterStatus()
    if (quorate) return undefined
  } catch (fault) {
    if (judge(fault).kind !== 'denied') throw fault
    return undefined
  }
  return retry(
    'NoQuorum',
    `The part of PVE cluster "${cluster.name}" that answers has no quorum, so what it shows may be old; the operator does not act on it.`,
  )
}
