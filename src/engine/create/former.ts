/** A guest of a former object of this name: told, for `kubectl pve adopt --former`. */
import type { KnownGuest } from '../../cluster/guest-index.ts'
import { type Obstacle, stalled } from '../../ladder/outcome.ts'
import type { Pass } from '../pass.ts'

/** Nothing is made beside it. The status names it. */
export function ofFormerObject({ draft }: Pass, { vmid, node, macAddress, mark, class: is }: KnownGuest): Obstacle {
  const { namespace, name } = draft.vm.metadata
  const installation = is === 'theirs' ? mark?.object?.installation : undefined
  draft.change((status) => ({
    ...status,
    adoption: { vmid, node, ...(macAddress && { macAddress }), ...(mark && { fromUID: mark.uid }), ...(installation && { installation }) },
  }))
  const whose = `VM ${vmid} on ${node} belongs to a former object named ${namespace}/${name} (uid ${mark?.uid})`
  const where = installation ? ` of another Kubernetes cluster (${installation}), whose operator must not run any more` : ''
  return stalled(
    'OwnedByFormerObject',
    `${whose}${where}. The operator creates nothing. To take the VM over with its addresses: kubectl pve adopt --former -n ${namespace}. To make a new VM instead, delete VM ${vmid} in PVE first.`,
  )
}
