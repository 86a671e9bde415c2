import { AddressFault, addressVersion, cleanCidr, storedCidr } from './address.ts'
import { conntrackHelpers, icmpTypes, icmpv6Types, protocolNames, serviceNames } from './names.ts'

/** What a name of an alias, IP set or security group looks like. */
export const namePattern = '[A-Za-z][A-Za-z0-9\\-_]+'

/** A text a firewall value is refused with. */
export class FormatFault extends Error {}

const aliasPattern = new RegExp(`^(?:dc/|guest/)?${namePattern}$`)

function elementsOf(text: string): string[] {
  const elements = text.split(',')
  if (elements.at(-1) === '') throw new FormatFault('extraneous commas in list')
  return elements
}

/** Checks `source` or `dest` and returns the IP version its addresses settle, if any (pve-firewall parse_address_list). */
export function parseAddressList(text: string): 4 | 6 | undefined {
  if (/^\+\S+$/.test(text)) {
    if (text.length > 65) throw new FormatFault('ipset name too long')
    return undefined
  }
  if (aliasPattern.test(text)) {
    if (text.length > 64) throw new FormatFault('alias name too long')
    return undefined
  }
  const elements = elementsOf(text)
  let version: 4 | 6 | undefined
  for (const element of elements) {
    const found = versionOrFault(element)
    if (version !== undefined && version !== found) throw new FormatFault(`detected mixed ipv4/ipv6 addresses in address list '${text}'`)
    version = found
  }
  if (elements.length > 1 && elements.some((element) => element.includes('-'))) throw new FormatFault("you can't use a range in a list")
  return version
}

function versionOrFault(element: string): 4 | 6 {
  try {
    return addressVersion(element)
  } catch (fault) {
    if (fault instanceof AddressFault) throw new FormatFault(`invalid IP address: ${fault.message}`)
    throw fault
  }
}

/** Checks a port list; ICMP type names are allowed in a `dport` (pve-firewall parse_port_name_number_or_range). */
export function parsePorts(text: string, isDport: boolean): void {
  let count = 0
  let icmp = false
  for (const item of elementsOf(text)) {
    const range = /^(\d+):(\d+)$/.exec(item)
    if (range !== null) {
      count += 2
      const [, first = '', last = ''] = range
      for (const port of [first, last]) if (Number(port) > 65535) throw new FormatFault(`invalid port '${port}'`)
      if (Number(first) > Number(last)) {
        throw new FormatFault(`backwards range '${first}:${last}' not allowed, did you mean '${last}:${first}'?`)
      }
    } else if (/^\d+$/.test(item)) {
      count += 1
      if (Number(item) > 65535) throw new FormatFault(`invalid port '${item}'`)
    } else if (isDport && (icmpTypes.has(item) || icmpv6Types.has(item))) {
      icmp = true
    } else if (!serviceNames.has(item)) {
      throw new FormatFault(`invalid port '${item}'`)
    }
  }
  if (icmp && count > 0) throw new FormatFault('ICMP ports not allowed in port range')
  if (count > 15) throw new FormatFault('too many entries in port list (> 15 numbers)')
}

function checkIPorCIDR(text: string): void {
  if (storedCidr(text) === undefined) throw new FormatFault('value does not look like a valid IP address or CIDR network')
  try {
    addressVersion(cleanCidr(text))
  } catch (fault) {
    throw fault instanceof AddressFault ? new FormatFault(fault.message) : fault
  }
}

export function checkProtocol(text: string): void {
  if (text !== '' && text !== '0' && !protocolNames.has(text)) throw new FormatFault(`unknown protocol '${text}'`)
}

function checkIcmpType(text: string): void {
  if (text !== '' && !icmpTypes.has(text) && !icmpv6Types.has(text)) throw new FormatFault(`invalid icmp-type value '${text}'`)
}

function checkHelpers(text: string): void {
  const unknown = elementsOf(text).find((helper) => !conntrackHelpers.has(helper))
  if (unknown !== undefined) throw new FormatFault(`unknown helper ${unknown} at /usr/share/perl5/PVE/Firewall.pm line 1169.`)
}

function textOf(check: (value: string) => unknown): (value: string) => string | undefined {
  return (value) => {
    try {
      check(value)
      return undefined
    } catch (fault) {
      if (fault instanceof FormatFault) return fault.message
      throw fault
    }
  }
}

/** The schema formats of the firewall: what PVE has against a value, without `invalid format - ` and the newline, or undefined. */
export const firewallFormats: Readonly<Record<string, (value: string) => string | undefined>> = {
  'pve-fw-addr-spec': textOf(parseAddressList),
  'pve-fw-sport-spec': textOf((value) => parsePorts(value, false)),
  'pve-fw-dport-spec': textOf((value) => parsePorts(value, true)),
  'pve-fw-protocol-spec': textOf(checkProtocol),
  'pve-fw-icmp-type-spec': textOf(checkIcmpType),
  'pve-fw-conntrack-helper': textOf(checkHelpers),
  IPorCIDR: textOf(checkIPorCIDR),
  IPorCIDRorAlias: textOf((value) => (aliasPattern.test(value) ? undefined : checkIPorCIDR(value))),
}
