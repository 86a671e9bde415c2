/** From the spec of a pool to the addresses it may give (pure). */
import { type Address, bitsOf, type Family, formatAddress, parseAddress } from './address.ts'
import { type Interval, IntervalSet } from './intervals.ts'
import { formatInterval, networkOf, parseRange, type Range, sizeOfNetwork } from './ranges.ts'

/** The part of IPPool.spec that decides which addresses there are. */
export interface RangeSpec {
  readonly ranges: readonly string[]
  readonly exclude?: readonly string[] | undefined
  readonly prefixLength: number
  readonly gateway?: string | undefined
  readonly reservations?: readonly Reservation[] | undefined
}

export interface Reservation {
  readonly address: string
  readonly for: { readonly namespace: string; readonly name: string }
}

export interface UsableAddresses {
  readonly family: Family
  /** What the pool may give: ranges without exclude, gateway, network and broadcast addresses. Reserved ones are in it. */
  readonly usable: IntervalSet
  /** What anybody may get: `usable` without the reservations. */
  readonly open: IntervalSet
  readonly reserved: ReadonlyMap<bigint, Reservation['for']>
  /** Why the pool never gives an address that is not usable, as the end of a sentence: "is the gateway". */
  why(address: Address): { is: 'outside' | 'withheld'; because: string }
}

/**
 * Networks a range may touch: the first and last address of each is set aside, and these are kept one by one.
 * Enough for every /64 of a /48.
 */
const maxNetworks = 65_536n

/**
 * Reads a pool. Checks what the API server's CEL cannot: the order of IPv6 ranges, a range that leaves the gateway's network,
 * reservations of what the pool never gives.
 * @returns the addresses, or a sentence that names the field at fault.
 */
export function usableAddressesOf(spec: RangeSpec): UsableAddresses | string {
  const ranges = parseAll('spec.ranges', spec.ranges)
  if (typeof ranges === 'string') return ranges
  const family = ranges[0]?.family
  if (!family) return 'spec.ranges is empty'
  const exclude = parseAll('spec.exclude', spec.exclude ?? [], family)
  if (typeof exclude === 'string') return exclude
  if (spec.prefixLength > bitsOf(family))
    return `spec.prefixLength ${spec.prefixLength} is longer than an ${family} address (${bitsOf(family)})`
  const gateway = spec.gateway === undefined ? undefined : parseAddress(spec.gateway)
  const problem = gatewayProblem(spec, ranges, gateway) ?? networksProblem(spec, ranges)
  if (problem !== undefined) return problem

  const named = IntervalSet.of(ranges)
  const edges = IntervalSet.of(ranges.flatMap((range) => edgesIn(range, spec.prefixLength)))
  const excluded = IntervalSet.of(exclude)
  const gatewayOnly = IntervalSet.of(gateway ? [{ from: gateway.value, to: gateway.value }] : [])
  const usable = named.minus(excluded).minus(edges).minus(gatewayOnly)

  const why: UsableAddresses['why'] = ({ family: asked, value }) => {
    if (asked !== family) return { is: 'outside', because: `is not an ${family} address` }
    if (gatewayOnly.has(value)) return { is: 'withheld', because: 'is the gateway' }
    if (!named.has(value)) return { is: 'outside', because: 'is not in the ranges' }
    if (excluded.has(value)) return { is: 'withheld', because: 'is excluded' }
    return { is: 'withheld', because: family === 'IPv4' ? 'is a network or broadcast address' : 'is the subnet-router anycast address' }
  }
  const reserved = readReservations(spec.reservations ?? [], family, usable, why)
  if (typeof reserved === 'string') return reserved
  const open = usable.minus(IntervalSet.of([...reserved.keys()].map((value) => ({ from: value, to: value }))))
  return { family, usable, open, reserved, why }
}

function parseAll(field: string, texts: readonly string[], wanted?: Family): Range[] | string {
  const ranges: Range[] = []
  for (const [at, text] of texts.entries()) {
    const range = parseRange(text)
    if (typeof range === 'string') return `${field}[${at}] ${range}`
    const family = wanted ?? ranges[0]?.family ?? range.family
    if (range.family !== family) return `${field}[${at}] "${text}" is not ${family}: a pool has one family`
    ranges.push(range)
  }
  return ranges
}

