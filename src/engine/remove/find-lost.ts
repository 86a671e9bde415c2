/** At the end of an object without a VM on record: has it one all the same? */
import { type Obstacle, wait } from '../../ladder/outcome.ts'
import { findOwn } from '../create/recognise.ts'
import { unknownRestore } from '../create/unknown-restore.ts'
import type { Pass } from '../pass.ts'
import { silenceOf } from '../references.ts'

/** Undefined: it has a record (perhaps one that was just taken back), or nothing was ever made for it. */
export async function findLost(pass: Pass): Promise<Obstacle | undefined> {
  const { deps, draft } = pass
  const { status, vm } = draft
  if (status.intentAt !== undefined || status.reinstall?.running?.removed) return undefined
  const { name } = vm.spec.clusterRef
  const cluster = deps.clusters.get(name)
  if (cluster) {
    const silence = silenceOf(cluster, deps.clock)
    if (silence && silence.is !== 'done') return silence
    const own = await findOwn(pass, cluster)
    if (own !== 'none') return own === 'found' ? undefined : own
    return vm.spec.template.backupRef ? await unknownRestore({ ...pass, cluster }) : undefined
  }
  // An object that holds an address may have a VM that uses it.
  if (deps.book.held(vm.metadata.uid ?? '').length === 0) return undefined
  return wait(
    'ClusterNotReady',
    `ProxmoxCluster "${name}" does not exist or is not ready, so the operator cannot see whether PVE has a VM of this object; create or repair it.`,
  )
}
