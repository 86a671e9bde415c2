/** A text that PVE's Net::IP would have put into its error variable. */
export class AddressFault extends Error {}

const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const ipv4Pattern = new RegExp(`^(?:${octet}\\.){3}${octet}$`)

/** Whether the text is a full dotted IPv4 address. */
export function isIPv4(text: string): boolean {
  return ipv4Pattern.test(text)
}

/** Whether the text is an IPv6 address in any spelling (PVE's $IPV6RE). */
export function isIPv6(text: string): boolean {
  try {
    return text.includes(':') && version6(text)
  } catch {
    return false
  }
}

function version4(ip: string): boolean {
  if (!/^[\d.]+$/.test(ip)) throw new AddressFault(`Invalid chars in IP ${ip}`)
  if (ip.startsWith('.')) throw new AddressFault(`Invalid IP ${ip} - starts with a dot`)
  if (ip.endsWith('.')) throw new AddressFault(`Invalid IP ${ip} - ends with a dot`)
  const quads = ip.split('.')
  if (quads.length > 4) throw new AddressFault(`Invalid IP address ${ip}`)
  if (quads.includes('')) throw new AddressFault(`Empty quad in IP address ${ip}`)
  const bad = quads.find((quad) => Number(quad) > 255)
  if (bad !== undefined) throw new AddressFault(`Invalid quad in IP address ${ip} - ${bad}`)
  return true
}

function version6(ip: string): boolean {
  const groups = ip.split(':')
  let colons = groups.length - 1
  if (colons < 1 || colons > 7) throw new AddressFault(`Invalid IP address ${ip}`)
  groups.forEach((group, index) => {
    if (group === '' || /^[a-f\d]{1,4}$/i.test(group)) return
    if (index === groups.length - 1 && isIPv4(group)) colons += 1
    else throw new AddressFault(`Invalid IP address ${ip}`)
  })
  if (/^:[^:]/.test(ip)) throw new AddressFault(`Invalid address ${ip} (starts with :)`)
  if (/[^:]:$/.test(ip)) throw new AddressFault(`Invalid address ${ip} (ends with :)`)
  if ((ip.match(/:(?=:)/g)?.length ?? 0) > 1) throw new AddressFault(`Invalid address ${ip} (More than one :: pattern)`)
  if (colons !== 7 && !ip.includes('::')) throw new AddressFault(`Invalid number of octets ${ip}`)
  return true
}

function versionOf(ip: string): 4 | 6 {
  if (ip.includes(':')) {
    version6(ip)
    return 6
  }
  version4(ip)
  return 4
}

/** The address as 32 or 128 binary digits. A short IPv4 address is filled up at its end, as Net::IP expands it. */
export function toBits(ip: string, version: 4 | 6): string {
  if (version === 4) {
    const quads = [...ip.split('.'), '0', '0', '0'].slice(0, 4)
    return quads.map((quad) => Number(quad).toString(2).padStart(8, '0')).join('')
  }
  const tail = ip.slice(ip.lastIndexOf(':') + 1)
  let text = ip
  if (tail.includes('.')) {
    const bits = toBits(tail, 4)
    const hex = (part: string): string => Number.parseInt(part, 2).toString(16)
    text = `${ip.slice(0, -tail.length)}${hex(bits.slice(0, 16))}:${hex(bits.slice(16))}`
  }
  const [head = '', rest] = text.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = rest === undefined || rest === '' ? [] : rest.split(':')
  const gap = rest === undefined ? 0 : 8 - before.length - after.length
  const groups = [...before, ...Array.from({ length: gap }, () => '0'), ...after]
  return groups.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('')
}

/** 32 or 128 binary digits as an address; IPv6 with its longest run of zeros compressed, as Net::IP prints it. */
export function fromBits(bits: string): string {
  const size = bits.length === 32 ? 8 : 16
  const parts = bits.match(new RegExp(`.{${size}}`, 'g')) ?? []
  if (size === 8) return parts.map((part) => Number.parseInt(part, 2)).join('.')
  const text = parts.map((part) => Number.parseInt(part, 2).toString(16)).join(':')
  const runs = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].toSorted((a, b) => b[0].length - a[0].length)
  const run = runs[0]
  if (run === undefined) return text
  const before = text.slice(0, run.index)
  const after = text.slice(run.index + run[0].length)
  return `${before}::${after.replace(/^:/, '')}`
}

/** Clears the host bits: `10.0.0.11/24` becomes `10.0.0.0/24` (pve-firewall clean_cidr). A text without a prefix length is returned as it is. */
export function cleanCidr(cidr: string): string {
  const [ip = '', length] = cidr.split('/')
  if (!length || length === '0') return cidr
  const bits = toBits(ip, isIPv4(ip) ? 4 : 6)
  const keep = Number(length)
  return `${fromBits(bits.slice(0, keep).padEnd(bits.length, '0'))}/${length}`
}

/** IP version of an address, network or range, or the text Net::IP has against it. */
export function addressVersion(element: string): 4 | 6 {
  const network = /^(\S+?)\/(\S+)$/.exec(element)
  if (network !== null) {
    const [, ip = '', length = ''] = network
    const version = versionOf(ip)
    const bits = toBits(ip, version)
    if (!/^\d+$/.test(length)) throw new AddressFault(`Invalid prefix length /${length}`)
    if (Number(length) > bits.length) throw new AddressFault(`Prefix length ${length} is longer than IP address (${bits.length})`)
    if (bits.slice(Number(length)).includes('1')) throw new AddressFault(`Invalid prefix ${bits}/${length}`)
    return version
  }
  const range = /^(\S+?)\s*-\s*(\S+)$/.exec(element)
  if (range === null) return versionOf(element)
  const [, first = '', last = ''] = range
  const version = versionOf(first)
  if (version !== versionOf(last)) throw new AddressFault(`${first} and ${last} should have the same version`)
  if (toBits(first, version) > toBits(last, version)) throw new AddressFault(`Begin address is greater than End address ${first} - ${last}`)
  return version
}

/** The form a stored entry is read back in: `/32` and `/128` are dropped; and its version (pve-firewall parse_ip_or_cidr). */
export function storedCidr(cidr: string): { cidr: string; ipVersion: 4 | 6 } | undefined {
  const [ip = '', length] = cidr.split('/')
  if (length !== undefined && !/^\d+$/.test(length)) return undefined
  if (isIPv6(ip)) return { cidr: cidr.replace(/\/128$/, ''), ipVersion: 6 }
  if (isIPv4(ip)) return { cidr: cidr.replace(/\/32$/, ''), ipVersion: 4 }
  return undefined
}
