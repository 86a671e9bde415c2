/** Of a VM that was taken over: what differs is noted before anything is written, and stays as found until the spec asks for it. */
import type { PveCluster } from '../../cluster/cluster.ts'
import type { Want } from '../../ladder/machine.ts'
import { isOutcome, type Obstacle } from '../../ladder/outcome.ts'
import { type Fields, withAsFound, withoutUnmadeDisks } from '../../want/as-found.ts'
import { isBirth } from '../../want/birth.ts'
import { wantWithSlots } from '../apply/ascent.ts'
import type { Prepared } from '../apply/prepare.ts'
import type { Look } from '../look.ts'
import type { Pass } from '../pass.ts'
import { fieldsAsFound, withDifferences } from './as-found-state.ts'
import { differencesOf } from './compare.ts'
import { tooMany } from './prospect.ts'

/**
 * Compares the guest with the spec. The first time all that differs is noted, in status before the climb begins; later an entry goes once the
 * spec wants something else of its field, or the guest is as the spec says.
 */
export async function noteAsFound(pass: Pass, cluster: PveCluster, prepared: Prepared, look: Look): Promise<Obstacle | undefined> {
  const { draft } = pass
  const { adoption } = draft.status
  if (adoption?.takenAt === undefined || adoption.differences?.length === 0) return undefined
  if (isBirth(draft.status)) {
    if (adoption.differences) draft.change(withDifferences([]))
    return undefined
  }
  await look.need('presence')
  if (look.seen.guest !== 'ours') return undefined
  for (const part of ['config', 'firewall', 'power'] as const) await look.need(part)
  const want = wantWithSlots(pass, cluster, prepared, look)
  if (isOutcome(want)) return want
  const now = differencesOf(draft.vm, look.seen, want)
  if (adoption.differences === undefined) {
    const refused = tooMany(adoption.vmid, now)
    if (refused) return refused
    draft.change(withDifferences(now))
    await draft.save()
    return undefined
  }
  const left = adoption.differences.filter(({ field, wanted }) => now.some((one) => one.field === field && one.wanted === wanted))
  if (left.length < adoption.differences.length) draft.change(withDifferences(left))
  return undefined
}

/** What is wanted of a VM, narrowed to what is ours of one that was taken over. `more`: further fields that stay as they are. */
export function wantLeavingAsFound(pass: Pass, cluster: PveCluster, prepared: Prepared, look: Look, more: Fields): Want | Obstacle {
  const fields = new Set([...fieldsAsFound(pass.draft.status), ...more])
  if (fields.size === 0) return wantWithSlots(pass, cluster, prepared, look)
  const { resolved } = prepared
  const merged = withoutUnmadeDisks(resolved.merged, fields)
  const want = wantWithSlots(pass, cluster, { ...prepared, resolved: { ...resolved, merged } }, look)
  return isOutcome(want) ? want : withAsFound(want, fields)
}
