import { isIPv4, isIPv6 } from 'node:net'
import { firewallFormats } from '../firewall/formats.ts'
import { privilegesOf } from '../access/privileges.ts'
import { FormatError } from './format-error.ts'
import { type Property, schema } from './schema.ts'

const optional = (property: Property): Property => ({ ...property, optional: 1 })
const text: Property = { type: 'string', optional: 1 }
const base64 = optional({ type: 'string', pattern: '[A-Za-z0-9+\\/]+={0,2}' })
const volume = optional({ type: 'string', format: 'pve-volume-id' })
const config = schema.get('/nodes/{node}/qemu/{vmid}/config')?.['PUT']?.parameters?.properties ?? {}

/** Property strings that the schema only names, from qemu-server's own definitions. */
export const namedObjects: Readonly<Record<string, Readonly<Record<string, Property>>>> = {
  'pve-qm-ide': config['ide0']?.format as Record<string, Property>,
  'pve-qm-boot': {
    legacy: optional({ type: 'string', default_key: 1, pattern: '[acdn]{1,4}' }),
    order: optional({ type: 'string', format: 'pve-qm-bootdev-list' }),
  },
  'pve-qm-cicustom': { meta: volume, network: volume, user: volume, vendor: volume },
  'pve-qm-ipconfig': {
    ip: optional({ type: 'string', format: 'pve-ipv4-config' }),
    gw: optional({ type: 'string', format: 'ipv4', requires: 'ip' }),
    ip6: optional({ type: 'string', format: 'pve-ipv6-config' }),
    gw6: optional({ type: 'string', format: 'ipv6', requires: 'ip6' }),
  },
  'pve-qm-smbios1': {
    uuid: optional({ type: 'string', pattern: '[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}' }),
    version: base64,
    serial: base64,
    manufacturer: base64,
    product: base64,
    sku: base64,
    family: base64,
    base64: optional({ type: 'boolean' }),
  },
  'pve-qm-watchdog': {
    model: optional({ type: 'string', default_key: 1, enum: ['i6300esb', 'ib700'] }),
    action: optional({ type: 'string', enum: ['reset', 'shutdown', 'poweroff', 'pause', 'debug', 'none'] }),
  },
  'pve-qm-rng': {
    source: { type: 'string', default_key: 1, enum: ['/dev/urandom', '/dev/random', '/dev/hwrng'] },
    max_bytes: optional({ type: 'integer' }),
    period: optional({ type: 'integer' }),
  },
  'pve-qm-hostpci': {
    host: optional({ type: 'string', default_key: 1, format: 'pve-qm-hostpci-list' }),
    mapping: optional({ type: 'string', format: 'pve-configid' }),
    rombar: optional({ type: 'boolean' }),
    romfile: text,
    pcie: optional({ type: 'boolean' }),
    'x-vga': optional({ type: 'boolean' }),
    'legacy-igd': optional({ type: 'boolean' }),
    mdev: text,
    'vendor-id': text,
    'device-id': text,
    'sub-vendor-id': text,
    'sub-device-id': text,
    driver: text,
  },
  'pve-vm-cpu-conf': {
    cputype: optional({ type: 'string', default_key: 1 }),
    'reported-model': text,
    hidden: optional({ type: 'boolean' }),
    'hv-vendor-id': optional({ type: 'string', pattern: '[a-zA-Z0-9]{1,12}' }),
    flags: optional({ type: 'string', pattern: '[+-][a-zA-Z0-9\\-_.]+(;[+-][a-zA-Z0-9\\-_.]+)*' }),
    'phys-bits': text,
    'guest-phys-bits': optional({ type: 'integer', minimum: 32, maximum: 64 }),
  },
  'prune-backups': Object.fromEntries(
    ['keep-all', 'keep-last', 'keep-hourly', 'keep-daily', 'keep-weekly', 'keep-monthly', 'keep-yearly'].map((key) => [
      key,
      optional(key === 'keep-all' ? { type: 'boolean' } : { type: 'integer', minimum: 0 }),
    ]),
  ),
}

const builtInCpus = new Set(
  `486 Broadwell Broadwell-IBRS Broadwell-noTSX Broadwell-noTSX-IBRS Cascadelake-Server Cascadelake-Server-noTSX Cascadelake-Server-v2 Cascadelake-Server-v4
  Cascadelake-Server-v5 Conroe Cooperlake Cooperlake-v2 EPYC EPYC-IBPB EPYC-Genoa EPYC-Milan EPYC-Milan-v2 EPYC-Rome EPYC-Rome-v2 EPYC-Rome-v3 EPYC-Rome-v4
  EPYC-Turin EPYC-v3 EPYC-v4 GraniteRapids Haswell Haswell-IBRS Haswell-noTSX Haswell-noTSX-IBRS Icelake-Client Icelake-Client-noTSX Icelake-Server
  Icelake-Server-noTSX Icelake-Server-v3 Icelake-Server-v4 Icelake-Server-v5 Icelake-Server-v6 IvyBridge IvyBridge-IBRS KnightsMill Nehalem Nehalem-IBRS
  Opteron_G1 Opteron_G2 Opteron_G3 Opteron_G4 Opteron_G5 Penryn SandyBridge SandyBridge-IBRS SapphireRapids SapphireRapids-v2 SierraForest Skylake-Client
  Skylake-Client-IBRS Skylake-Client-noTSX-IBRS Skylake-Client-v4 Skylake-Server Skylake-Server-IBRS Skylake-Server-noTSX-IBRS Skylake-Server-v4
  Skylake-Server-v5 Westmere Westmere-IBRS athlon core2duo coreduo host kvm32 kvm64 max pentium pentium2 pentium3 phenom qemu32 qemu64 x86-64-v2
  x86-64-v2-AES x86-64-v3 x86-64-v4`.split(/\s+/),
)

