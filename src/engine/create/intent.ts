/** The intent of a new VM: all that is chosen for it, in status before anything exists in PVE. */
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import type { Reason } from '../../api/reasons.ts'
import { parseNet } from '../../proxmox/net-string.ts'
import type { Listing } from '../../proxmox/listing.ts'
import { assignSlots } from '../../want/disk-slots.ts'
import { type Names, namesOf } from './host-names.ts'
import { resolveWire, type Wire } from '../../want/package.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
import { judged, reached, working, type Change } from '../status.ts'
import { readiness } from '../conditions.ts'
import { type Outcome, done, stalled, isOutcome, type Obstacle } from '../../ladder/outcome.ts'
import { templateFor } from '../../want/birth.ts'
import { type BirthSource, sourceOf } from './birth-source.ts'
import { choosePlace, inFlightOf, type Placed, wireOf } from './choose-place.ts'
import { clonedFull } from './intent-state.ts'
import type { IntentInput } from './intent-input.ts'
import { selectorOf } from './selector.ts'
import { asSentence } from './as-sentence.ts'
import { unknownRestore } from './unknown-restore.ts'
import { queuedSentence } from './birth-words.ts'
import { takeVmid } from './vmid.ts'
import { announceRequest } from './clone-requests.ts'
import { newMac } from './new-mac.ts'

/**
 * The rung `creation`: VMID, node, template copy, names, MAC and disk slots are chosen and written to status before anything exists in PVE.
 * Whatever dies afterwards, the next look knows which VM it has to find.
 */
export async function formIntent(input: IntentInput): Promise<Outcome> {
  const { deps, draft, cluster } = input
  const iso = nowIso(deps.clock)
  draft.change(working('creation', iso))
  const listing = cluster.inventory.current() ?? (await cluster.inventory.since(0))
  const from = await sourceOf(input, listing)
  if (isOutcome(from)) return from
  const possible = await choosePlace(input, from, listing)
  if (isOutcome(possible)) return possible
  const couldBe = drawUp(input, from, possible, 0)
  if (isOutcome(couldBe)) return couldBe
  const own = from.backup && (await unknownRestore(input))
  if (own) return own
  const vmid = await takeVmid(input, listing)
  if (typeof vmid !== 'number') return vmid
  // Chosen again, as many may have been placed since, and promised in the same breath.
  const uid = draft.vm.metadata.uid ?? ''
  const placed = await choosePlace(input, from, listing, (place) => deps.inFlight.note(uid, inFlightOf(input, from, vmid, place)))
  if (isOutcome(placed)) return placed
  const drawn = drawUp(input, from, placed, vmid)
  if (isOutcome(drawn)) {
    deps.inFlight.forget(uid)
    return drawn
  }
  draft.change(intended(input, from, placed, vmid, drawn, iso))
  const next = nextOf(input, from, placed)
  draft.change(
    (status) => ({ ...status, cloneRequests: status.cloneRequests ?? [] }),
    (status) => (next.reason === 'Provisioning' ? announceRequest(input, status) : status),
    reached('creation', iso, `VMID ${vmid} on ${placed.node}, from ${describe(from, placed)}`),
    working('clone', iso),
    judged(draft.vm, iso, readiness('reconciling', next.reason, next.message).verdicts, ['Stalled']),
  )
  await draft.save()
  input.memory.clone.isUnasked = true
  if (placed.overdrawn) {
    const more =
      'the storage is thin, so the operator makes the VM anyway. Watch the storage, or limit it with spec.overcommit.storage of the ProxmoxCluster'
    recordEvent(deps, draft.vm, 'Warning', 'StorageOvercommitted', asSentence(`${placed.overdrawn}; ${more}`))
  }
  recordEvent(deps, draft.vm, 'Normal', 'StepFinished', `creation: VMID ${vmid} on ${placed.node}, host name ${drawn.names.hostname}`)
  return done
}

/**
 * Whether `formIntent` would find all it needs if the listing were this one; nothing is written. The place is promised, so that nobody takes
 * it meanwhile.
 */
