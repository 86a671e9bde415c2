import { canonical, isObject, plain, type Json } from './json.ts'

/** Captured values of one side, longest first: each server has its own. */
export type OwnNames = readonly (readonly [name: string, value: string])[]

export const upidPattern = /UPID:([\w.-]+):[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:([^:\s/]*):([^:\s/]*):([^:\s/]+):/

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/))

/** Numbers that depend on the moment: only their being numbers is compared. */
const volatileKeys = words(
  'cpu mem memhost maxmem_host uptime pid pstart starttime endtime ctime snaptime disk netin netout diskread diskwrite used avail available ' +
    'free total used_fraction time expire loadavg wait idle freemem balloon_actual running-since mtime pressurecpufull pressurecpusome ' +
    'pressureiofull pressureiosome pressurememoryfull pressurememorysome shared_used swap rootfs ksm',
)
const volatileAt: readonly [RegExp, ReadonlySet<string>][] = [
  [/^\/nodes(\/pve1\/status)?$|^\/cluster\/resources/, words('maxdisk maxmem maxcpu disk')],
  [/\/storage\//, words('size')],
]

const naturalKeys = 'upid volid vmid pos n key id name cidr storage iface node poolid roleid userid tokenid path subdir type'.split(' ')
const setKeys = words('content tags_set privs')
/** Where order means something: firewall lists and logs. */
const orderedPaths = /\/firewall\/(?!refs)|\/log$/

const textMasks: readonly [RegExp, string][] = [
  [new RegExp(upidPattern.source, 'g'), '<UPID $1 $2 $3 $4>'],
  [/\b(?!da39a3ee5e6b4b0d3255bfef95601890afd80709)[0-9a-f]{40}\b/g, '<digest>'],
  [/\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b/g, '<uuid>'],
  [/\b(BC:24:11)(:[0-9A-F]{2}){3}\b/g, '$1:<mac>'],
  [/\b(bc:24:11)(:[0-9a-f]{2}){3}\b/g, '$1:<mac>'],
  [/creation-qemu=[\w.+~-]+,ctime=\d+/g, '<meta>'],
  [/\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d/g, '<date>'],
  [/\b(pid|PID) \d+/g, '$1 <pid>'],
  [/\$5\$[^\s"]+/g, '<hash>'],
  [/ at \/usr\/share\/\S+ line \d+\./g, ' at <perl>.'],
  [/pc-[iq]\w*-[\d.]+(\+pve\d+)?/g, '<machine>'],
  [/([0-9A-F]{2}:){31}[0-9A-F]{2}/g, '<fingerprint>'],
]

export function ownNames(names: Readonly<Record<string, Json>>): OwnNames {
  return Object.entries(names)
    .flatMap(([name, value]) => (typeof value === 'string' && !value.startsWith('UPID:') ? [[name, value] as const] : []))
    .toSorted((a, b) => b[1].length - a[1].length)
}

/** Replaces what no two servers share. */
export function maskText(text: string, own: OwnNames): string {
  let masked = text
  for (const [name, value] of own) {
    if (value.length > 5) masked = masked.replaceAll(value, `{{${name}}}`).replaceAll(value.toLowerCase(), `{{${name}}}`)
  }
  for (const [pattern, to] of textMasks) masked = masked.replace(pattern, to)
  return masked
}

/** A document with everything masked and unordered lists sorted. `path` is the request's, without its query. */
export function normal(value: Json, path: string, own: OwnNames, key = ''): Json {
  if (Array.isArray(value)) {
    const items = value.map((item) => normal(item, path, own, key))
    return orderedPaths.test(path)
      ? items
      : items
          .map((item) => ({ item, by: sortKey(item) }))
          .toSorted(bySortKey)
          .map(({ item }) => item)
  }
  if (isObject(value)) {
    const kind = value['key']
    const hidden = (kind === 'digest' || kind === 'vmgenid') && 'value' in value ? { ...value, value: `<${kind}>` } : value
    return Object.fromEntries(Object.entries(hidden).map(([name, item]) => [name, normal(item, path, own, name)]))
  }
  if (typeof value === 'string') {
    if (key === 'loadavg') return '<load>'
    return maskText(setKeys.has(key) && value.includes(',') ? value.split(',').toSorted().join(',') : value, own)
  }
  return typeof value === 'number' && isVolatile(key, path) ? '<number>' : value
}

function isVolatile(key: string, path: string): boolean {
  return volatileKeys.has(key) || volatileAt.some(([pattern, keys]) => pattern.test(path) && keys.has(key))
}

function sortKey(item: Json): string {
  if (!isObject(item)) return canonical(item)
  const natural = naturalKeys.find((name) => name in item)
  return (natural === undefined ? canonical(item) : plain(item[natural])) + canonical(item)
}

function bySortKey(a: { by: string }, b: { by: string }): number {
  return a.by < b.by ? -1 : a.by > b.by ? 1 : 0
}
