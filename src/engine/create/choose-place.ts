/** Where a new VM goes: the copy of its template, or the node that reads its backup, with room for it. */
import type { Package } from '../../api/package.ts'
import { parseSizeMiB } from '../../api/size.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import { ratiosOf } from '../../cluster/overcommit.ts'
import { committedBytes, openNodes, place, type PlacementWish } from '../../cluster/placement.ts'
import { type Lack, tellLacks } from '../../cluster/room.ts'
import type { TemplateFacts } from '../../cluster/template-facts.ts'
import type { TemplateLook } from '../../cluster/templates.ts'
import { type Obstacle, isOutcome, stalled } from '../../ladder/outcome.ts'
import type { Listing } from '../../proxmox/listing.ts'
import { parseNet } from '../../proxmox/net-string.ts'
import { templateFor } from '../../want/birth.ts'
import { resolveWire } from '../../want/package.ts'
import type { VMStatusDraft } from '../status-draft.ts'
import { notThere } from '../storage-words.ts'
import { asSentence } from './as-sentence.ts'
import type { BirthSource, SourceCopy } from './birth-source.ts'
import type { InFlightPlacement } from './in-flight.ts'
import type { IntentInput } from './intent-input.ts'
import { learnPromised, promisedPlaces } from './learn-promised.ts'
import { objectionToBridge, objectionToStorages, packageOfBridge } from './place-objections.ts'

export interface Placed {
  readonly node: string
  readonly source: TemplateFacts
  /** Why a thin storage has no room for all that is promised. */
  readonly overdrawn?: string
}

/**
 * The copy to make the VM from and its node: of the copies on online nodes the one whose node has the least memory given away, as long as there is
 * room for the VM. Only copies that are considered have their configuration read, which is what tells a template from a customer's VM.
 * While one is read other VMs are placed, so the choice is made anew after each reading; `promise` follows it without a pause.
 */
