/** A guest becomes this object's VM, as it is: claims, mark, status, in this order. */
import type { Adopt } from '../../api/adopt.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import { markOf, ownTag, parseMark, printObjectLine, unionOfDone, withMark } from '../../ladder/mark.ts'
import { isOutcome, type Obstacle, retry, stalled, wait } from '../../ladder/outcome.ts'
import { objectLineOf } from '../../want/object-line.ts'
import { claimantOf, entriesOf } from '../create/addresses.ts'
import { inheritCredentials } from '../create/credentials.ts'
import { ensureFinalizer } from '../create/finalizer.ts'
import { addressesOf, shownAddresses, takeBack } from '../create/take-back.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
import { isLockTold, lockObstacle } from '../lock-sentence.ts'
import { Look } from '../look.ts'
import type { Pass } from '../pass.ts'
import { judged } from '../status.ts'
import { adoptionObjection, ownerObjection } from './objections.ts'
import { prospectOf, readingOf } from './prospect.ts'
import { reportGuest } from './report.ts'

/** Undefined: it is this object's now. */
export async function adoptGuest(pass: Pass, cluster: PveCluster, adopt: Adopt): Promise<Obstacle | undefined> {
  const { vmid, macAddress } = adopt
  if (adopt.mode === 'Report' || macAddress === undefined)
    return await reportGuest(pass, cluster, adopt, () => freshLook(pass, cluster, vmid))
  return await takeGuest(pass, cluster, { ...adopt, macAddress })
}

type Take = Adopt & { readonly macAddress: string }

/**
 * Judged on a fresh look; then claims, mark (with the digest of that look), status, so that a crash anywhere is followed by the same again. The
 * guest runs on as it is.
 */
async function takeGuest(pass: Pass, cluster: PveCluster, adopt: Take): Promise<Obstacle | undefined> {
  const { deps, draft } = pass
  const look = await freshLook(pass, cluster, adopt.vmid)
  if (look.seen.guest !== 'ours') {
    const objection = (await lockObjection(pass, cluster, look)) ?? adoptionObjection(pass, look, adopt)
    const prospect = objection ?? (await prospectOf(pass, cluster, look, adopt))
    const refusal = isOutcome(prospect) ? prospect : await ownerObjection(pass, look)
    if (refusal) return await giveUp(pass, refusal)
    await ensureFinalizer(deps, draft)
    const { vmid, macAddress, fromUID } = adopt
    // What a report found is compared again when the guest is ours.
    draft.change((status) => ({ ...status, adoption: { vmid, node: look.at.node, macAddress, ...(fromUID !== undefined && { fromUID }) } }))
    await draft.save()
    const refused = await claimShown(pass, look, adopt)
    if (refused) return refused
    await writeMark(pass, cluster, look, adopt)
  }
  if (adopt.fromUID !== undefined) await inheritCredentials(draft.vm, deps.client, adopt.fromUID)
  const taken = await freshLook(pass, cluster, adopt.vmid)
  if (taken.seen.guest !== 'ours')
    return retry('Retrying', `VM ${adopt.vmid} was changed in PVE while the operator compared it; comparing again.`)
  await finish(pass, cluster, taken, adopt)
  return undefined
}

async function freshLook({ deps, draft }: Pass, cluster: PveCluster, vmid: number): Promise<Look> {
  const mark = markOf(draft.vm.metadata.uid ?? '', vmid)
  const look = new Look({ cluster, vmid, mark, proofSinceMs: deps.clock.monotonicMs(), wantsForeign: true })
  await look.need('presence')
  return look
}

/** Before all that is read in its configuration, which may not be whole. A hibernated guest is waited for without a command: to unlock it would lose its memory. */
async function lockObjection({ draft }: Pass, cluster: PveCluster, { at, seen: { config, lock } }: Look): Promise<Obstacle | undefined> {
  if (!config || !lock) return undefined
  const next = 'the operator takes the VM over when PVE releases the lock'
  if (lock === 'suspended') return wait('Locked', `PVE holds the lock "${lock}" on VM ${at.vmid} on ${at.node}; ${next}.`, 30_000)
  return await lockObstacle({ cluster, at, lock, seenBefore: isLockTold(draft.written, lock) ? lock : undefined, next })
}

