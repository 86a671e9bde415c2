/** A restore that no object knows of may be of this VM: its record was lost while PVE worked, and the guest shows its mark only at the end. */
import { type Obstacle, wait } from '../../ladder/outcome.ts'
import { isTaskOver, endOf } from '../../proxmox/task-end.ts'
import { earliestInPveMs } from '../pve-time.ts'
import type { IntentInput } from './intent-input.ts'
import { heldVmids } from './vmid.ts'

const mostTasks = 500
/** PVE tells starts in whole seconds. */
const slackSeconds = 5

/** Looks at the restores since the object was made, into numbers that nobody holds. Undefined: none is of this VM. */
export async function unknownRestore({
  deps,
  draft,
  cluster,
}: Pick<IntentInput, 'deps' | 'draft' | 'cluster'>): Promise<Obstacle | undefined> {
  const { uid = '', creationTimestamp = '' } = draft.vm.metadata
  const since = Math.floor(earliestInPveMs(cluster, creationTimestamp) / 1000) - slackSeconds
  const held = heldVmids(deps, draft.vm)
  const { from, to } = cluster.spec.vmids
  const made = new Set<number>()
  for (const { node, online } of cluster.inventory.current()?.nodes.values() ?? []) {
    if (!online) continue
    for (const source of ['active', 'archive'] as const) {
      const tasks = await cluster.pve.tasks(node, { source, typefilter: 'qmrestore', since, limit: mostTasks })
      for (const { id, status } of tasks) {
        const vmid = Number(id)
        if (!(from <= vmid && vmid <= to) || held.has(vmid)) continue
        if (status === 'RUNNING' || !isTaskOver(endOf(status)))
          return wait(
            'LookingForGuests',
            `A restore to VM ${vmid} runs on ${node} that no object has on record; it may be of this VM.`,
            5_000,
          )
        made.add(vmid)
      }
    }
  }
  if (made.size === 0) return undefined
  await cluster.inventory.since(deps.clock.monotonicMs())
  for (const vmid of made) {
    const guest = await cluster.guests.look(vmid)
    if (guest?.mark?.uid === uid && guest.mark.vmid === vmid)
      return wait('LookingForGuests', `VM ${vmid} carries the mark of this object; it is taken back.`, 0)
  }
  return undefined
}
