/** Which address a VM gets for one entry, or why it gets none (no writes): the rules of a pool in one place. */
import type { IPPool } from '../api/ippool.ts'
import type { PoolAddress } from '../api/pooladdress.ts'
import type { Reason } from '../api/reasons.ts'
import { type Address, formatAddress, parseAddress } from './address.ts'
import { namespaceAllowed } from './allowed-namespaces.ts'
import { type Claimant, type Entry, type Grant, keyOfClaimant, type ClaimRefusal } from './claim.ts'
import { timeOf } from './records.ts'
import type { Owner, PoolView, AvailabilityState, PoolIndex } from './pool-index.ts'
import type { UsableAddresses } from './usable.ts'
import { servable, type Waiter, type AddressWish } from './waiters.ts'

/** Take this one; `adopt`: the VM holds it under an entry it no longer has. Or wait, and for what. */
export type Choice = { is: 'take'; address: Address; adopt: boolean } | { is: 'no'; refusal: ClaimRefusal; wish: AddressWish }

export interface ClaimRequest {
  readonly who: Claimant
  readonly entry: Entry
  /** All entries of the VM: an address under an entry that is not among them (it was renamed) is taken over. */
  readonly entries: readonly Entry[]
  /** What the VM holds already, of any pool. */
  readonly held: readonly PoolAddress[]
  /** The waiters before this one. */
  readonly ahead: readonly Waiter[]
  readonly nowMs: number
}

/** The pool, if it serves this namespace and cluster at all. */
export function poolViewFor(
  view: PoolView | undefined,
  entry: Entry,
  asks: { namespace: string; namespaceLabels: Readonly<Record<string, string>>; cluster: string },
): (PoolView & { space: UsableAddresses }) | ClaimRefusal {
  const no = (reason: Reason, message: string): ClaimRefusal => ({ is: 'refused', entry: entry.name, reason, message })
  if (!view)
    return no(
      'PoolNotFound',
      `There is no IPPool "${entry.pool}", which spec.addresses[${entry.name}].poolRef names; create it or correct poolRef`,
    )
  const { spec, metadata } = view.pool
  if (metadata.deletionTimestamp !== undefined)
    return no('PoolDeleting', `IPPool ${entry.pool} is being deleted and allocates no new addresses`)
  if (!namespaceAllowed(spec.allowedNamespaces, asks.namespaceLabels)) {
    return no('PoolNotAllowed', `IPPool ${entry.pool} does not serve namespace ${asks.namespace} (spec.allowedNamespaces)`)
  }
  if (spec.clusterRefs && !spec.clusterRefs.some(({ name }) => name === asks.cluster)) {
    return no('PoolNotAllowed', `IPPool ${entry.pool} does not serve ProxmoxCluster ${asks.cluster} (spec.clusterRefs)`)
  }
  const { space } = view
  return typeof space === 'string' ? no('PoolInvalid', `IPPool ${entry.pool} cannot allocate addresses: ${space}`) : { ...view, space }
}

export function choose(pools: PoolIndex, view: PoolView & { space: UsableAddresses }, q: ClaimRequest): Choice {
  const named = q.entry.address ?? q.entry.recorded
  if (named !== undefined) return chooseNamed(pools, view, q, named)
  const spare = q.held.find(
    ({ spec }) => spec.poolRef.name === q.entry.pool && !q.entries.some(({ name }) => name === spec.claimRef?.entry),
  )
  const spareAddress = spare && parseAddress(spare.spec.address)
  if (spareAddress) return { is: 'take', address: spareAddress, adopt: true }
  const reservation = ownReservation(pools, view, q)
  if (reservation) return chooseNamed(pools, view, q, formatAddress(reservation))
  return chooseAny(pools, view, q)
}

function chooseAny(pools: PoolIndex, view: PoolView & { space: UsableAddresses }, q: ClaimRequest): Choice {
  const { family } = view.space
  const value = view.index.next(q.nowMs)
  if (value !== undefined && hasTurn(pools, view, q)) return { is: 'take', address: { family, value }, adopt: false }
  return no(q, 'waiting', 'PoolExhausted', exhausted(view, q), 'any')
}

