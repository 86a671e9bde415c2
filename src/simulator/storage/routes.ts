import { paramError, refuse } from '../http/refusal.ts'
import { infoOf } from '../cluster/extra.ts'
import { type Call, flag, type Route, str } from '../routes.ts'
import { splitList } from '../schema/named.ts'
import { allocateVolume } from './allocate.ts'
import { listPrune, prune } from './backups.ts'
import { deleteVolume, getVolume, listContent, putVolume } from './content.ts'
import type { Storage } from './table.ts'
import { vzdump } from './vzdump.ts'

type Row = Record<string, unknown>

function statusRow(call: Call, storage: Storage): Row {
  const isActive = !storage.disabled && storage.online
  const row: Row = {
    storage: storage.storage,
    type: storage.type,
    content: storage.content.join(','),
    shared: storage.shared ? 1 : 0,
    enabled: storage.disabled ? 0 : 1,
    active: isActive ? 1 : 0,
  }
  const { totalBytes, usedBytes, availableBytes } = call.world.storage.usage(storage.storage, call.node)
  if (isActive) Object.assign(row, { total: totalBytes, used: usedBytes, avail: availableBytes, used_fraction: totalBytes === 0 ? 0 : usedBytes / totalBytes })
  return row
}

function listOnNode(call: Call): Row[] {
  const { world, user } = call
  const wanted = str(call, 'storage')
  if (wanted !== undefined && !world.storage.definitions.has(wanted)) throw paramError({ storage: 'No such storage.' })
  const target = str(call, 'target')
  if (target !== undefined && !world.nodes.has(target)) return []
  const content = splitList(str(call, 'content') ?? '')
  return world.storage
    .onNode(call.node)
    .filter((s) => wanted === undefined || s.storage === wanted)
    .filter((s) => content.length === 0 || content.some((c) => s.content.includes(c)))
    .filter((s) => !flag(call, 'enabled') || !s.disabled)
    .filter((s) => target === undefined || target === call.node || s.shared)
    .filter((s) => world.access.hasAny(user, `/storage/${s.storage}`, ['Datastore.Audit', 'Datastore.AllocateSpace']))
    .map((s) => statusRow(call, s))
}

function statusOf(call: Call): Row {
  const storage = call.world.storage.definitions.get(str(call, 'storage') ?? '')
  if (!storage) throw paramError({ storage: 'No such storage.' })
  const { storage: _name, used_fraction: _fraction, ...row } = statusRow(call, storage)
  return row
}

const digest = 'c94584a06fcd84a03f29fffe355f37b49d393628'

function definition(storage: Storage): Row {
  const row: Row = { storage: storage.storage, type: storage.type, content: storage.content.join(','), digest, ...storage.properties }
  if (storage.nodes) row['nodes'] = storage.nodes.join(',')
  if (storage.shared) row['shared'] = 1
  if (storage.disabled) row['disable'] = 1
  return row
}

function listDefinitions(call: Call): Row[] {
  return [...call.world.storage.definitions.values()]
    .filter((s) => call.world.access.hasAny(call.user, `/storage/${s.storage}`, ['Datastore.Audit', 'Datastore.AllocateSpace']))
    .map(definition)
}

function getDefinition(call: Call): Row {
  const name = str(call, 'storage') ?? ''
  const storage = call.world.storage.definitions.get(name)
  if (!storage) refuse(`storage '${name}' does not exist`)
  return definition(storage)
}

function putDefinition(call: Call): Row {
  const name = str(call, 'storage') ?? ''
  const storage = call.world.storage.definitions.get(name)
  if (!storage) refuse(`storage '${name}' does not exist`)
  if (call.params['disable'] !== undefined) storage.disabled = flag(call, 'disable')
  const content = str(call, 'content')
  if (content !== undefined) storage.content = splitList(content)
  const nodes = str(call, 'nodes')
  if (nodes !== undefined) storage.nodes = splitList(nodes)
  for (const key of splitList(str(call, 'delete') ?? '')) {
    if (key === 'disable') storage.disabled = false
    if (key === 'nodes') delete storage.nodes
  }
  return { storage: name, type: storage.type }
}

const one = { storage: { type: 'string', format: 'pve-storage-id' } }
const base = '/nodes/{node}/storage/{storage}'

/** Storages, their content and backups. */
export const storageRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/storage',
    handler: listDefinitions,
    info: infoOf('index', { properties: { type: { type: 'string', optional: 1 } } }),
  },
  { method: 'GET', path: '/storage/{storage}', handler: getDefinition, info: infoOf('read', { properties: one, check: ['perm', '/storage/{storage}', ['Datastore.Allocate']] }) },
  {
    method: 'PUT',
    path: '/storage/{storage}',
    handler: putDefinition,
    info: infoOf('update', {
      isProtected: true,
      check: ['perm', '/storage', ['Datastore.Allocate']],
      properties: {
        ...one,
        disable: { type: 'boolean', optional: 1 },
        content: { type: 'string', format: 'pve-storage-content-list', optional: 1 },
        nodes: { type: 'string', format: 'pve-node-list', optional: 1 },
        delete: { type: 'string', format: 'pve-configid-list', optional: 1 },
        digest: { type: 'string', maxLength: 64, optional: 1 },
      },
    }),
  },
  { method: 'GET', path: '/nodes/{node}/storage', handler: listOnNode },
  { method: 'GET', path: base, handler: () => ['content', 'download-url', 'file-restore', 'identity', 'import-metadata', 'oci-registry-pull', 'prunebackups', 'rrd', 'rrddata', 'status', 'upload'].map((subdir) => ({ subdir })) },
  { method: 'GET', path: `${base}/status`, handler: statusOf },
  { method: 'GET', path: `${base}/content`, handler: listContent },
  { method: 'POST', path: `${base}/content`, handler: allocateVolume },
  { method: 'GET', path: `${base}/content/{volume}`, handler: getVolume },
  { method: 'PUT', path: `${base}/content/{volume}`, handler: putVolume },
  { method: 'DELETE', path: `${base}/content/{volume}`, handler: deleteVolume },
  { method: 'GET', path: `${base}/prunebackups`, handler: listPrune },
  { method: 'DELETE', path: `${base}/prunebackups`, handler: prune },
  { method: 'POST', path: '/nodes/{node}/vzdump', handler: vzdump },
]
