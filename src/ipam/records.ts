/** What a PoolAddress becomes when it is taken, given back or left behind (pure): one write changes holder and record together. */
import { apiVersion, clientIdLabel, defaultScope, group, heldFinalizer, serviceIdLabel } from '../api/group.ts'
import type { ObjectMeta } from '../api/object.ts'
import type { AddressInUse, ClaimReference, FormerHolder, PoolAddress } from '../api/pooladdress.ts'
import { type Address, formatAddress, addressObjectName } from './address.ts'
import type { Claimant } from './claim.ts'

/** design: the last 20 former holders stay on record. */
const historyLength = 20
/** VMID of the VM that an orphaned address belongs to. */
const vmidAnnotation = `${group}/vmid`

export interface Claim {
  readonly who: Claimant
  readonly entry: string
  readonly pool: string
  readonly scope: string
  readonly address: Address
}

/** The scope as names carry it: the default one is not written. */
export const suffixOf = (scope: string): string | undefined => (scope === defaultScope ? undefined : scope)
export const nameOf = (address: Address, scope: string): string => addressObjectName(address, suffixOf(scope))

/** The address held by a claim: a new object, or one that was there unheld (its record stays). */
export function taken(claim: Claim, nowMs: number, before?: PoolAddress): PoolAddress {
  const { who, entry, pool, scope, address } = claim
  const { releasedAt: _, orphaned: __, inUse: ___, ...kept } = before?.spec ?? {}
  const metadata: ObjectMeta = before?.metadata ?? { name: nameOf(address, scope) }
  return {
    apiVersion,
    kind: 'PoolAddress',
    metadata: { ...withBilling(metadata, who.labels), finalizers: [...new Set([...(metadata.finalizers ?? []), heldFinalizer])] },
    spec: {
      ...kept,
      address: before?.spec.address ?? formatAddress(address),
      poolRef: { name: pool },
      scope,
      state: 'Allocated',
      claimRef: { namespace: who.namespace, name: who.name, uid: who.uid, entry, since: timeOf(nowMs) },
    },
  }
}

/** The same address of the same VM, for another entry of its list. */
export function underEntry(address: PoolAddress, { entry, pool }: Pick<Claim, 'entry' | 'pool'>): PoolAddress {
  const { claimRef } = address.spec
  const spec = { ...address.spec, state: 'Allocated', poolRef: { name: pool } }
  return claimRef ? { ...address, spec: { ...spec, claimRef: { ...claimRef, entry } } } : address
}

/** Its VM no longer asks for it, and the guest may still use it; or the VM asks for it again. */
export const asReleasing = (address: PoolAddress, isReleasing: boolean): PoolAddress => ({
  ...address,
  spec: { ...address.spec, state: isReleasing ? 'Releasing' : 'Allocated' },
})

export const isReleasing = ({ spec }: PoolAddress): boolean => spec.state === 'Releasing' && spec.claimRef !== undefined && !spec.orphaned

/** What goes on record of a holder beside its name. */
export interface HolderMarks {
  readonly labels: Record<string, string>
  readonly vmid?: number | undefined
}

/** Nobody holds it any more; who did goes on record. `rests` = reuseAfter of its pool is not zero. */
export function givenBack(address: PoolAddress, by: HolderMarks, nowMs: number, rests: boolean): PoolAddress {
  const { claimRef, orphaned: _, ...kept } = address.spec
  const metadata = {
    ...withBilling(withoutMarks(address.metadata), by.labels),
    finalizers: (address.metadata.finalizers ?? []).filter((one) => one !== heldFinalizer),
  }
  if (!claimRef) return { ...address, metadata }
  return {
    ...address,
    metadata,
    spec: {
      ...kept,
      state: rests ? 'Cooling' : 'Released',
      releasedAt: timeOf(nowMs),
      history: [...(kept.history ?? []), formerHolder(claimRef, by, nowMs)].slice(-historyLength),
    },
  }
}

function formerHolder({ namespace, name, uid, since }: ClaimReference, { labels: all, vmid }: HolderMarks, nowMs: number): FormerHolder {
  const labels = ownLabels(all)
  return {
    namespace,
    name,
    uid,
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(vmid !== undefined && { vmid }),
    from: since,
    to: timeOf(nowMs),
  }
}

/**
 * Stays held although the object of its VM goes: the VM lives on in PVE and uses it.
 * The object of the VM was the only place of its labels and VMID, so they go on the address until its record takes them.
 */
