/** A guest of a former object of this name: told, and taken over when spec.adopt says so. */
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import type { KnownGuest } from '../../cluster/guest-index.ts'
import { markOf, parseMark, printObjectLine, unionOfDone, withMark, type Mark } from '../../ladder/mark.ts'
import { type Obstacle, retry, stalled, wait } from '../../ladder/outcome.ts'
import { parseNet } from '../../proxmox/net-string.ts'
import { packageAsFound } from '../../want/package-as-found.ts'
import { objectLineOf } from '../../want/object-line.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
import { Look } from '../look.ts'
import type { Pass } from '../pass.ts'
import { claimantOf, entriesOf } from './addresses.ts'
import { inheritCredentials } from './credentials.ts'
import { ensureFinalizer } from './finalizer.ts'
import { addressesOf, shownAddresses, takeBack } from './take-back.ts'

export type Adopt = NonNullable<ProxmoxVM['spec']['adopt']>

/** Nothing is made beside it. The status names it, for `kubectl pve adopt --former`. */
export function ofFormerObject({ draft }: Pass, { vmid, node, macAddress, mark, class: is }: KnownGuest): Obstacle {
  const { namespace, name } = draft.vm.metadata
  const installation = is === 'theirs' ? mark?.object?.installation : undefined
  draft.change((status) => ({
    ...status,
    adoption: { vmid, node, ...(macAddress && { macAddress }), ...(mark && { fromUID: mark.uid }), ...(installation && { installation }) },
  }))
  const whose = `VM ${vmid} on ${node} belongs to a former object named ${namespace}/${name} (uid ${mark?.uid})`
  const where = installation ? ` of another Kubernetes cluster (${installation}), which must not be at work any more` : ''
  return stalled(
    'OwnedByFormerObject',
    `${whose}${where}. Nothing is created. To take it over with its addresses: kubectl pve adopt --former -n ${namespace}. To make a new VM instead, delete VM ${vmid} in PVE first.`,
  )
}

/**
 * Judged on a fresh look; then claims, mark (with the digest of that look), status, so that a crash anywhere is followed by the same again. The
 * guest runs on as it is. Undefined: it is this object's now.
 */
export async function adoptGuest(pass: Pass, cluster: PveCluster, adopt: Adopt): Promise<Obstacle | undefined> {
  const { deps, draft } = pass
  const look = await freshLook(pass, cluster, adopt)
  if (look.seen.guest !== 'ours') {
    const objection = objectionTo(pass, look, adopt)
    if (objection) return await giveUp(pass, objection)
    await ensureFinalizer(deps, draft)
    const { vmid, macAddress, fromUID } = adopt
    draft.change((status) => ({ ...status, adoption: { vmid, node: look.at.node, macAddress, ...(fromUID !== undefined && { fromUID }) } }))
    await draft.save()
    const refused = await claimShown(pass, look, adopt)
    if (refused) return refused
    await writeMark(pass, cluster, look, adopt)
  }
  if (adopt.fromUID !== undefined) await inheritCredentials(draft.vm, deps.client, adopt.fromUID)
  const taken = await freshLook(pass, cluster, adopt)
  if (taken.seen.guest !== 'ours') return retry('Retrying', `VM ${adopt.vmid} was changed in PVE meanwhile.`)
  await finish(pass, cluster, taken, adopt)
  return undefined
}

async function freshLook({ deps, draft }: Pass, cluster: PveCluster, { vmid }: Adopt): Promise<Look> {
  const mark = markOf(draft.vm.metadata.uid ?? '', vmid)
  const look = new Look({ cluster, vmid, mark, proofSinceMs: deps.clock.monotonicMs() })
  await look.need('presence')
  return look
}