export async function rehearseIntent(input: IntentInput, vmid: number, listing: Listing): Promise<Outcome> {
  const uid = input.draft.vm.metadata.uid ?? ''
  const from = await sourceOf(input, listing)
  if (isOutcome(from)) return from
  const promise = (place: Placed) => input.deps.inFlight.note(uid, inFlightOf(input, from, vmid, place))
  const placed = await choosePlace(input, from, listing, promise)
  if (isOutcome(placed)) return placed
  const drawn = drawUp(input, from, placed, vmid)
  if (!isOutcome(drawn)) return done
  input.deps.inFlight.forget(uid)
  return drawn
}

/**
 * The clone request goes into status together with the intent, unless the VM has to wait in the line of clones: then the intent says so, as the
 * end of this pass would, which saves a write.
 */
function nextOf({ draft, cluster, key }: IntentInput, { backup }: BirthSource, { source }: Placed): { reason: Reason; message: string } {
  const slot = clonedFull(draft.vm, draft.status) ? cluster.cloneSlots.take(source.node, key) : { granted: true as const }
  if (slot.granted) return { reason: 'Provisioning', message: `The operator asks PVE for the ${backup ? 'restore' : 'clone'} next.` }
  return { reason: 'Queued', message: queuedSentence(source.node, slot.position) }
}

interface Drawn {
  readonly names: Names
  readonly wire: Wire
  readonly disks: NonNullable<ProxmoxVMStatus['disks']>
}

/** What follows from place and number. Tried before a number is taken, so that a VM that cannot be made uses none up. */
function drawUp(
  { deps, draft, resolved, grants }: IntentInput,
  { backup }: BirthSource,
  { source }: Placed,
  vmid: number,
): Drawn | Obstacle {
  const { merged } = resolved
  const names = namesOf(deps, draft.vm, draft.status, merged, vmid)
  if (isOutcome(names)) return names
  const wire = resolveWire(merged, grants, wireOf(parseNet(String(source.config.net0 ?? '')).options))
  if (isOutcome(wire)) return wire
  const values = Object.fromEntries(Object.entries(source.config).map(([key, value]) => [key, String(value)]))
  const system = source.systemDisk?.key ?? ''
  const disks = assignSlots(backup?.disks ?? [], system, merged, values)
  if (!disks)
    return stalled(
      'PackageInvalid',
      `The bus of ${system} has no free slot for the additional disks of the package; remove disks or choose another bus.`,
    )
  return { names, wire, disks }
}

function intended(
  { deps, draft, cluster, resolved }: IntentInput,
  { backup }: BirthSource,
  place: Placed,
  vmid: number,
  drawn: Drawn,
  iso: string,
): Change {
  const { vmid: source, node, name } = place.source
  const requestID = draft.vm.spec.reinstall?.requestID
  const restoreID = draft.vm.spec.restore?.requestID
  return (status) => ({
    ...status,
    vmid,
    node: place.node,
    template: {
      vmid: source,
      node,
      ...(name && { name }),
      selector: selectorOf(templateFor(draft.vm, status)),
      ...(backup && { volume: backup.volume }),
    },
    interfaces: [{ name: 'net0', macAddress: status.interfaces?.[0]?.macAddress ?? newMac(deps, cluster.name), ...drawn.wire }],
    ...drawn.names,
    // Volumes are the template's until the clone exists.
    disks: drawn.disks.map(({ volume, ...disk }) => disk),
    package: resolved.merged,
    ...(resolved.source && { packageSource: resolved.source }),
    intentAt: iso,
    // A request that is there from the beginning asks for what is being made anyway.
    ...(!status.restore && restoreID && { restore: { completedIDs: [restoreID] } }),
    ...(!status.reinstall && requestID && { reinstall: { completedIDs: [requestID] } }),
  })
}

const describe = ({ backup }: BirthSource, { source }: Placed): string =>
  backup ? `backup ${backup.volume}` : `template ${source.vmid} on ${source.node}`