/** Those who came earlier have theirs first. */
function hasTurn(pools: PoolIndex, view: PoolView & { space: UsableAddresses }, q: ClaimRequest): boolean {
  if (q.ahead.length === 0) return true
  const taken = servable(q.ahead, view.index.available(q.nowMs), (value) => availabilityOf(pools, view, value, q.nowMs))
  const open = taken.filter(({ wish }) => typeof wish !== 'bigint' || view.space.open.has(wish)).length
  return view.index.available(q.nowMs) > BigInt(open)
}

export function availabilityOf(
  pools: PoolIndex,
  view: PoolView & { space: UsableAddresses },
  value: bigint,
  nowMs: number,
): { free: boolean; open: boolean } {
  const standing = pools.availability(view, { family: view.space.family, value }, nowMs)
  return { free: standing.is === 'free', open: view.space.open.has(value) }
}

function exhausted(view: PoolView, q: ClaimRequest): string {
  const warmMs = view.index.nextWarmMs(q.nowMs)
  const next = warmMs === undefined ? '' : `; the next one becomes free at ${timeOf(warmMs)} (reuseAfter)`
  return `No address of IPPool ${q.entry.pool} is free; the VM gets one, first come first served, when an address is released or the pool grows${next}`
}

/** The reservation of this VM, if none of its other entries has it or asks for it. */
function ownReservation(pools: PoolIndex, view: PoolView & { space: UsableAddresses }, q: ClaimRequest): Address | undefined {
  const { family, reserved } = view.space
  for (const [value, { namespace, name }] of reserved) {
    if (namespace !== q.who.namespace || name !== q.who.name) continue
    const text = formatAddress({ family, value })
    const mine = q.held.some(({ spec }) => spec.poolRef.name === q.entry.pool && spec.address === text)
    const asked = q.entries.some(({ pool, address }) => pool === q.entry.pool && address !== undefined && sameAddress(address, text))
    const standing = pools.availability(view, { family, value }, q.nowMs)
    const another = standing.is === 'claiming' && standing.owner.uid === q.who.uid && !isOwn(standing.owner, q)
    if (!mine && !asked && !another) return { family, value }
  }
  return undefined
}

function chooseNamed(pools: PoolIndex, view: PoolView & { space: UsableAddresses }, q: ClaimRequest, text: string): Choice {
  const address = parseAddress(text)
  if (!address) return no(q, 'refused', 'AddressNotInPool', `"${text}" is not a valid IP address`, 'pool')
  const what = `${formatAddress(address)} of IPPool ${q.entry.pool}`
  const barred = barredFrom(view, q, address)
  if (barred)
    return no(
      q,
      'refused',
      barred.reason,
      `IPPool ${q.entry.pool} cannot allocate ${formatAddress(address)}: it ${barred.because}${remedy(q)}`,
      'pool',
    )
  const standing = pools.availability(view, address, q.nowMs)
  switch (standing.is) {
    case 'claiming':
      // Our own earlier attempt whose reply was lost: taking it again finds out.
      if (isOwn(standing.owner, q)) return { is: 'take', address, adopt: false }
      return no(q, 'refused', 'AddressTaken', `${what} is being allocated to ${keyOfClaimant(standing.owner)}`, address.value)
    case 'held':
      return chooseHeld(q, address, what, standing)
    case 'in-use': {
      const { cluster, vmid } = standing.by
      if (cluster === q.who.cluster && vmid === q.who.vmid) return { is: 'take', address, adopt: false }
      const guest = `VM ${vmid} of ProxmoxCluster ${cluster} is configured with it and belongs to no ProxmoxVM (kubectl pve unclaimed)`
      return no(q, 'refused', 'AddressTaken', `${what} is in use: ${guest}`, address.value)
    }
    case 'going':
      return no(q, 'waiting', 'AddressTaken', `PoolAddress ${standing.name} is being released`, address.value)
    case 'cooling':
      return no(
        q,
        'waiting',
        'AddressCooling',
        `${what} was released recently and cannot be reused until ${timeOf(standing.byMs)} (reuseAfter)`,
        address.value,
      )
    case 'free':
      if (!view.space.open.has(address.value) || hasTurn(pools, view, q)) return { is: 'take', address, adopt: false }
      return no(q, 'waiting', 'PoolExhausted', exhausted(view, q), address.value)
  }
}

