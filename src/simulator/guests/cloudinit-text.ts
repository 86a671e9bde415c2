/** The files of a cloud-init drive, letter by letter (PVE::QemuServer::Cloudinit). */
import { createHash } from 'node:crypto'
import { refuse } from '../http/refusal.ts'
import type { World } from '../world/world.ts'
import type { Guest, Section } from './guest.ts'
import { parseNet } from './net.ts'

export function isWindows(config: Section): boolean {
  return (config.get('ostype') ?? '').startsWith('w')
}

function formatOf(config: Section): string {
  return config.get('citype') ?? (isWindows(config) ? 'configdrive2' : 'nocloud')
}

/** Bytes as characters, as Perl has them after uri_unescape: what is not ASCII is encoded once more on its way out (recording 61). */
function unescaped(text: string): string {
  return text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function userData({ vmid, config }: Guest, showsPassword: boolean): string {
  const name = config.get('name') ?? `VM${vmid}`
  const domain = config.get('searchdomain')
  const user = config.get('ciuser')
  const fqdn = name.includes('.') || domain === undefined ? name : `${name}.${domain}`
  const lines = ['#cloud-config', `hostname: ${name.split('.')[0]}`, 'manage_etc_hosts: true', `fqdn: ${fqdn}`]
  if (user !== undefined) lines.push(`user: ${user}`)
  if (user === 'root') lines.push('disable_root: False')
  const password = config.get('cipassword')
  if (password !== undefined) lines.push(`password: ${showsPassword ? password : '**********'}`)
  const keys = config.get('sshkeys')
  if (keys !== undefined) {
    const known = unescaped(keys).split('\n')
    lines.push('ssh_authorized_keys:', ...known.filter((key) => /\S/.test(key)).map((key) => `  - ${key}`))
  }
  lines.push('chpasswd:', '  expire: False')
  if (user !== 'root') lines.push('users:', '  - default')
  if (config.get('ciupgrade') !== '0') lines.push('package_upgrade: true')
  return `${lines.join('\n')}\n`
}

interface Nic {
  id: string
  mac: string
  ip: string | undefined
  gw: string | undefined
  ip6: string | undefined
  gw6: string | undefined
}

/** NICs that have an ipconfig, in the order of their names as texts. */
function nicsOf(config: Section): Nic[] {
  const keys = [...config.keys()].filter((key) => /^net\d+$/.test(key)).toSorted((a, b) => (a < b ? -1 : 1))
  return keys.flatMap((key) => {
    const ipconfig = config.get(`ipconfig${key.slice(3)}`)
    if (!ipconfig) return []
    const mac = (parseNet(config.get(key) ?? '')['macaddr'] ?? '').toLowerCase()
    return [{ id: `eth${key.slice(3)}`, mac, ...addressesOf(ipconfig) }]
  })
}

/** A line without addresses is DHCP; one whose gateway has no address to go with is ignored (PVE::QemuServer::Network parse_ipconfig). */
function addressesOf(ipconfig: string): Pick<Nic, 'ip' | 'gw' | 'ip6' | 'gw6'> {
  const part = (name: string): string | undefined => new RegExp(`(?:^|,)${name}=([^,]+)`).exec(ipconfig)?.[1]
  const [ip, gw, ip6, gw6] = ['ip', 'gw', 'ip6', 'gw6'].map(part)
  const isIgnored = (gw !== undefined && (ip === undefined || ip === 'dhcp')) || (gw6 !== undefined && !ip6?.includes(':'))
  if (isIgnored) return { ip: undefined, gw: undefined, ip6: undefined, gw6: undefined }
  if (ip === undefined && ip6 === undefined) return { ip: 'dhcp', gw, ip6: 'dhcp', gw6 }
  if (ip !== undefined && ip !== 'dhcp' && !ip.includes('/')) refuse(`not a CIDR: ${ip}`)
  return { ip, gw, ip6, gw6 }
}

const words = (text: string): string[] => text.split(/\s+/).filter(Boolean)

/** Nameservers and search domains of the guest, else the node's own. */
function resolverOf(world: World, config: Section): { servers: string[]; domains: string[] } {
  const host = world.spec.resolver ?? { nameservers: [] }
  const own = config.get('nameserver')
  return {
    servers: own === undefined ? [...host.nameservers] : words(own),
    domains: words(config.get('searchdomain') ?? host.search ?? ''),
  }
}

function netmaskOf(length: string | undefined): string {
  const bits = '1'.repeat(Number(length)).padEnd(32, '0')
  return (bits.match(/.{8}/g) ?? []).map((octet) => Number.parseInt(octet, 2)).join('.')
}

function nocloudNetwork(world: World, config: Section): string {
  const lines = ['version: 1', 'config:']
  for (const { id, mac, ip, gw, ip6, gw6 } of nicsOf(config)) {
    lines.push('    - type: physical', `      name: ${id}`, `      mac_address: '${mac}'`, '      subnets:')
    if (ip === 'dhcp') lines.push('      - type: dhcp4')
    else if (ip !== undefined) {
      const [address, length] = ip.split('/')
      lines.push('      - type: static', `        address: '${address}'`, `        netmask: '${netmaskOf(length)}'`)
      if (gw !== undefined) lines.push(`        gateway: '${gw}'`)
    }
    if (ip6 === 'dhcp') lines.push('      - type: dhcp6')
    else if (ip6 === 'auto') lines.push('      - type: ipv6_slaac')
    else if (ip6 !== undefined) {
      lines.push('      - type: static6', `        address: '${ip6}'`)
      if (gw6 !== undefined) lines.push(`        gateway: '${gw6}'`)
    }
  }
  const { servers, domains } = resolverOf(world, config)
  lines.push('    - type: nameserver')
  if (servers.length > 0) lines.push('      address:', ...servers.map((server) => `      - '${server}'`))
  if (domains.length > 0) lines.push('      search:', ...domains.map((domain) => `      - '${domain}'`))
  return `${lines.join('\n')}\n`
}

function configDriveNetwork(world: World, config: Section): string {
  const { servers, domains } = resolverOf(world, config)
  const lines = ['auto lo', 'iface lo inet loopback', '']
  if (servers.length > 0) lines.push(`        dns_nameservers ${servers.join(' ')}`)
  if (domains.length > 0) lines.push(`        dns_search ${domains.join(' ')}`)
  for (const { id, ip, gw, ip6, gw6 } of nicsOf(config)) {
    lines.push(`auto ${id}`)
    if (ip === 'dhcp') lines.push(`iface ${id} inet dhcp`)
    else if (ip !== undefined) {
      const [address, length] = ip.split('/')
      lines.push(`iface ${id} inet static`, `        address ${address}`, `        netmask ${netmaskOf(length)}`)
      if (gw !== undefined) lines.push(`        gateway ${gw}`)
    }
    if (ip6 === 'auto' || ip6 === 'dhcp') lines.push(`iface ${id} inet6 ${ip6}`)
    else if (ip6 !== undefined) {
      const [address, length] = ip6.split('/')
      lines.push(`iface ${id} inet6 static`, `        address ${address}`, `        netmask ${length}`)
      if (gw6 !== undefined) lines.push(`        gateway ${gw6}`)
    }
  }
  return `${lines.join('\n')}\n`
}

/** `cloudinit/dump` of one type; cicustom is ignored, the password is shown only to whom it may be. */
export function cloudInitText(world: World, guest: Guest, type: string, showsPassword: boolean): string {
  if (type === 'user') return userData(guest, showsPassword)
  const isNocloud = formatOf(guest.config) === 'nocloud'
  const network = isNocloud ? nocloudNetwork(world, guest.config) : configDriveNetwork(world, guest.config)
  if (type === 'network') return network
  const id = createHash('sha1')
    .update(userData(guest, true) + network, 'latin1')
    .digest('hex')
  return isNocloud ? `instance-id: ${id}\n` : `{\n     "uuid": "${id}",\n     "network_config": { "content_path": "/content/0000" }\n}\n`
}
