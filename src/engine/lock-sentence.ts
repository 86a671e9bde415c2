import type { Condition } from '../api/object.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import type { TaskRow } from '../proxmox/answers.ts'
import { type Obstacle, stalled, wait } from '../ladder/outcome.ts'

// What a lock that PVE holds on a guest means: somebody works on it, or a task that died left it behind.

/** More than a node runs at once. */
const mostTasks = 500

export interface LockedGuest {
  readonly cluster: Pick<PveCluster, 'pve'>
  readonly at: { readonly node: string; readonly vmid: number }
  readonly lock: string
  /** The lock that a former pass saw. One that is new may belong to a task that has just ended. */
  readonly seenBefore: string | undefined
  /** What the lock holds up, as the end of a sentence: `nothing is changed until the lock goes`. */
  readonly next: string
}

/**
 * The obstacle that this lock is: waited for while a task works under it, and told with its command once nobody does.
 * A lock outlives its task only if that was killed or its node went down (qemu-server; recording 28).
 */
export async function lockObstacle({ cluster, at, lock, seenBefore, next }: LockedGuest): Promise<Obstacle> {
  const tasks = await cluster.pve.tasks(at.node, { source: 'active', limit: mostTasks })
  const working = tasks.find((task) => mayHold(task, at.vmid, lock))
  const held = `PVE holds the lock "${lock}" on VM ${at.vmid}`
  if (working) return wait('Locked', `${held} while task ${working.type} runs on ${at.node}; ${next}.`, 60_000)
  if (seenBefore !== lock) return wait('Locked', `${held}; ${next}.`, 5_000)
  return stalled('StuckLock', `${stuckLock(at, lock)} Otherwise an admin must run on ${at.node}: qm unlock ${at.vmid}; ${next}.`)
}

/** A former look saw the lock, whatever it was taken for: what is stuck stays so. For objects that keep no lock in status. Pure. */
export const isLockTold = ({ conditions = [] }: { readonly conditions?: readonly Condition[] }, lock: string): boolean =>
  conditions.some(({ reason, message }) => (reason === 'Locked' || reason === 'StuckLock') && message.includes(`"${lock}"`))

/** The first sentence of all that is said of a lock without a task. */
export const stuckLock = ({ node, vmid }: LockedGuest['at'], lock: string): string =>
  `VM ${vmid} on ${node} has the lock "${lock}" and no task of PVE works on it. Wait if somebody works on it by hand.`

/** The id of a task is its guest; a backup job over several guests has none (pve-manager, vzdump). */
const mayHold = ({ id, type }: TaskRow, vmid: number, lock: string): boolean =>
  id === String(vmid) || (lock === 'backup' && type === 'vzdump' && id === '')
