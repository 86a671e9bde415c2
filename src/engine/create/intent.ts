import type { Package } from '../../api/package.ts'
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import { parseSizeMiB } from '../../api/size.ts'
import { parseNet } from '../../proxmox/net-string.ts'
import { ratiosOf } from '../../cluster/overcommit.ts'
import { learnPromised, promisedPlaces } from './learn-promised.ts'
import { committedBytes, openNodes, place, type PlacementWish } from '../../cluster/placement.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import type { GuestRow, Listing } from '../../proxmox/listing.ts'
import type { TemplateFacts } from '../../cluster/template-facts.ts'
import type { TemplateLook } from '../../cluster/templates.ts'
import { assignSlots } from '../../want/disk-slots.ts'
import { type Names, namesOf } from './host-names.ts'
import { resolveWire, type Resolved, type Wire } from '../../want/package.ts'
import { nowIso, recordEvent, type Dependencies } from '../dependencies.ts'
import { judged, reached, working, type Change } from '../status.ts'
import { readiness } from '../conditions.ts'
import type { InFlightPlacement } from './in-flight.ts'
import type { Memory } from '../memory.ts'
import type { VMStatusDraft } from '../status-draft.ts'
import { type Outcome, done, stalled, isOutcome, type Obstacle } from '../../ladder/outcome.ts'
import type { GrantedAddress } from '../../want/granted-address.ts'
import { objectionToTags } from './tag-objection.ts'
import { objectionToTemplate } from './template-objections.ts'
import { templateFor } from '../../want/birth.ts'
import { clonedFull } from './intent-state.ts'
import { objectionToBridge, objectionToStorages } from './place-objections.ts'
import { selectorOf } from './selector.ts'
import { asSentence } from './as-sentence.ts'
import { takeVmid } from './vmid.ts'
import { announceRequest } from './clone-requests.ts'
import { newMac } from './new-mac.ts'

export interface IntentInput {
  readonly deps: Dependencies
  readonly draft: VMStatusDraft
  readonly cluster: PveCluster
  readonly resolved: Resolved
  readonly grants: readonly GrantedAddress[]
  readonly memory: Memory
  /** `namespace/name`, as in the line of clones. */
  readonly key: string
}

/**
 * The rung `creation`: VMID, node, template copy, names, MAC and disk slots are chosen and written to status before anything exists in PVE.
 * Whatever dies afterwards, the next look knows which VM it has to find.
 */
