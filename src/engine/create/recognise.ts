/** Finds the VM of an object whose record was lost, before anything is made for it and before "nothing was made" is concluded. */
import type { Adopt } from '../../api/adopt.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import type { KnownGuest } from '../../cluster/guest-index.ts'
import { parseAddress } from '../../ipam/address.ts'
import { markOf } from '../../ladder/mark.ts'
import { type Obstacle, wait } from '../../ladder/outcome.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
import { Look } from '../look.ts'
import type { Pass } from '../pass.ts'
import { judged } from '../status.ts'
import { isOursByRestore } from '../restore/restore-state.ts'
import { claimantOf, entriesOf } from './addresses.ts'
import { lostAfterMs, silentWindowMs } from './clone-requests.ts'
import { presenceOf } from '../../proxmox/presence.ts'
import { adoptGuest } from '../adopt/take.ts'
import { ofFormerObject } from './former.ts'
import { shownAddresses, takeBack } from './take-back.ts'

/** Undefined: the record stands, or the VM was taken back, or PVE has none of this object: go on. */
export async function recognise(pass: Pass, cluster: PveCluster): Promise<Obstacle | undefined> {
  const { status, vm } = pass.draft
  // Its VM is proved to be gone, and the new one has its VMID.
  if (status.reinstall?.running?.removed || isOursByRestore(status)) return undefined
  if (status.intentAt !== undefined) return await checkRecord(pass, cluster)
  const own = await findOwn(pass, cluster)
  if (own !== 'none') return own === 'found' ? undefined : own
  if (vm.spec.adopt) return await adoptGuest(pass, cluster, vm.spec.adopt)
  const { namespace = '', name } = vm.metadata
  const former = cluster.guests.ofFormer({ cluster: vm.spec.clusterRef.name, namespace, name })
  if (former && !(await isGone(pass, cluster, former.vmid))) return ofFormerObject(pass, former)
  if (status.adoption && !status.adoption.takenAt)
    pass.draft.change(({ adoption: _, ...rest }) => rest, judged(vm, nowIso(pass.deps.clock), [], ['Adoptable']))
  return undefined
}

/** One that is listed no longer may be in the index of guests for a while: its proof there waits for the background reading. */
async function isGone({ deps }: Pass, cluster: PveCluster, vmid: number): Promise<boolean> {
  if (cluster.inventory.current()?.guests.has(vmid) !== false) return false
  return (await presenceOf(cluster, vmid, deps.clock.monotonicMs())).is === 'absent'
}

/**
 * In every pass, also over a VM at rest: should its status be lost later, this process knows where to look. The guests that no object owns do not
 * have it yet, since it had an owner when they were listed.
 */
export function noteRecord({ deps, draft, memory }: Pick<Pass, 'deps' | 'draft' | 'memory'>): void {
  const { vmid, intentAt } = draft.status
  if (vmid !== undefined && intentAt !== undefined) memory.record = { vmid, seenMs: deps.clock.monotonicMs() }
}

/** `found`: it is in the status again. */
export async function findOwn(pass: Pass, cluster: PveCluster): Promise<'found' | 'none' | Obstacle> {
  const { draft, memory } = pass
  const { uid = '' } = draft.vm.metadata
  const listing = cluster.inventory.current() ?? (await cluster.inventory.since(0))
  if (memory.record.vmid !== undefined) {
    const found = await remembered(pass, cluster, memory.record.vmid)
    if (found !== 'none') return found
  }
  // A guest of these numbers may have lost its tag.
  for (const vmid of [draft.vm.spec.vmid, draft.vm.spec.adopt?.vmid])
    if (vmid !== undefined && listing.guests.has(vmid) && !cluster.guests.get(vmid)) await cluster.guests.look(vmid)
  const known = cluster.guests.byUid(uid)
  if (known) {
    const found = await takeBackAt(pass, cluster, known.vmid)
    if (found !== 'none') return found
  }
  return waitForGuests(cluster) ?? 'none'
}

/** One of the guests that have not been read may be this VM, or have an address that is about to be given out. */
export function waitForGuests({ guests }: PveCluster): Obstacle | undefined {
  const unread = guests.unread()
  if (unread?.length === 0) return undefined
  const named = (unread ?? []).slice(0, 5).join(', ')
  const which = unread
    ? `${unread.length} guests in PVE that have the tag of the operator or are being copied (${named})`
    : 'the guests of PVE'
  return wait('LookingForGuests', `Waiting until ${which} have been read: one of them may be this VM.`, 1_000)
}

