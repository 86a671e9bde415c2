import type { Address } from '../ipam/address.ts'
import type { Name } from './names.ts'
import { isWithin } from './names.ts'
import { type Block, blockHolds, classlessName, reverseName } from './reverse.ts'

/** A zone as far as choosing goes. `ref` is the name of the DNSZone object; several objects may serve one zone name. */
export interface ZoneChoice {
  readonly ref: string
  readonly zone: Name
  /** Only a classless reverse zone (RFC 2317) has one: its records are found by address, not by name. */
  readonly block?: Block
}

const longest = (zones: readonly ZoneChoice[]): ZoneChoice[] => {
  const length = Math.max(0, ...zones.map((each) => each.zone.length))
  return zones.filter((each) => each.zone.length === length)
}

/**
 * The zones a name belongs in: of all that hold it the longest, because a parent that has delegated the child is the wrong place.
 * More than one only if several objects serve the same zone name on several servers: each of them gets the record.
 */
export function forwardZones<Z extends ZoneChoice>(name: Name, zones: readonly Z[]): Z[] {
  const holding = zones.filter((each) => each.block === undefined && isWithin(name, each.zone))
  const best = longest(holding)[0]
  return best === undefined ? [] : holding.filter((each) => each.zone === best.zone)
}

/** The zones of an address's PTR and what it is called there; a classless zone whose block holds the address beats every zone found by name. */
export function reverseZones<Z extends ZoneChoice>(address: Address, zones: readonly Z[]): { readonly zone: Z; readonly name: Name }[] {
  const holding = zones.filter((each) => each.block !== undefined && blockHolds(each.block, address))
  if (holding.length > 0) {
    const narrowest = Math.max(...holding.map((each) => each.block?.prefixLength ?? 0))
    const chosen = holding.filter((each) => each.block?.prefixLength === narrowest)
    return chosen.map((zone) => ({ zone, name: classlessName(address, zone.zone) }))
  }
  const name = reverseName(address)
  return forwardZones(name, zones).map((zone) => ({ zone, name }))
}