/** Of PVE 8 and 9; a role's own route knows which of them the release has. */
const privileges = new Set(['8', '9'].flatMap((release) => privilegesOf(release).all))

type Check = (value: string) => void

const fail = (message: string): never => {
  throw new FormatError(`${message}\n`)
}
const matches =
  (pattern: RegExp, message: string | ((value: string) => string)): Check =>
  (value) => {
    if (!pattern.test(value)) fail(typeof message === 'string' ? message : message(value))
  }
const nodeName = /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/
const dnsName = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*$/
const volumeId = /^[a-zA-Z][a-zA-Z0-9\-_.]*[a-zA-Z0-9]:.+$/
/** PVE's own patterns know no zones. */
const isAddress6 = (value: string): boolean => isIPv6(value) && !value.includes('%')
const isAddress = (value: string): boolean => isIPv4(value) || isAddress6(value)
const hasPrefix = (value: string, isOwn: (ip: string) => boolean, longest: number): boolean => {
  const [, ip = '', length = ''] = /^(.+)\/(\d+)$/.exec(value) ?? []
  return isOwn(ip) && Number(length) > 7 && Number(length) <= longest
}
const isCidr4 = (value: string): boolean => hasPrefix(value, isIPv4, 32)
const isCidr6 = (value: string): boolean => hasPrefix(value, isAddress6, 128)
const emailUser = '[\\w+\\-~]+(?:\\.[\\w+\\-~]+)*'

function checkStorageId(value: string): void {
  if (value.length < 2) fail(`storage ID '${value}' cannot be shorter than 2 characters`)
  if (!/^[a-zA-Z][a-zA-Z0-9\-_.]*[a-zA-Z0-9]$/.test(value)) fail(`storage ID '${value}' contains illegal characters`)
}

function checkVolume(value: string): void {
  if (!volumeId.test(value)) fail(`unable to parse volume ID '${value}'`)
}

const contents = new Set(['images', 'rootdir', 'vztmpl', 'iso', 'backup', 'snippets', 'import', 'none'])
const hotplugFeatures = new Set(['network', 'disk', 'cpu', 'memory', 'usb', 'cloudinit'])

