/** Writes the second line of the mark of a VM of which nothing else is to be written: one of an older version. */
import type { PveCluster } from '../../cluster/cluster.ts'
import type { Want } from '../../ladder/machine.ts'
import { refreshedDescription } from '../../ladder/mark.ts'
import { observes } from '../observe.ts'
import type { Look } from '../look.ts'
import type { Pass } from '../pass.ts'

/** At most one VM a second: a fleet of an older version is marked in the background. */
const paceMs = 1_000
const lastMs = new WeakMap<PveCluster, number>()

/**
 * At the end of a look that found nothing missing. No event and no status: for the people nothing has changed. What PVE refuses is tried again
 * after the next look; the VM is ours all the same.
 */
export async function refreshMark({ deps, key }: Pass, cluster: PveCluster, look: Look, { mark, object }: Want): Promise<void> {
  const { config, lock } = look.seen
  const description = object && !lock && config ? refreshedDescription(config.values.description, mark, object) : undefined
  const now = deps.clock.monotonicMs()
  if (description === undefined || look.isCarried || observes(cluster) || now - (lastMs.get(cluster) ?? -paceMs) < paceMs) return
  lastMs.set(cluster, now)
  deps.mayAct()
  try {
    await cluster.pve.updateConfig(look.at, { set: { description }, remove: [], digest: config?.digest ?? '' })
  } catch (err) {
    deps.log.info({ vm: key, err }, 'the operator writes its second owner line next')
  }
}