/** An IPv6 gateway may be link-local: it is reached on the link whatever the prefix (RFC 4861 6.3.4). */
const linkLocal = networkOf({ family: 'IPv6', value: 0xfe80n << 112n }, 10)

function gatewayProblem(spec: RangeSpec, ranges: readonly Range[], gateway: Address | undefined): string | undefined {
  if (spec.gateway === undefined) return undefined
  if (!gateway) return `spec.gateway "${spec.gateway}" is not a valid IP address`
  if (gateway.family !== ranges[0]?.family) return `spec.gateway ${spec.gateway} is not of the family of spec.ranges`
  // A routed single address reaches its gateway by a route of its own, as PVE hands both to cloud-init: ip=198.51.100.64/32,gw=172.31.1.1.
  if (spec.prefixLength === bitsOf(gateway.family)) return undefined
  if (gateway.family === 'IPv6' && gateway.value >= linkLocal.from && gateway.value <= linkLocal.to) return undefined
  const network = networkOf(gateway, spec.prefixLength)
  const at = ranges.findIndex(({ from, to }) => from < network.from || to > network.to)
  if (at === -1) return undefined
  const cidr = `${formatAddress({ family: gateway.family, value: network.from })}/${spec.prefixLength}`
  return `spec.ranges[${at}] "${spec.ranges[at]}" is not inside ${cidr}, the network of spec.gateway ${spec.gateway}: its addresses cannot reach the gateway`
}

function networksProblem({ prefixLength, ranges: texts }: RangeSpec, ranges: readonly Range[]): string | undefined {
  const size = sizeOfNetwork(ranges[0]?.family ?? 'IPv4', prefixLength)
  if (size <= 2n) return undefined
  const at = ranges.findIndex(({ from, to }) => to / size - from / size >= maxNetworks)
  return at === -1
    ? undefined
    : `spec.ranges[${at}] "${texts[at]}" covers more than ${maxNetworks} networks of /${prefixLength}: write a smaller range or a shorter spec.prefixLength`
}

/**
 * The addresses of a range that no host may have.
 * IPv4: first and last of each network; a /31 has neither (RFC 3021), a /32 is the host itself.
 * IPv6: the first only, since every router of the link answers to it (subnet-router anycast, RFC 4291 2.6.1); there is no broadcast,
 * and a /127 is free of it (RFC 6164). The reserved anycast identifiers at the end of a /64 (RFC 2526) are left in: no guest system uses them.
 */
function edgesIn(range: Range, prefixLength: number): Interval[] {
  const size = sizeOfNetwork(range.family, prefixLength)
  if (size <= 2n) return []
  const edges: Interval[] = []
  for (let first = range.from - (range.from % size); first <= range.to; first += size) {
    edges.push({ from: first, to: first })
    if (range.family === 'IPv4') edges.push({ from: first + size - 1n, to: first + size - 1n })
  }
  return edges
}

function readReservations(
  reservations: readonly Reservation[],
  family: Family,
  usable: IntervalSet,
  why: UsableAddresses['why'],
): Map<bigint, Reservation['for']> | string {
  const reserved = new Map<bigint, Reservation['for']>()
  for (const [at, reservation] of reservations.entries()) {
    const field = `spec.reservations[${at}].address`
    const address = parseAddress(reservation.address)
    if (!address) return `${field} "${reservation.address}" is not a valid IP address`
    if (reserved.has(address.value)) return `${field} ${reservation.address} is reserved twice`
    if (address.family !== family || !usable.has(address.value))
      return `${field} ${reservation.address} ${why(address).because}: the pool never allocates it`
    reserved.set(address.value, reservation.for)
  }
  return reserved
}

/** `203.0.113.10-203.0.113.20, 203.0.113.40 (12 addresses)`; more than three intervals are not listed. */
export function describeIntervals(family: Family, set: IntervalSet): string {
  const shown = set.intervals.slice(0, 3).map((interval) => formatInterval(family, interval))
  const more = set.intervals.length > 3 ? ', …' : ''
  return `${shown.join(', ')}${more} (${set.size} address${set.size === 1n ? '' : 'es'})`
}