export function leftBehind(address: PoolAddress, by: HolderMarks): PoolAddress {
  const { metadata } = address
  return {
    ...address,
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, ...ownLabels(by.labels) },
      ...(by.vmid !== undefined && { annotations: { ...metadata.annotations, [vmidAnnotation]: String(by.vmid) } }),
    },
    spec: { ...address.spec, state: 'Orphaned', orphaned: true },
  }
}

/** What `leftBehind` noted. */
export function marksOf({ metadata }: PoolAddress): HolderMarks {
  const vmid = metadata.annotations?.[vmidAnnotation]
  return { labels: metadata.labels ?? {}, ...(vmid !== undefined && { vmid: Number(vmid) }) }
}

/** The labels by which a billing system asks for addresses: of the holder, and of the last former one. Those of an earlier holder go. */
function withBilling(metadata: ObjectMeta, all: Readonly<Record<string, string>>): ObjectMeta {
  const { labels = {}, ...rest } = metadata
  const others = Object.entries(labels).filter(([key]) => key !== clientIdLabel && key !== serviceIdLabel)
  const billing = [clientIdLabel, serviceIdLabel].flatMap((key) => (all[key] === undefined ? [] : [[key, all[key]] as const]))
  const next = Object.fromEntries([...others, ...billing])
  return Object.keys(next).length > 0 ? { ...rest, labels: next } : rest
}

function withoutMarks(metadata: ObjectMeta): ObjectMeta {
  const { labels = {}, annotations = {}, ...rest } = metadata
  return {
    ...rest,
    labels: Object.fromEntries(Object.entries(labels).filter(([key]) => !isOwn(key))),
    annotations: Object.fromEntries(Object.entries(annotations).filter(([key]) => key !== vmidAnnotation)),
  }
}

/** A guest without an owner shows it: given to nobody. `before`: the object that is there, unheld. */
export function occupied(at: { address: Address; pool: string; scope: string }, inUse: AddressInUse, before?: PoolAddress): PoolAddress {
  const { releasedAt: _, ...kept } = before?.spec ?? {}
  return {
    apiVersion,
    kind: 'PoolAddress',
    metadata: before?.metadata ?? { name: nameOf(at.address, at.scope) },
    spec: {
      ...kept,
      address: before?.spec.address ?? formatAddress(at.address),
      poolRef: before?.spec.poolRef ?? { name: at.pool },
      scope: at.scope,
      state: 'InUse',
      inUse: { ...inUse, since: before?.spec.inUse?.since ?? inUse.since },
    },
  }
}

/** The guest let go of it. It rests as after a release, since a moment ago somebody answered to it. */
export function vacated(address: PoolAddress, nowMs: number, rests: boolean): PoolAddress {
  const { inUse: _, ...kept } = address.spec
  return { ...address, spec: { ...kept, state: rests ? 'Cooling' : 'Released', releasedAt: timeOf(nowMs) } }
}

/** The claim of an object that is no more, passed to the one that owns its guest now. Who had it goes on record. */
export function passedOn(address: PoolAddress, to: Claimant, entry: string, nowMs: number): PoolAddress {
  const { claimRef, orphaned: _, ...kept } = address.spec
  if (!claimRef) return address
  const former = formerHolder(claimRef, marksOf(address), nowMs)
  return {
    ...address,
    metadata: withoutMarks(address.metadata),
    spec: {
      ...kept,
      state: isReleasing(address) ? 'Releasing' : 'Allocated',
      claimRef: { namespace: to.namespace, name: to.name, uid: to.uid, entry, since: timeOf(nowMs) },
      history: [...(kept.history ?? []), former].slice(-historyLength),
    },
  }
}

/** Has rested long enough. */
export const rested = (address: PoolAddress): PoolAddress => ({ ...address, spec: { ...address.spec, state: 'Released' } })

/** The record of an object that was deleted, as a new object. */
export const recordOf = ({ metadata, spec }: PoolAddress): PoolAddress => ({
  apiVersion,
  kind: 'PoolAddress',
  metadata: { name: metadata.name, ...(metadata.labels && { labels: metadata.labels }) },
  spec,
})

/** When it was released, in ms since the epoch; an unheld address without a date was released long ago. */
export const releasedAtMs = (address: PoolAddress): number =>
  address.spec.releasedAt === undefined ? 0 : Date.parse(address.spec.releasedAt)

export const isProtected = (address: PoolAddress): boolean => address.metadata.finalizers?.includes(heldFinalizer) ?? false
export const timeOf = (ms: number): string => new Date(ms).toISOString()

const isOwn = (key: string): boolean => key.startsWith(`${group}/`)
export const ownLabels = (labels: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(labels).filter(([key]) => isOwn(key)))
