import { splitPropertyString } from '../schema/property-string.ts'
import { type Property, vmOptions } from '../schema/schema.ts'
import type { World } from '../world/world.ts'

export type Net = Record<string, string>

const format = vmOptions['net0']?.format as Record<string, Property>

/** PVE::QemuServer parse_net: `virtio=MAC,bridge=…` with model and macaddr as keys of their own. */
export function parseNet(text: string): Net {
  return splitPropertyString(format, text)
}

/** `model=MAC` first, then alphabetical (PVE::QemuServer print_net). */
export function printNet(net: Net): string {
  const { model = '', macaddr, ...options } = net
  const first = macaddr === undefined ? model : `${model}=${macaddr}`
  return [
    first,
    ...Object.keys(options)
      .toSorted()
      .map((key) => `${key}=${options[key]}`),
  ].join(',')
}

/** The stored form; a missing MAC is made up. */
export function canonicalNet(world: World, text: string): string {
  const net = parseNet(text)
  net['macaddr'] ??= newMac(world)
  return printNet(net)
}

export function newMac(world: World): string {
  return world.random.mac(world.datacenter.get('mac_prefix') ?? 'BC:24:11')
}

/** VLANs of `trunks=10;20-22`. */
function trunkTags(trunks: string): string[] {
  const tags = trunks.split(';').flatMap((part) => {
    const [first = '', last] = part.split('-')
    if (last === undefined || Number(last) <= Number(first)) return [first]
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, n) => String(Number(first) + n))
  })
  return [...new Set(tags)].toSorted()
}

/** The paths that SDN.Use is asked on for a NIC: its VLANs, else the whole bridge or VNet (PVE::GuestHelpers check_vnet_access). */
export function bridgePaths(text: string, zoneOf: (bridge: string) => string): string[] {
  const net = parseNet(text)
  const bridge = net['bridge']
  if (bridge === undefined) return []
  const base = `/sdn/zones/${zoneOf(bridge)}/${bridge}`
  const tags = [...(net['tag'] === undefined ? [] : [net['tag']]), ...trunkTags(net['trunks'] ?? '').filter(Boolean)]
  return tags.length === 0 ? [base] : tags.map((tag) => `${base}/${tag}`)
}
