import { isObject, short, type Json } from './json.ts'

/** Keys that may be missing on one side; where both have them they are compared. */
const optionalKeys =
  'pressure\\w*|ha|memhost|cgroup-mode|host-arch|blockstat|nics|ballooninfo|proxmox-support|running-machine|running-qemu|freemem|clipboard|level|' +
  'ssl_fingerprint|cpuinfo|kversion|ksm|swap|boot-info|current-kernel|pveversion|loadavg|wait|idle|rootfs|balloon_min|shares|used_fraction|formats|' +
  'select_existing|repoid|pid|bridge_.*|method6?|families|priority|vlan-raw-device|exists|options6?|link-type|altnames|autostart|bridge-.*|hash|' +
  'available-machines'
const alwaysOptional = new RegExp(`^(?:${optionalKeys})$`)
const optionalAt: Readonly<Record<string, RegExp>> = {
  memory: /^\/nodes\/\w+\/status$/,
  cpu: /status|resources|^\/nodes/,
  uptime: /status|resources|^\/nodes/,
  mem: /status|resources|\/qemu$|^\/nodes/,
}

/** Present on both sides they are taken as equal: machine facts. */
const uncompared = new Set('blockstat nics ballooninfo proxmox-support cpuinfo boot-info current-kernel ksm swap rootfs'.split(' '))

function isOptional(key: string, path: string): boolean {
  return alwaysOptional.test(key) || (optionalAt[key]?.test(path) ?? false)
}

function kindOf(value: Json): string {
  if (value === '<number>') return 'number'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

/** What differs between two normalised documents: the recorded one first. Paths in the texts begin with `where`. */
export function differences(a: Json, b: Json, path: string, where = '', ignore: ReadonlySet<string> = new Set()): string[] {
  if (kindOf(a) !== kindOf(b)) return [`${where || '.'}: type ${kindOf(a)} ${short(a)} != ${kindOf(b)} ${short(b)}`]
  if (isObject(a) && isObject(b)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].toSorted().filter((key) => !ignore.has(key))
    return keys.flatMap((key) => {
      const [left, right] = [a[key], b[key]]
      if (left === undefined) return isOptional(key, path) ? [] : [`${where}.${key}: extra ${short(right)}`]
      if (right === undefined) return isOptional(key, path) ? [] : [`${where}.${key}: missing, recorded ${short(left)}`]
      return uncompared.has(key) ? [] : differences(left, right, path, `${where}.${key}`, ignore)
    })
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a.length !== b.length) return [`${where}: ${a.length} members != ${b.length}: ${short(a)} / ${short(b)}`]
    return a.flatMap((item, index) => differences(item, b[index] ?? null, path, `${where}[${index}]`, ignore))
  }
  return a === b ? [] : [`${where}: ${short(a)} != ${short(b)}`]
}