export async function choosePlace(
  input: IntentInput,
  source: BirthSource,
  listing: Listing,
  promise?: (place: Placed) => void,
): Promise<Placed | Obstacle> {
  const { deps, draft, cluster } = input
  const given = ({ node }: SourceCopy) => committedBytes(node, listing, deps.inFlight.of(cluster.name, draft.vm.metadata.uid))
  const { spec } = draft.vm
  const unknown = objectionToStorages({ merged: input.resolved.merged, spec, template: templateFor(draft.vm, draft.status), listing })
  if (unknown) return unknown
  const looks = new Map<string, TemplateLook>()
  const bridges = new Map<string, ReadonlySet<string> | undefined>()
  const known: Known = { unfit: new Map<string, Obstacle>(), promisedMiB: new Map<string, number>(), lacks: new Map() }
  const drawn: SourceCopy[] = []
  let left = source.copies.filter((row) => listing.nodes.get(row.node)?.online === true)
  let problem: Obstacle = stalled(
    'NoCapacity',
    `No node with a copy of the template is online: ${source.copies.map((row) => row.node).join(', ')}.`,
  )
  for (;;) {
    const [first] = left.map((row) => ({ row, bytes: given(row) })).toSorted((a, b) => a.bytes - b.bytes)
    if (!first) return problem
    const { row } = first
    const look = looks.get(row.node)
    if (!look) {
      looks.set(row.node, await source.look(row))
      continue
    }
    const placed = placeFrom(input, source, look, listing, known)
    if (!isOutcome(placed)) {
      if (!bridges.has(placed.node)) {
        if (isProvenBridge(input, placed)) bridges.set(placed.node, undefined)
        else bridges.set(placed.node, await cluster.bridges.of(placed.node))
        continue
      }
      const wish = placementWishOf(draft, cluster, input.resolved.merged, placed.source, source)
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

/** The template was made there with it: nobody is asked. A start that fails all the same says why. */
function isProvenBridge({ grants, resolved }: IntentInput, { node, source }: Placed): boolean {
  const own = wireOf(parseNet(String(source.config.net0 ?? '')).options)
  const wire = resolveWire(resolved.merged, grants, own)
  return isOutcome(wire) || (source.node === node && own.bridge === wire.bridge)
}

function objectionToWire(input: IntentInput, { node, source }: Placed, has: ReadonlySet<string> | undefined): Obstacle | undefined {
  const { grants, cluster, resolved, draft } = input
  const wire = resolveWire(resolved.merged, grants, wireOf(parseNet(String(source.config.net0 ?? '')).options))
  if (isOutcome(wire)) return undefined
  const isGranted = cluster.facts()?.grantedBridges.has(wire.bridge) === true
  const pool = grants.find(({ bridge }) => bridge === wire.bridge)?.pool
  const packageName = packageOfBridge(draft.vm.spec)
  return objectionToBridge({ merged: resolved.merged, packageName, bridge: wire.bridge, node, has, isGranted, pool })
}

interface Known {
  readonly unfit: Map<string, Obstacle>
  readonly promisedMiB: Map<string, number>
  /** Of the copies tried so far, so that no node is left out of the message; by their text. */
  readonly lacks: Map<string, Lack>
}

function placeFrom(input: IntentInput, source: BirthSource, look: TemplateLook, listing: Listing, known: Known): Placed | Obstacle {
  if (look.is === 'refused') return stalled(look.reason, asSentence(look.message))
  const { draft, resolved, grants } = input
  const objection = source.objection(look.facts, { vm: draft.vm, merged: resolved.merged, grants })
  return objection ?? placeVM(input, source, look.facts, listing, known)
}

function placeVM(input: IntentInput, from: BirthSource, template: TemplateFacts, listing: Listing, known: Known): Placed | Obstacle {
  const { deps, draft, cluster, resolved } = input
  const wish = placementWishOf(draft, cluster, resolved.merged, template, from)
  const at = from.backup ? { pinnedNode: template.node } : {}
  const { unfit, promisedMiB } = known
  const placement = place(
    { ...wish, unfit, promisedMiB, ...at },
    [template],
    listing,
    promisedPlaces(deps, cluster, draft.vm.metadata.uid, listing),
  )
  if (placement.is === 'short') {
    for (const lack of placement.lacks ?? []) known.lacks.set(tellLacks([lack]), lack)
    const message = placement.lacks ? `${tellLacks([...known.lacks.values()])}${placement.without}` : placement.message
    return stalled('NoCapacity', message.startsWith('no node ') ? asSentence(message) : `No node can run the VM: ${message}.`)
  }
  const { node, source, overdrawn } = placement
  const away = from.backup ? undefined : sourceAway(source, listing)
  if (away) return away
  return { node, source, ...(overdrawn !== undefined && { overdrawn }) }
}

/** A clone reads the template's disks, also where it writes to another storage. */
function sourceAway({ node, vmid, disks }: TemplateFacts, { storages }: Listing): Obstacle | undefined {
  const rowOf = (name: string) => storages.find((row) => row.storage === name && row.node === node)
  const off = disks.find(({ storage }) => !rowOf(storage)?.available)
  if (!off) return undefined
  const what = `Storage ${off.storage} with the disks of template ${vmid} is ${notThere(rowOf(off.storage), off.storage, node)}`
  return stalled('StorageOff', `${what}; an admin must bring it back.`)
}

/** Noted without a pause after placing, so that the next VM is placed with this one counted. */
export function inFlightOf(
  { draft, cluster, resolved }: IntentInput,
  from: BirthSource,
  vmid: number,
  { node, source }: Placed,
): InFlightPlacement {
  const wish = placementWishOf(draft, cluster, resolved.merged, source, from)
  const storage = wish.storage ?? source.systemDisk?.storage ?? ''
  const system = { storage, sizeMiB: Math.max(source.systemDisk?.sizeMiB ?? 0, wish.systemDiskMiB ?? 0) }
  const others = wish.additionalDisks.map((disk) => ({ storage: disk.storage ?? storage, sizeMiB: disk.sizeMiB }))
  const cpus = { ...(wish.cpus !== undefined && { cpus: wish.cpus }) }
  return { cluster: cluster.name, vmid, node, memoryMiB: wish.memoryMiB, ...cpus, disks: [system, ...others] }
}

function placementWishOf(
  { vm, status }: VMStatusDraft,
  cluster: PveCluster,
  merged: Package,
  template: TemplateFacts | undefined,
  { backup }: BirthSource,
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
    additionalDisks: (merged.additionalDisks ?? [])
      .filter(({ name }) => !backup?.disks.some((disk) => disk.name === name))
      .map((disk) => ({ ...(disk.storage && { storage: disk.storage }), sizeMiB: size(disk.size) })),
    memoryMiB: size(merged.memory?.size) || Number(String(template?.config.memory ?? '512').replace('current=', '')),
    cpus: (merged.cpu?.cores ?? 1) * (merged.cpu?.sockets ?? 1),
  }
}

export function wireOf(options: ReadonlyMap<string, string>) {
  const [bridge, tag] = [options.get('bridge'), options.get('tag')]
  return { ...(bridge && { bridge }), ...(tag && { vlan: Number(tag) }) }
}