const checks: Record<string, Check> = {
  'pve-vmid': matches(/^[1-9][0-9]{2,8}$/, 'value does not look like a valid VM ID'),
  'pve-node': matches(nodeName, 'value does not look like a valid node name'),
  'pve-storage-id': checkStorageId,
  'pve-volume-id': checkVolume,
  'pve-volume-id-or-qm-path': (value) => {
    if (value === 'none' || value === 'cdrom' || value.startsWith('/')) return
    checkVolume(value)
  },
  'pve-volume-id-or-absolute-path': (value) => {
    if (!value.startsWith('/')) checkVolume(value)
  },
  'pve-configid': matches(/^[a-z][a-z0-9_-]+$/i, (v) => `invalid configuration ID '${v}'`),
  'pve-poolid': (value) => {
    if (value.split('/').length > 3) fail(`pool name '${value}' nested too deeply (max levels = 3)`)
    if (!/^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+){0,2}$/.test(value)) fail(`pool name '${value}' contains invalid characters`)
  },
  'pve-roleid': matches(/^[A-Za-z0-9._-]+$/, (v) => `role name '${v}' contains invalid characters`),
  'pve-groupid': matches(/^[A-Za-z0-9._-]+$/, (v) => `group name '${v}' contains invalid characters`),
  'pve-userid': (value) => {
    if (value.length < 3) fail(`user name '${value}' is too short`)
    if (value.length > 64) fail(`user name '${value}' is too long (${value.length} > 64)`)
    if (!/^[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+$/.test(value)) fail(`value '${value}' does not look like a valid user name`)
  },
  'pve-tokenid': matches(
    /^[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+![A-Za-z][A-Za-z0-9.\-_]+$/,
    (v) => `value '${v}' does not look like a valid token ID`,
  ),
  'pve-priv': (value) => void (privileges.has(value) || fail(`invalid privilege '${value}'`)),
  'pve-realm': matches(/^[A-Za-z][A-Za-z0-9.\-_]+$/, 'value does not look like a valid realm'),
  'pve-iface': matches(/^[a-zA-Z][a-zA-Z0-9_]{1,20}([:.]\d+)?$/, (v) => `invalid network interface name '${v}'`),
  'pve-bridge-id': matches(/^[-_.\w\d]+$/, (v) => `invalid bridge ID '${v}'`),
  'pve-storage-content': (value) => {
    if (!contents.has(value)) fail(`invalid content type '${value}'`)
  },
  'pve-task-status-type': matches(/^(?:ok|error|warning|unknown)$/i, (v) => `invalid status '${v}'`),
  'dns-name': matches(dnsName, 'value does not look like a valid DNS name'),
  'disk-size': matches(/^\d+(?:\.\d+)?(?:[KMGT](?:iB)?)?$/, (v) => `value does not look like a valid disk size: ${v}`),
  urlencoded: matches(/^[-%a-zA-Z0-9_.!~*'()]*$/, (v) => `invalid urlencoded string: ${v}`),
  'mac-addr': matches(/^[a-f0-9][02468ace](?::[a-f0-9]{2}){5}$/i, 'value does not look like a valid unicast MAC address'),
  ipv4: (v) => void (isIPv4(v) || fail('value does not look like a valid IPv4 address')),
  ipv6: (v) => void (isAddress6(v) || fail('value does not look like a valid IPv6 address')),
  ip: (v) => void (isAddress(v) || fail('value does not look like a valid IP address')),
  address: (v) => void (isAddress(v) || dnsName.test(v) || fail(`value does not look like a valid address: ${v}`)),
  email: matches(new RegExp(`^${emailUser}@[a-zA-Z0-9-]+(?:\\.[a-zA-Z0-9-]+)*$`), 'value does not look like a valid email address'),
  CIDR: (v) => void (isCidr4(v) || isCidr6(v) || fail('value does not look like a valid CIDR network')),
  CIDRv4: (v) => void (isCidr4(v) || fail('value does not look like a valid IPv4 CIDR network')),
  CIDRv6: (v) => void (isCidr6(v) || fail('value does not look like a valid IPv6 CIDR network')),
  'pve-ipv4-config': (v) =>
    void (v === 'dhcp' || v === 'manual' || isCidr4(v) || fail('value does not look like a valid ipv4 network configuration')),
  'pve-ipv6-config': (v) =>
    void (['auto', 'dhcp', 'manual'].includes(v) || isCidr6(v) || fail('value does not look like a valid ipv6 network configuration')),
  'pve-qm-bootdev': matches(
    /^(?:ide[0-3]|sata[0-5]|scsi(?:[12]?\d|30)|virtio(?:\d|1[0-5])|net(?:[12]?\d|3[01])|(?:usb|hostpci)\d+)$/,
    'invalid boot device',
  ),
  'pve-qm-bootdisk': (value) =>
    void (
      /^(?:ide[0-3]|sata[0-5]|scsi(?:[12]?\d|30)|virtio(?:\d|1[0-5])|efidisk0|tpmstate0)$/.test(value) ||
      fail(`invalid boot disk '${value}'`)
    ),
  'pve-tag': matches(/^[a-z0-9_][a-z0-9_\-+.]*$/i, 'invalid characters in tag'),
  'pve-cpuset': matches(/^\s*\d+(?:-\d+)?(?:\s*,\s*\d+(?:-\d+)?)*\s*$/, 'unable to parse cpuset option'),
  'pve-cputype': (value) => {
    // No custom model is ever defined here (PVE::QemuServer::CPUConfig get_custom_model).
    if (value.startsWith('custom-')) fail(`Custom cputype '${value.slice('custom-'.length)}' not found`)
    if (!builtInCpus.has(value)) fail(`Built-in cputype '${value}' is not defined (missing 'custom-' prefix?)`)
  },
  'pve-hotplug-features': (value) => {
    if (value === '0' || value === '1') return
    for (const feature of splitList(value)) if (!hotplugFeatures.has(feature)) fail(`invalid hotplug feature '${feature}'`)
  },
  'pve-startup-order': (value) => {
    const isKnown = (part: string): boolean => /^\s*$/.test(part) || /^(?:(?:order=)?\d+|up=\d+|down=\d+)$/.test(part)
    if (value === '' || value === '0' || !value.split(',').every(isKnown)) fail('unable to parse startup options')
  },
}

/** PVE::Tools split_list: commas, semicolons, white space; a NUL separates too. */
export function splitList(value: string): string[] {
  return value
    .replaceAll('\0', ' ')
    .split(/[,;\s]+/)
    .filter((part) => part !== '')
}

/** Checks a value against a format by its name; unknown names pass, as formats of services that are not modelled. */
export function checkNamed(name: string, value: string): void {
  const ofFirewall = firewallFormats[name]
  if (ofFirewall) {
    const text = ofFirewall(value)
    if (text !== undefined) fail(text)
    return
  }
  const exact = checks[name]
  if (exact) {
    exact(value)
    return
  }
  const suffix = /^(.*)-(list|opt)$/.exec(name)
  const check = suffix ? checks[suffix[1] as string] : undefined
  if (!check) return
  if (suffix?.[2] === 'list') for (const part of splitList(value)) check(part)
  else if (value !== '') check(value)
}
