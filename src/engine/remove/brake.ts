/** The last question before a VM is destroyed, for whatever reason: whether the brake of its cluster lets it happen now. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { type Outcome, done, stalled } from '../../ladder/outcome.ts'
import type { Pass } from '../pass.ts'
import { timeInSeconds } from '../../api/time.ts'

/** What destroys a VM. `id` tells one from the next of the same VM. */
export interface Errand {
  readonly kind: 'deletion' | 'reinstall' | 'restore' | 'Remove'
  /** requestID of a reinstall or restore, uid of a command. */
  readonly id?: string
}

/**
 * Asked after everything else that could stand in the way and before the first request that destroys something (power cut for it, backups,
 * disks). `done`: it may be destroyed, and that is counted in ProxmoxCluster.status already. Else Stalled/TooManyDeletions; the VM is woken
 * when there is room. May be asked any number of times for one errand, which counts once.
 */
export async function mayDestroy({ deps, draft, key }: Pass, cluster: PveCluster, { kind, id }: Errand): Promise<Outcome> {
  const uid = draft.vm.metadata.uid ?? ''
  const [crd] = deps.kinds.leaving
  if (crd !== undefined)
    return stalled(
      'CRDDeleting',
      `CustomResourceDefinition ${crd} is being deleted; the operator destroys no VM until that is over (docs/uninstall.md).`,
    )
  const leave = await cluster.deletions.ask({ key, uid, errand: id ? `${kind} ${id}`.slice(0, 256) : kind })
  if (leave.is === 'granted' && kind === 'deletion') deps.releaseDns(key, uid)
  if (leave.is === 'granted') return done
  const { used, max, windowMs, position, roomAtMs } = leave
  const recent = `${used} ${used === 1 ? 'VM' : 'VMs'} of ProxmoxCluster ${cluster.name} ${used === 1 ? 'was' : 'were'} destroyed in the last ${minutes(windowMs)}, and limits.deletions allows ${max}`
  const turn = `VM ${draft.status.vmid} is number ${position} in the queue for its ${kind}`
  const next = roomAtMs === undefined ? '' : ` The operator continues at ${timeInSeconds(roomAtMs)}.`
  const remedy = `If you want all of them deleted, run: kubectl pve allow-deletions ${cluster.name} --for 1h.`
  return stalled('TooManyDeletions', `${recent}; ${turn}.${next} ${remedy}`)
}

const minutes = (ms: number): string => (ms % 60_000 === 0 ? `${ms / 60_000} min` : `${Math.round(ms / 1000)} s`)
