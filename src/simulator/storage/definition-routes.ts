// POST and DELETE of /storage: definitions in storage.cfg (PVE::API2::Storage::Config).
import { paramError, refuse } from '../http/refusal.ts'
import { flag, str, type Call, type Route } from '../routes.ts'
import { splitList } from '../schema/named.ts'
import type { StorageSpec } from '../world/spec.ts'

type Row = Record<string, unknown>

const GiB = 1024 ** 3
/** What each type cannot do without, besides its name, and what it holds unless told. */
const types: Readonly<Record<StorageSpec['type'], { needs: readonly string[]; content: readonly string[] }>> = {
  dir: { needs: ['path'], content: ['images', 'rootdir'] },
  nfs: { needs: ['server', 'export'], content: ['images', 'rootdir'] },
  cifs: { needs: ['server', 'share'], content: ['images', 'rootdir'] },
  btrfs: { needs: ['path'], content: ['images', 'rootdir'] },
  lvm: { needs: ['vgname'], content: ['images', 'rootdir'] },
  lvmthin: { needs: ['vgname', 'thinpool'], content: ['images', 'rootdir'] },
  zfspool: { needs: ['pool'], content: ['images', 'rootdir'] },
  rbd: { needs: [], content: ['images'] },
  pbs: { needs: ['server', 'datastore'], content: ['backup'] },
}
const own = new Set(['storage', 'type', 'content', 'nodes', 'disable', 'shared', 'digest', 'delete', 'password'])

/** A new storage has 1 TiB, nothing in it, and is there at once. */
function create(call: Call): Row {
  const { storage: table } = call.world
  const name = str(call, 'storage') ?? ''
  const type = str(call, 'type') ?? ''
  const known = types[type as StorageSpec['type']] as (typeof types)['dir'] | undefined
  if (known === undefined) refuse(`the simulator has no storages of type '${type}'`)
  const missing = known.needs.filter((key) => call.params[key] === undefined)
  if (missing.length > 0) throw paramError(Object.fromEntries(missing.map((key) => [key, 'property is missing and it is not optional'])))
  if (table.definitions.has(name)) refuse(`create storage failed: storage ID '${name}' already defined`)
  const nodes = splitList(str(call, 'nodes') ?? '')
  const content = splitList(str(call, 'content') ?? '')
  table.define({
    storage: name,
    type: type as StorageSpec['type'],
    content: content.length > 0 ? content : [...known.content],
    sizeBytes: 1024 * GiB,
    properties: Object.fromEntries(Object.entries(call.params).flatMap(([key, value]) => (own.has(key) ? [] : [[key, String(value)]]))),
    ...(nodes.length > 0 ? { nodes } : {}),
    ...(flag(call, 'disable') ? { disabled: true } : {}),
    ...(call.params['shared'] === undefined ? {} : { shared: flag(call, 'shared') }),
  })
  return { storage: name, type }
}

/** Only the definition goes; volumes stay where they are, unseen. */
function remove(call: Call): null {
  const { storage: table, access } = call.world
  const name = str(call, 'storage') ?? ''
  if (!table.definitions.delete(name)) refuse(`delete storage failed: storage '${name}' does not exist`)
  for (const pool of access.pools.values()) pool.storages.delete(name)
  access.changed()
  return null
}

export const storageDefinitionRoutes: readonly Route[] = [
  { method: 'POST', path: '/storage', handler: create },
  { method: 'DELETE', path: '/storage/{storage}', handler: remove },
]
