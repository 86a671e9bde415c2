/** What the nodes of a cluster make of its conditions NodesOnline and FiguresFresh, and of its column NODES. Pure. */
import type { ClusterCondition } from '../api/condition-words.ts'
import type { Condition } from '../api/object.ts'
import type { Reason } from '../api/reasons.ts'
import type { Listing, NodeRow } from '../proxmox/listing.ts'

interface NodesVerdict {
  readonly status: Condition['status']
  readonly reason: Reason
  readonly message: string
}

const byName = (a: NodeRow, b: NodeRow): number => a.node.localeCompare(b.node, 'en', { numeric: true })

/** `2/3`: online, of all. */
export function onlineOf({ nodes }: Listing): string {
  return `${[...nodes.values()].filter(({ online }) => online).length}/${nodes.size}`
}

/** @param vmsByNode VMs of ours. */
export function nodesVerdicts(
  listing: Listing,
  vmsByNode: ReadonlyMap<string, number>,
): Pick<Record<ClusterCondition, NodesVerdict>, 'NodesOnline' | 'FiguresFresh'> {
  const nodes = [...listing.nodes.values()].toSorted(byName)
  const off = nodes.filter(({ online }) => !online)
  const silent = nodes.filter(({ online, hasFigures }) => online && !hasFigures)
  const held = ({ node }: NodeRow) => `${node}, with ${countOf(vmsByNode.get(node) ?? 0)}`
  const are = off.length === 1 ? 'is' : 'are'
  return {
    NodesOnline:
      off.length === 0
        ? { status: 'True', reason: 'NodesOnline', message: 'Every node is online.' }
        : {
            status: 'False',
            reason: 'NodeOffline',
            message: `${off.length} of ${nodes.length} nodes ${are} offline: ${off.map(held).join('; ')}. The operator cannot see whether these VMs run.`,
          },
    FiguresFresh:
      silent.length === 0
        ? { status: 'True', reason: 'FiguresFresh', message: 'Every node that is online reports the state of its guests.' }
        : {
            status: 'False',
            reason: 'FiguresMissing',
            message: `No figures come from ${silent.map(held).join('; ')}. These VMs keep their last known state. An admin must run there: systemctl restart pvestatd.`,
          },
  }
}

const countOf = (vms: number): string => (vms === 1 ? '1 VM' : `${vms} VMs`)