/** This process has seen the record: the VM may be too young for the listing. */
async function remembered(pass: Pass, cluster: PveCluster, vmid: number): Promise<'found' | 'none' | Obstacle> {
  const { memory, deps } = pass
  const found = await takeBackAt(pass, cluster, vmid)
  if (found !== 'none') return found
  const { clone, record } = memory
  const askedMs = Math.max(-Infinity, ...[...clone.seen.values()].map((request) => request.monotonicMs))
  const nowMs = deps.clock.monotonicMs()
  const isOpen = nowMs - (record.seenMs ?? 0) < silentWindowMs || nowMs - askedMs < lostAfterMs
  if (isOpen && !memory.clone.isUnasked)
    return wait(
      'LookingForGuests',
      `The status of this object was lost while PVE was asked to make VM ${vmid}; waiting until PVE shows the VM or can no longer begin to make it.`,
      5_000,
    )
  memory.record = {}
  return 'none'
}

async function takeBackAt(pass: Pass, cluster: PveCluster, vmid: number): Promise<'found' | 'none' | Obstacle> {
  const { deps, draft } = pass
  const look = lookAt(pass, cluster, vmid)
  await look.need('presence')
  switch (look.seen.guest) {
    case 'ours': {
      const begun = takeoverOf(pass, vmid)
      if (begun) return (await adoptGuest(pass, cluster, begun)) ?? 'found'
      await takeBack(pass, cluster, look)
      recordEvent(
        deps,
        draft.vm,
        'Warning',
        'TakenBack',
        `The status was lost; VM ${vmid} on ${look.at.node} was recognised by the owner line in its description.`,
      )
      return 'found'
    }
    case 'copying':
      return wait(
        'TaskRunning',
        `VM ${vmid} is being copied in PVE and may be this one; the operator can read that when the copy ends.`,
        2_000,
      )
    case 'unproved':
      return look.unproved(`The operator cannot confirm whether VM ${vmid} exists`)
    case 'foreign':
    case 'absent':
      return 'none'
  }
}

/** The guest got our mark by a takeover: what was found in it is not ours to change, also when the end of the takeover was lost. */
function takeoverOf({ draft: { vm, status } }: Pass, vmid: number): Adopt | undefined {
  const { adopt } = vm.spec
  if (adopt?.mode === 'Take' && adopt.vmid === vmid) return adopt
  const { adoption } = status
  if (adoption?.vmid !== vmid || adoption.takenAt !== undefined || adoption.macAddress === undefined) return undefined
  return { vmid, mode: 'Take', macAddress: adoption.macAddress, ...(adoption.fromUID !== undefined && { fromUID: adoption.fromUID }) }
}

function lookAt({ deps, draft }: Pass, cluster: PveCluster, vmid: number): Look {
  const mark = markOf(draft.vm.metadata.uid ?? '', vmid)
  return new Look({ cluster, vmid, mark, proofSinceMs: deps.clock.monotonicMs(), wantsForeign: true })
}

/**
 * A record that came with a restore names a VM whose mark, and addresses whose claims, are of the former object. With our mark on the VM the
 * claims come along; else it is that object's.
 */
async function checkRecord(pass: Pass, cluster: PveCluster): Promise<Obstacle | undefined> {
  const { deps, draft, memory } = pass
  const { vmid } = draft.status
  if (vmid === undefined) return undefined
  if (memory.clone.isUnasked || !isClaimedByFormer(pass)) return undefined
  const look = lookAt(pass, cluster, vmid)
  await look.need('presence')
  if (look.seen.guest === 'ours') {
    await deps.inheritClaims(claimantOf(draft), entriesOf(draft), await shownAddresses(look))
    return undefined
  }
  return look.seen.guest === 'foreign' ? await ofRecord(pass, cluster) : undefined
}

/** An address of the record is held by an object that no longer exists. */
function isClaimedByFormer({ deps, draft }: Pass): boolean {
  return (draft.status.addresses ?? []).some(({ address: text, pool }) => {
    const [view, address] = [deps.book.pools.view(pool), parseAddress(text)]
    const state = view && address && deps.book.pools.availability(view, address, deps.clock.now())
    const holder = state?.is === 'held' ? state.by.spec.claimRef?.uid : undefined
    return holder !== undefined && holder !== draft.vm.metadata.uid && !deps.isLiving(holder)
  })
}

/** The guest on record does not carry our mark: is it a former object's of this name? Undefined: somebody else's. */
export async function ofRecord(pass: Pass, cluster: PveCluster): Promise<Obstacle | undefined> {
  const { vm, status } = pass.draft
  const guest = await cluster.guests.look(status.vmid ?? 0)
  if (!guest || !isOfThisName(guest, pass)) return undefined
  return vm.spec.adopt?.mode === 'Take' ? await adoptGuest(pass, cluster, vm.spec.adopt) : ofFormerObject(pass, guest)
}

function isOfThisName(guest: KnownGuest, { draft: { vm } }: Pass): boolean {
  const object = guest.mark?.object
  const isNamed = object === undefined || (object.namespace === vm.metadata.namespace && object.name === vm.metadata.name)
  return isNamed && (guest.class === 'unclaimed' || guest.class === 'theirs')
}