function chooseHeld(q: ClaimRequest, address: Address, what: string, { by }: Extract<AvailabilityState, { is: 'held' }>): Choice {
  const { claimRef, orphaned } = by.spec
  if (claimRef?.uid === q.who.uid) {
    if (!isWanted(by, q.entries) || claimRef.entry === q.entry.name) return { is: 'take', address, adopt: true }
    return no(q, 'refused', 'AddressTaken', `${what} already belongs to this VM for its entry ${claimRef.entry}`, address.value)
  }
  const holder = claimRef ? keyOfClaimant(claimRef) : 'nobody'
  const earlier = holder === keyOfClaimant(q.who) ? 'an earlier object named ' : ''
  const left = orphaned ? '; the address was left when that object was deleted, and is free when an admin deletes the PoolAddress' : ''
  return no(q, 'refused', 'AddressTaken', `${what} is held by ${earlier}${holder}${left}`, address.value)
}

/** What the user can do about a certain address; one on record, or of a reservation, is not his wish. */
const remedy = ({ entry }: ClaimRequest): string =>
  entry.address === undefined ? '' : `; correct spec.addresses[${entry.name}].address, or remove it to get any free address`

/** Why the pool may not give this address to this VM. What a VM was given before stays its own whatever the pool says now. */
function barredFrom(
  view: PoolView & { space: UsableAddresses },
  q: ClaimRequest,
  address: Address,
): { reason: Reason; because: string } | undefined {
  if (q.entry.address === undefined && q.entry.recorded !== undefined) {
    return address.family === view.space.family
      ? undefined
      : { reason: 'AddressNotInPool', because: `is not an ${view.space.family} address` }
  }
  if (address.family !== view.space.family || !view.space.usable.has(address.value)) {
    const { is, because } = view.space.why(address)
    return { reason: is === 'outside' ? 'AddressNotInPool' : 'AddressExcluded', because }
  }
  const owner = view.space.reserved.get(address.value)
  if (!owner || keyOfClaimant(owner) === keyOfClaimant(q.who)) return undefined
  return { reason: 'AddressExcluded', because: `is reserved for ${keyOfClaimant(owner)}` }
}

/** Whether an entry of the list still stands for this held address. */
export function isWanted(held: PoolAddress, entries: readonly Entry[]): boolean {
  const { claimRef, poolRef, address } = held.spec
  return entries.some(
    (entry) =>
      entry.name === claimRef?.entry && entry.pool === poolRef.name && (entry.address === undefined || sameAddress(entry.address, address)),
  )
}

export function grantOf(entry: Entry, pool: IPPool, address: Address): Grant {
  const { prefixLength, gateway, nameservers = [], searchDomain, network } = pool.spec
  return {
    is: 'granted',
    entry: entry.name,
    family: address.family,
    address: formatAddress(address),
    prefixLength,
    ...(gateway !== undefined && { gateway }),
    nameservers,
    ...(searchDomain !== undefined && { searchDomain }),
    ...(network?.bridge !== undefined && { bridge: network.bridge }),
    ...(network?.vlan !== undefined && { vlan: network.vlan }),
    pool: entry.pool,
  }
}

export function sameAddress(a: string, b: string): boolean {
  const [left, right] = [parseAddress(a), parseAddress(b)]
  return left !== undefined && left.family === right?.family && left.value === right.value
}

const isOwn = (owner: Owner, q: ClaimRequest): boolean => owner.uid === q.who.uid && owner.entry === q.entry.name

function no(q: ClaimRequest, is: 'waiting' | 'refused', reason: Reason, message: string, wish: AddressWish): Choice {
  return { is: 'no', refusal: { is, entry: q.entry.name, reason, message }, wish }
}
