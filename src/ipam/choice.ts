/** Which address a VM gets for one entry, or why it gets none (no writes): the rules of a pool in one place. */
import type { IPPool } from '../api/ippool.ts'
import type { PoolAddress } from '../api/pooladdress.ts'
import type { Reason } from '../api/words.ts'
import { type Address, formatAddress, parseAddress } from './address.ts'
import { namespaceAllowed } from './allowed-namespaces.ts'
import { type Claimant, type Entry, type Grant, keyOfClaimant, type Refusal } from './claim.ts'
import { timeOf } from './records.ts'
import type { Owner, Shelf, Standing, Stock } from './pool-index.ts'
import type { PoolRoom } from './usable.ts'
import { servable, type Waiter, type Wish } from './waiters.ts'

/** Take this one; `adopt`: the VM holds it under an entry it no longer has. Or wait, and for what. */
export type Choice = { is: 'take'; address: Address; adopt: boolean } | { is: 'no'; refusal: Refusal; wish: Wish }

export interface Question {
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
export function shelfFor(
  shelf: Shelf | undefined,
  entry: Entry,
  asks: { namespace: string; namespaceLabels: Readonly<Record<string, string>>; cluster: string },
): (Shelf & { room: PoolRoom }) | Refusal {
  const no = (reason: Reason, message: string): Refusal => ({ is: 'refused', entry: entry.name, reason, message })
  if (!shelf) return no('PoolNotFound', `there is no IPPool ${entry.pool}`)
  const { spec, metadata } = shelf.pool
  if (metadata.deletionTimestamp !== undefined)
    return no('PoolDeleting', `IPPool ${entry.pool} is being deleted and gives no new addresses`)
  if (!namespaceAllowed(spec.allowedNamespaces, asks.namespaceLabels)) {
    return no('PoolNotAllowed', `IPPool ${entry.pool} does not serve namespace ${asks.namespace} (spec.allowedNamespaces)`)
  }
  if (spec.clusterRefs && !spec.clusterRefs.some(({ name }) => name === asks.cluster)) {
    return no('PoolNotAllowed', `IPPool ${entry.pool} does not serve ProxmoxCluster ${asks.cluster} (spec.clusterRefs)`)
  }
  const { room } = shelf
  return typeof room === 'string' ? no('PoolInvalid', `IPPool ${entry.pool} gives no addresses: ${room}`) : { ...shelf, room }
}

export function choose(stock: Stock, shelf: Shelf & { room: PoolRoom }, q: Question): Choice {
  const named = q.entry.address ?? q.entry.recorded
  if (named !== undefined) return chooseNamed(stock, shelf, q, named)
  const spare = q.held.find(
    ({ spec }) => spec.poolRef.name === q.entry.pool && !q.entries.some(({ name }) => name === spec.claimRef?.entry),
  )
  const spareAddress = spare && parseAddress(spare.spec.address)
  if (spareAddress) return { is: 'take', address: spareAddress, adopt: true }
  const reservation = ownReservation(stock, shelf, q)
  if (reservation) return chooseNamed(stock, shelf, q, formatAddress(reservation))
  return chooseAny(stock, shelf, q)
}

function chooseAny(stock: Stock, shelf: Shelf & { room: PoolRoom }, q: Question): Choice {
  const { family } = shelf.room
  const value = shelf.index.next(q.nowMs)
  if (value !== undefined && hasTurn(stock, shelf, q)) return { is: 'take', address: { family, value }, adopt: false }
  return no(q, 'waiting', 'PoolExhausted', exhausted(shelf, q), 'any')
}

/** Those who came earlier have theirs first. */
function hasTurn(stock: Stock, shelf: Shelf & { room: PoolRoom }, q: Question): boolean {
  if (q.ahead.length === 0) return true
  const taken = servable(q.ahead, shelf.index.available(q.nowMs), (value) => lookAt(stock, shelf, value, q.nowMs))
  const open = taken.filter(({ wish }) => typeof wish !== 'bigint' || shelf.room.open.has(wish)).length
  return shelf.index.available(q.nowMs) > BigInt(open)
}

export function lookAt(stock: Stock, shelf: Shelf & { room: PoolRoom }, value: bigint, nowMs: number): { free: boolean; open: boolean } {
  const standing = stock.standing(shelf, { family: shelf.room.family, value }, nowMs)
  return { free: standing.is === 'free', open: shelf.room.open.has(value) }
}

function exhausted(shelf: Shelf, q: Question): string {
  const warmMs = shelf.index.nextWarmMs(q.nowMs)
  const next = warmMs === undefined ? '' : `; the next one has rested (reuseAfter) at ${timeOf(warmMs)}`
  return `no address of IPPool ${q.entry.pool} is free; first come, first served when one is released or the pool grows${next}`
}

/** The reservation of this VM, if none of its other entries has it or asks for it. */
function ownReservation(stock: Stock, shelf: Shelf & { room: PoolRoom }, q: Question): Address | undefined {
  const { family, reserved } = shelf.room
  for (const [value, { namespace, name }] of reserved) {
    if (namespace !== q.who.namespace || name !== q.who.name) continue
    const text = formatAddress({ family, value })
    const mine = q.held.some(({ spec }) => spec.poolRef.name === q.entry.pool && spec.address === text)
    const asked = q.entries.some(({ pool, address }) => pool === q.entry.pool && address !== undefined && sameAddress(address, text))
    const standing = stock.standing(shelf, { family, value }, q.nowMs)
    const another = standing.is === 'claiming' && standing.owner.uid === q.who.uid && !isOwn(standing.owner, q)
    if (!mine && !asked && !another) return { family, value }
  }
  return undefined
}

function chooseNamed(stock: Stock, shelf: Shelf & { room: PoolRoom }, q: Question, text: string): Choice {
  const address = parseAddress(text)
  if (!address) return no(q, 'refused', 'AddressNotInPool', `"${text}" is no address`, 'pool')
  const what = `${formatAddress(address)} of IPPool ${q.entry.pool}`
  const barred = barredFrom(shelf, q, address)
  if (barred)
    return no(
      q,
      'refused',
      barred.reason,
      `${formatAddress(address)} cannot be had from IPPool ${q.entry.pool}: it ${barred.because}`,
      'pool',
    )
  const standing = stock.standing(shelf, address, q.nowMs)
  switch (standing.is) {
    case 'claiming':
      // Our own earlier attempt whose reply was lost: taking it again finds out.
      if (isOwn(standing.owner, q)) return { is: 'take', address, adopt: false }
      return no(q, 'refused', 'AddressTaken', `${what} is being taken by ${keyOfClaimant(standing.owner)}`, address.value)
    case 'held':
      return chooseHeld(q, address, what, standing)
    case 'going':
      return no(q, 'waiting', 'AddressTaken', `PoolAddress ${standing.name} is being released`, address.value)
    case 'cooling':
      return no(
        q,
        'waiting',
        'AddressCooling',
        `${what} was released lately and rests (reuseAfter) until ${timeOf(standing.byMs)}`,
        address.value,
      )
    case 'free':
      if (!shelf.room.open.has(address.value) || hasTurn(stock, shelf, q)) return { is: 'take', address, adopt: false }
      return no(q, 'waiting', 'PoolExhausted', exhausted(shelf, q), address.value)
  }
}

function chooseHeld(q: Question, address: Address, what: string, { by }: Extract<Standing, { is: 'held' }>): Choice {
  const { claimRef, orphaned } = by.spec
  if (claimRef?.uid === q.who.uid) {
    if (!isWanted(by, q.entries) || claimRef.entry === q.entry.name) return { is: 'take', address, adopt: true }
    return no(q, 'refused', 'AddressTaken', `${what} is held by this VM for its entry ${claimRef.entry}`, address.value)
  }
  const holder = claimRef ? keyOfClaimant(claimRef) : 'nobody'
  const earlier = holder === keyOfClaimant(q.who) ? 'an earlier object named ' : ''
  const left = orphaned ? '; it was left behind when that object went, and is free once an admin deletes the PoolAddress' : ''
  return no(q, 'refused', 'AddressTaken', `${what} is held by ${earlier}${holder}${left}`, address.value)
}

/** Why the pool may not give this address to this VM. What a VM was given before stays its own whatever the pool says now. */
function barredFrom(shelf: Shelf & { room: PoolRoom }, q: Question, address: Address): { reason: Reason; because: string } | undefined {
  if (q.entry.address === undefined && q.entry.recorded !== undefined) {
    return address.family === shelf.room.family ? undefined : { reason: 'AddressNotInPool', because: `is no ${shelf.room.family} address` }
  }
  if (address.family !== shelf.room.family || !shelf.room.usable.has(address.value)) {
    const { is, because } = shelf.room.why(address)
    return { reason: is === 'outside' ? 'AddressNotInPool' : 'AddressExcluded', because }
  }
  const owner = shelf.room.reserved.get(address.value)
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

const isOwn = (owner: Owner, q: Question): boolean => owner.uid === q.who.uid && owner.entry === q.entry.name

function no(q: Question, is: 'waiting' | 'refused', reason: Reason, message: string, wish: Wish): Choice {
  return { is: 'no', refusal: { is, entry: q.entry.name, reason, message }, wish }
}
