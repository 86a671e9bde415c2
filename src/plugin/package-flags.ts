import { parse } from 'yaml'
import { PluginRefusal } from './shell.ts'

/** The flags of change-package: the fields that are sold most, and `--set` for every other single value. */
export interface PackageFlags {
  package?: string
  cores?: number
  memory?: string
  disk?: string
  rate?: number
  set?: string[]
}

type Tree = { [field: string]: unknown }

export const hasPackageFlags = ({ package: name, cores, memory, disk, rate, set = [] }: PackageFlags) =>
  [name, cores, memory, disk, rate].some((value) => value !== undefined) || set.length > 0

/** spec.package as the flags say it; the API server judges the fields. */
export function inlinePackage({ cores, memory, disk, rate, set = [] }: PackageFlags): Tree {
  const wish: Tree = {}
  if (cores !== undefined) put(wish, ['cpu', 'cores'], cores)
  if (memory !== undefined) put(wish, ['memory', 'size'], sizeOf(memory))
  if (disk !== undefined) put(wish, ['systemDisk', 'size'], sizeOf(disk))
  if (rate !== undefined) put(wish, ['network', 'rateMbit'], rate)
  for (const setting of set) {
    const at = setting.indexOf('=')
    const path = setting.slice(0, at).split('.')
    if (at < 1 || path.some((part) => part === '')) throw new PluginRefusal(`--set ${setting}: write FIELD=VALUE, such as cpu.limit=1.5`)
    const value: unknown = parse(setting.slice(at + 1))
    if (value === null || typeof value === 'object')
      throw new PluginRefusal(`--set ${setting}: one value only; write lists with kubectl edit`)
    // A number with a fraction is a quantity, and quantities are strings.
    put(wish, path, typeof value === 'number' && !Number.isInteger(value) ? String(value) : value)
  }
  return wish
}

/** 0 takes the size away; everything else is a quantity. */
const sizeOf = (text: string) => (text === '0' ? 0 : text)

function put(tree: Tree, [field = '', ...below]: readonly string[], value: unknown): void {
  if (below.length === 0) tree[field] = value
  else put((tree[field] ??= {}) as Tree, below, value)
}
