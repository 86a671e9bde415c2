/** On which node a restore may make the VM: like births and reinstalls, none begins on a node that is closed. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { closedBy, openNodes } from '../../cluster/placement.ts'
import { type Obstacle, stalled, wait } from '../../ladder/outcome.ts'
import type { Listing } from '../../proxmox/listing.ts'
import type { Pass } from '../pass.ts'

/** Why a restore does not begin on that node. One that has lost the disks of its VM goes on: nothing else brings them back. */
export function closedFor({ draft }: Pass, cluster: PveCluster, { nodes }: Listing, node: string): Obstacle | undefined {
  const row = nodes.get(node)
  const why = row && closedBy(row, openNodes(cluster.spec))
  if (!row || why === undefined || (row.online && draft.status.restore?.running?.isDiskless)) return undefined
  const whose = draft.status.node === node ? `the node of VM ${draft.status.vmid}` : 'the node that reaches the backup'
  return stalled(
    'NoCapacity',
    `Node ${why}, and it is ${whose}. The restore begins when the node takes VMs again, or after VM ${draft.status.vmid} was moved to another node.`,
  )
}

/** A VM that is missing comes back where it was, or on another node that reaches the file. */
export function nodeForMissing({ draft }: Pass, cluster: PveCluster, storage: string): string | Obstacle {
  const { nodes, storages } = cluster.inventory.current() ?? { nodes: new Map(), storages: [] }
  const { allowedNodes, cordoned } = openNodes(cluster.spec)
  const isAllowed = (node: string) => node === draft.status.node || (allowedNodes?.includes(node) ?? true)
  const reach = storages.filter((row) => row.storage === storage && row.available && isAllowed(row.node)).map(({ node }) => node)
  const closed = reach.flatMap((node) => {
    const row = nodes.get(node)
    const why = row === undefined ? `${node} is not listed` : closedBy(row, { ...(cordoned && { cordoned }) })
    return why === undefined ? [] : [{ node, why }]
  })
  const open = reach.filter((node) => !closed.some((each) => each.node === node))
  const found = open.find((node) => node === draft.status.node) ?? open[0]
  if (found !== undefined) return found
  if (closed.length === 0) return wait('BackupStorage', `No node that is online reaches storage "${storage}" with the backup.`)
  const all = closed.map(({ why }) => why).join(', ')
  return stalled('NoCapacity', `No node that reaches storage "${storage}" with the backup takes VMs: ${all}.`)
}