/** Another guest than the one described, or one that is not to be had. */
function objectionTo({ deps }: Pass, look: Look, adopt: Adopt): Obstacle | undefined {
  const { guest, config, lock } = look.seen
  const at = `VM ${adopt.vmid}${look.at.node && ` on ${look.at.node}`}`
  if (guest === 'unproved') return look.unproved(`PVE cannot tell for certain whether VM ${adopt.vmid} exists`)
  if (guest === 'absent') return stalled('AdoptMismatch', `PVE has no VM ${adopt.vmid}; correct spec.adopt or take it away.`)
  if (lock) return wait('Locked', `PVE holds the lock "${lock}" on ${at}; the VM is taken over when the lock goes.`, 30_000)
  const values = config?.values ?? {}
  if (values.template === '1') return stalled('AdoptMismatch', `${at} is a template, which cannot become a VM.`)
  const why = markObjection(parseMark(values.description), adopt, deps.isLiving) ?? macObjection(values.net0, adopt)
  return why === undefined ? undefined : stalled('AdoptMismatch', `${at} ${why} Nothing was changed.`)
}

function markObjection(mark: Mark | undefined, { vmid, fromUID }: Adopt, isLiving: (uid: string) => boolean): string | undefined {
  if (!mark) return 'carries no mark of an object; only a guest with one can be taken over.'
  if (mark.vmid !== vmid) return `is a copy of VM ${mark.vmid}: its mark names that number.`
  if (isLiving(mark.uid)) return `belongs to a ProxmoxVM that exists (uid ${mark.uid}).`
  return mark.uid === fromUID ? undefined : `is marked with uid ${mark.uid}, and spec.adopt.fromUID says ${fromUID ?? 'none'}.`
}

function macObjection(net0: string | undefined, { macAddress }: Adopt): string | undefined {
  const found = parseNet(net0 ?? '').macAddress?.toUpperCase()
  return found === macAddress.toUpperCase()
    ? undefined
    : `has the MAC address ${found ?? '(none)'}, and spec.adopt.macAddress says ${macAddress}.`
}

/** What was claimed for a guest that is not taken after all goes back; should the guest show it, it is in use from then on. */
async function giveUp({ deps, draft }: Pass, why: Obstacle): Promise<Obstacle> {
  const { adoption, intentAt } = draft.status
  if (why.is !== 'stalled' || !adoption || adoption.takenAt || intentAt !== undefined) return why
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
  return refusal && stalled(refusal.reason, `VM ${vmid} cannot be taken over with its addresses: ${refusal.message}.`)
}

async function writeMark({ deps, draft }: Pass, cluster: PveCluster, look: Look, { vmid }: Adopt): Promise<void> {
  const { values, digest } = look.seen.config ?? { values: {} as Readonly<Record<string, string>>, digest: '' }
  const known = parseMark(values.description)?.object?.done ?? []
  const object = objectLineOf(draft.vm, draft.status, deps.installation.uid)
  const line = printObjectLine({ ...object, done: unionOfDone(known, object.done) })
  const description = withMark(values.description, markOf(draft.vm.metadata.uid ?? '', vmid), line)
  deps.mayAct()
  await cluster.pve.updateConfig(look.at, { set: { description }, remove: [], digest })
}

async function finish(pass: Pass, cluster: PveCluster, look: Look, { vmid, fromUID }: Adopt): Promise<void> {
  const { deps, draft } = pass
  const { vm } = draft
  const values = look.seen.config?.values ?? {}
  const takenAt = nowIso(deps.clock)
  draft.change(({ adoption, ...status }) => ({ ...status, adoption: { vmid, ...adoption, takenAt } }))
  await takeBack(pass, cluster, look, { isFinished: true, source: (resolved) => packageAsFound(resolved, vm.spec.package ?? {}, values) })
  await cluster.guests.look(vmid)
  const from = fromUID === undefined ? '' : ` from the former object ${fromUID}`
  recordEvent(deps, vm, 'Normal', 'Adopted', `VM ${vmid} on ${look.at.node} was taken over${from}, as it is.`)
}