export async function formIntent(input: IntentInput): Promise<Outcome> {
  const { deps, draft, cluster } = input
  const iso = nowIso(deps.clock)
  draft.change(working('creation', iso))
  const listing = cluster.inventory.current() ?? (await cluster.inventory.since(0))
  const possible = await choosePlace(input, listing)
  if (isOutcome(possible)) return possible
  const couldBe = drawUp(input, possible, 0)
  if (isOutcome(couldBe)) return couldBe
  const vmid = await takeVmid(input, listing)
  if (typeof vmid !== 'number') return vmid
  // Chosen again, as many may have been placed since, and promised in the same breath.
  const uid = draft.vm.metadata.uid ?? ''
  const placed = await choosePlace(input, listing, (place) => deps.inFlight.note(uid, inFlightOf(input, vmid, place)))
  if (isOutcome(placed)) return placed
  const drawn = drawUp(input, placed, vmid)
  if (isOutcome(drawn)) {
    deps.inFlight.forget(uid)
    return drawn
  }
  draft.change(
    intended(input, placed, vmid, drawn, iso),
    (status) => withRequest(input, placed, status),
    reached('creation', iso, `VMID ${vmid} on ${placed.node}, from template ${placed.source.vmid} on ${placed.source.node}`),
    working('clone', iso),
    judged(draft.vm, iso, readiness('reconciling', 'Provisioning', 'The operator asks PVE for the clone next.').verdicts, ['Stalled']),
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
  const placed = await choosePlace(input, listing, (place) => input.deps.inFlight.note(uid, inFlightOf(input, vmid, place)))
  if (isOutcome(placed)) return placed
  const drawn = drawUp(input, placed, vmid)
  if (!isOutcome(drawn)) return done
  input.deps.inFlight.forget(uid)
  return drawn
}

/** The clone request goes into status together with the intent, unless the VM has to wait in the line of clones. */
function withRequest({ deps, draft, cluster, memory, key }: IntentInput, { source }: Placed, status: ProxmoxVMStatus): ProxmoxVMStatus {
  const isNext = !clonedFull(draft.vm, status) || cluster.cloneSlots.take(source.node, key).granted
  const open = { ...status, cloneRequests: status.cloneRequests ?? [] }
  return isNext ? announceRequest({ deps, cluster, memory }, open) : open
}

interface Drawn {
  readonly names: Names
  readonly wire: Wire
  readonly disks: NonNullable<ProxmoxVMStatus['disks']>
}

/** What follows from place and number. Tried before a number is taken, so that a VM that cannot be made uses none up. */
function drawUp({ deps, draft, resolved, grants }: IntentInput, { source }: Placed, vmid: number): Drawn | Obstacle {
  const { merged } = resolved
  const names = namesOf(deps, draft.vm, draft.status, merged, vmid)
  if (isOutcome(names)) return names
  const wire = resolveWire(merged, grants, wireOf(parseNet(String(source.config.net0 ?? '')).options))
  if (isOutcome(wire)) return wire
  const values = Object.fromEntries(Object.entries(source.config).map(([key, value]) => [key, String(value)]))
  const system = source.systemDisk?.key ?? ''
  const disks = assignSlots([], system, merged, values)
  if (!disks)
    return stalled(
      'PackageInvalid',
      `The bus of ${system} has no free slot for the additional disks of the package; remove disks or choose another bus.`,
    )
  return { names, wire, disks }
}

function intended({ deps, draft, cluster, resolved }: IntentInput, place: Placed, vmid: number, drawn: Drawn, iso: string): Change {
  const { vmid: source, node, name } = place.source
  const requestID = draft.vm.spec.reinstall?.requestID
  const restoreID = draft.vm.spec.restore?.requestID
  return (status) => ({
    ...status,
    vmid,
    node: place.node,
    template: { vmid: source, node, ...(name && { name }), selector: selectorOf(templateFor(draft.vm, status)) },
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

/**
 * The copy to clone and its node: of the copies on online nodes the one whose node has the least memory given away, as long as there is
 * room for the VM. Only copies that are considered have their configuration read, which is what tells a template from a customer's VM.
 * While one is read other VMs are placed, so the choice is made anew after each reading; `promise` follows it without a pause.
 */
async function choosePlace(input: IntentInput, listing: Listing, promise?: (place: Placed) => void): Promise<Placed | Obstacle> {
  const { deps, draft, cluster } = input
  const { name, vmid, tag } = templateFor(draft.vm, draft.status)
  const search = cluster.templates.find({ ...(name && { name }), ...(vmid && { vmid }), ...(tag && { tag }) }, listing)
  if (search.is === 'refused') return stalled(search.reason, asSentence(search.message))
  const given = ({ node }: GuestRow) => committedBytes(node, listing, deps.inFlight.of(cluster.name, draft.vm.metadata.uid))
  const unknown = objectionToStorages({ ...namedBy(input), template: templateFor(draft.vm, draft.status), listing })
  if (unknown) return unknown
  const looks = new Map<number, TemplateLook>()
  const bridges = new Map<string, ReadonlySet<string> | undefined>()
  const known = { unfit: new Map<string, Obstacle>(), promisedMiB: new Map<string, number>() }
  const drawn: GuestRow[] = []
  let left = search.copies.filter((row) => listing.nodes.get(row.node)?.online === true)
  let problem: Outcome = stalled(
    'NoCapacity',
    `No node with a copy of the template is online: ${search.copies.map((row) => row.node).join(', ')}.`,
  )
  for (;;) {
    const [first] = left.map((row) => ({ row, bytes: given(row) })).toSorted((a, b) => a.bytes - b.bytes)
    if (!first) return problem
    const { row } = first
    const look = looks.get(row.vmid)
    if (!look) {
      looks.set(row.vmid, await cluster.templates.config({ node: row.node, vmid: row.vmid }))
      continue
    }
    const placed = placeFrom(input, look, listing, known)
    if (!isOutcome(placed)) {
      if (!bridges.has(placed.node)) {
        if (isProvenBridge(input, placed)) bridges.set(placed.node, undefined)
        else bridges.set(placed.node, await cluster.bridges.of(placed.node))
        continue
      }
      const wish = placementWishOf(draft, cluster, input.resolved.merged, placed.source)
      const learning = learnPromised(cluster, { ...placed, wish }, known.promisedMiB)
      if (learning) {
        await learning
        continue
      }
      const objection = objectionToWire(input, placed, bridges.get(placed.node))
      if (objection) known.unfit.set(placed.node, objection)
      else if (placed.overdrawn === undefined || drawn.includes(row)) {
        promise?.(placed)
        return placed
      } else drawn.push(row)
      if (objection) continue
    } else problem = [...known.unfit.values()][0] ?? placed
    left = left.filter((other) => other !== row)
    // Only where no other copy has the room.
    if (left.length === 0) left = isOutcome(placed) && drawn.includes(row) ? [] : [...drawn]
  }
}

const namedBy = ({ draft, resolved }: IntentInput) => ({ merged: resolved.merged, packageName: draft.vm.spec.packageRef?.name })

/** The template was made there with it: nobody is asked. A start that fails all the same says why. */
function isProvenBridge({ grants, resolved }: IntentInput, { node, source }: Placed): boolean {
  const own = wireOf(parseNet(String(source.config.net0 ?? '')).options)
  const wire = resolveWire(resolved.merged, grants, own)
  return isOutcome(wire) || (source.node === node && own.bridge === wire.bridge)
}

function objectionToWire(input: IntentInput, { node, source }: Placed, has: ReadonlySet<string> | undefined): Obstacle | undefined {
  const { grants, cluster, resolved } = input
  const wire = resolveWire(resolved.merged, grants, wireOf(parseNet(String(source.config.net0 ?? '')).options))
  if (isOutcome(wire)) return undefined
  const isGranted = cluster.facts()?.grantedBridges.has(wire.bridge) === true
  const pool = grants.find(({ bridge }) => bridge === wire.bridge)?.pool
  return objectionToBridge({ ...namedBy(input), bridge: wire.bridge, node, has, isGranted, pool })
}

type Known = Pick<PlacementWish, 'unfit' | 'promisedMiB'>

function placeFrom(input: IntentInput, look: TemplateLook, listing: Listing, known: Known): Placed | Obstacle {
  if (look.is === 'refused') return stalled(look.reason, asSentence(look.message))
  const { draft, resolved, grants } = input
  const { cluster } = input
  const objection =
    objectionToTemplate(look.facts, { vm: draft.vm, merged: resolved.merged, grants }) ?? objectionToTags(look.facts, cluster)
  return objection ?? placeVM(input, look.facts, listing, known)
}

function placeVM(input: IntentInput, template: TemplateFacts, listing: Listing, known: Known): Placed | Obstacle {
  const { deps, draft, cluster, resolved } = input
  const wish = placementWishOf(draft, cluster, resolved.merged, template)
  const placement = place({ ...wish, ...known }, [template], listing, promisedPlaces(deps, cluster, draft.vm, listing))
  if (placement.is === 'short') {
    const { message } = placement
    return stalled('NoCapacity', message.startsWith('no node ') ? asSentence(message) : `No node can run the VM: ${message}.`)
  }
  const { node, source, overdrawn } = placement
  return { node, source, ...(overdrawn !== undefined && { overdrawn }) }
}

/** Noted without a pause after placing, so that the next VM is placed with this one counted. */
function inFlightOf({ draft, cluster, resolved }: IntentInput, vmid: number, { node, source }: Placed): InFlightPlacement {
  const wish = placementWishOf(draft, cluster, resolved.merged, source)
  const storage = wish.storage ?? source.systemDisk?.storage ?? ''
  const system = { storage, sizeMiB: Math.max(source.systemDisk?.sizeMiB ?? 0, wish.systemDiskMiB ?? 0) }
  const others = wish.additionalDisks.map((disk) => ({ storage: disk.storage ?? storage, sizeMiB: disk.sizeMiB }))
  const cpus = { ...(wish.cpus !== undefined && { cpus: wish.cpus }) }
  return { cluster: cluster.name, vmid, node, memoryMiB: wish.memoryMiB, ...cpus, disks: [system, ...others] }
}

interface Placed {
  readonly node: string
  readonly source: TemplateFacts
  /** Why a thin storage has no room for all that is promised. */
  readonly overdrawn?: string
}

function placementWishOf(
  { vm, status }: VMStatusDraft,
  cluster: PveCluster,
  merged: Package,
  template: TemplateFacts | undefined,
): PlacementWish {
  const { clone, storage } = templateFor(vm, status)
  const size = (text: string | number | undefined) => (text ? parseSizeMiB(text) : 0)
  const systemDiskMiB = size(merged.systemDisk?.size)
  return {
    ...(vm.spec.placement?.node && { pinnedNode: vm.spec.placement.node }),
    ...(cluster.spec.overcommit && { overcommit: ratiosOf(cluster.spec.overcommit) }),
    ...openNodes(cluster.spec),
    linked: clone === 'Linked',
    ...(storage && { storage }),
    ...(systemDiskMiB > 0 && { systemDiskMiB }),
    additionalDisks: (merged.additionalDisks ?? []).map((disk) => ({
      ...(disk.storage && { storage: disk.storage }),
      sizeMiB: size(disk.size),
    })),
    memoryMiB: size(merged.memory?.size) || Number(String(template?.config.memory ?? '512').replace('current=', '')),
    cpus: (merged.cpu?.cores ?? 1) * (merged.cpu?.sockets ?? 1),
  }
}

function wireOf(options: ReadonlyMap<string, string>) {
  const [bridge, tag] = [options.get('bridge'), options.get('tag')]
  return { ...(bridge && { bridge }), ...(tag && { vlan: Number(tag) }) }
}
