/** What the gauges of capacity ask at each scrape. */
import { capacityOf } from './cluster/capacity.ts'
import type { Operator } from './operator.ts'
import type { ClusterCapacity } from './ops/capacity-gauges.ts'

/** Of each cluster that has been listed. */
export function capacitiesOf({ clusters }: Operator): ClusterCapacity[] {
  return clusters.directory.list().flatMap(({ name, inventory }) => {
    const listing = inventory.current()
    return listing ? [{ cluster: name, ...capacityOf(listing) }] : []
  })
}