/** What was claimed for a guest that is not taken after all goes back; should the guest show it, it is in use from then on. */
async function giveUp({ deps, draft }: Pass, why: Obstacle): Promise<Obstacle> {
  const { adoption, intentAt } = draft.status
  if (why.is !== 'stalled' || why.reason === 'StuckLock' || !adoption || adoption.takenAt || intentAt !== undefined) return why
  deps.mayAct()
  await deps.book.release(claimantOf(draft), { outcome: 'free' })
  draft.change(({ adoption: _, ...status }) => status)
  return why
}

/** Exactly the addresses that the guest has: claims of the former object, and those that nobody holds. */
async function claimShown(pass: Pass, look: Look, { vmid }: Adopt): Promise<Obstacle | undefined> {
  const { deps, draft } = pass
  deps.mayAct()
  const who = { ...claimantOf(draft), vmid }
  const shown = await shownAddresses(look)
  await deps.inheritClaims(who, entriesOf(draft), shown)
  const own = addressesOf(pass, shown)
  const entries = entriesOf(draft).flatMap((entry) => {
    const recorded = own.find(({ name }) => name === entry.name)?.address
    return recorded === undefined ? [] : [{ ...entry, recorded }]
  })
  const answers = await deps.book.claim(who, entries, draft.vm.spec.clusterRef.name)
  const refusal = answers.find((answer) => answer.is !== 'granted')
  return refusal && stalled(refusal.reason, `VM ${vmid} cannot be taken over together with its addresses: ${refusal.message}.`)
}

/** Two lines of the description and a tag; what people wrote beside them stays. */
async function writeMark({ deps, draft }: Pass, cluster: PveCluster, look: Look, { vmid }: Adopt): Promise<void> {
  const { values, digest } = look.seen.config ?? { values: {} as Readonly<Record<string, string>>, digest: '' }
  const known = parseMark(values.description)?.object?.done ?? []
  const object = objectLineOf(draft.vm, draft.status, deps.installation.uid)
  const line = printObjectLine({ ...object, done: unionOfDone(known, object.done) })
  const description = withMark(values.description, markOf(draft.vm.metadata.uid ?? '', vmid), line)
  const tags = (values.tags ?? '').split(/[;, ]+/).filter(Boolean)
  const tagged = cluster.spec.tags === 'None' || tags.includes(ownTag) ? {} : { tags: [...tags, ownTag].join(';') }
  deps.mayAct()
  await cluster.pve.updateConfig(look.at, { set: { description, ...tagged }, remove: [], digest })
}

async function finish(pass: Pass, cluster: PveCluster, look: Look, adopt: Take): Promise<void> {
  const { deps, draft } = pass
  const { vm } = draft
  const { vmid, fromUID } = adopt
  const takenAt = nowIso(deps.clock)
  const reading = readingOf(pass, cluster, look, adopt)
  draft.change(
    ({ adoption, ...status }) => {
      const { differences: _, ...kept } = adoption ?? { vmid, differences: [] }
      const { macAddress, backups } = adopt
      const told = { ...(fromUID !== undefined && { fromUID }), ...(backups && { backups }) }
      return { ...status, adoption: { ...kept, vmid, macAddress, ...told, takenAt } }
    },
    judged(vm, takenAt, [], ['Adoptable']),
  )
  await takeBack(pass, cluster, look, reading)
  await cluster.guests.look(vmid)
  const from = fromUID === undefined ? '' : ` from the former object ${fromUID}`
  recordEvent(deps, vm, 'Normal', 'Adopted', `VM ${vmid} on ${look.at.node} was taken over${from}, as it is.`)
}
