import { createHash } from 'node:crypto'
import { paramError, refuse } from '../http/refusal.ts'
import { flag, str, type Call, type Route } from '../routes.ts'
import type { Storage } from './table.ts'

type Row = Record<string, unknown>

const seen = ['Datastore.Audit', 'Datastore.AllocateSpace']
const listOf = (text: string | undefined): string[] => (text ?? '').split(/[,;\s\0]+/).filter((item) => item !== '')

function isActive(storage: Storage): boolean {
  return storage.online && !storage.disabled
}

function statusOf(call: Call, storage: Storage): Row {
  const usage = call.world.storage.usage(storage.storage, call.node)
  const figures = isActive(storage)
    ? { total: usage.totalBytes, used: usage.usedBytes, avail: usage.availableBytes }
    : { total: 0, used: 0, avail: 0 }
  return {
    type: storage.type,
    content: storage.content.join(','),
    shared: storage.shared ? 1 : 0,
    enabled: storage.disabled ? 0 : 1,
    active: isActive(storage) ? 1 : 0,
    ...figures,
  }
}

function listStorages(call: Call): Row[] {
  const { storage: table, access } = call.world
  const name = str(call, 'storage')
  if (name !== undefined && !table.definitions.has(name)) throw paramError({ storage: 'No such storage.' })
  const target = str(call, 'target')
  const contents = listOf(str(call, 'content'))
  return table
    .onNode(call.node)
    .filter((storage) => name === undefined || storage.storage === name)
    .filter((storage) => access.hasAny(call.user, `/storage/${storage.storage}`, seen))
    .filter((storage) => contents.length === 0 || contents.some((content) => storage.content.includes(content)))
    .filter((storage) => !flag(call, 'enabled') || !storage.disabled)
    .filter((storage) => target === undefined || target === call.node || (storage.shared && call.world.nodes.has(target)))
    .map((storage) => {
      const row: Row = { storage: storage.storage, ...statusOf(call, storage) }
      const total = Number(row['total'])
      return total > 0 ? { ...row, used_fraction: Number(row['used']) / total } : row
    })
}

function readStatus(call: Call): Row {
  const storage = call.world.storage.definitions.get(str(call, 'storage') ?? '')
  if (storage === undefined) throw paramError({ storage: 'No such storage.' })
  return statusOf(call, storage)
}

/** A section of storage.cfg. */
function definition(storage: Storage): Row {
  const { storage: name, type, content, nodes, disabled, shared, properties } = storage
  return {
    storage: name,
    type,
    content: content.join(','),
    ...properties,
    ...(nodes === undefined ? {} : { nodes: nodes.join(',') }),
    ...(disabled ? { disable: 1 } : {}),
    ...(shared && type === 'dir' ? { shared: 1 } : {}),
  }
}

/** One digest for the whole of storage.cfg. */
function configDigest(call: Call): string {
  const all = [...call.world.storage.definitions.values()].map(definition)
  return createHash('sha1').update(JSON.stringify(all)).digest('hex')
}

function defined(call: Call): Storage {
  const name = str(call, 'storage') ?? ''
  return call.world.storage.definitions.get(name) ?? refuse(`storage '${name}' does not exist`)
}

function updateStorage(call: Call): Row {
  const storage = defined(call)
  const digest = str(call, 'digest')
  if (digest !== undefined && digest !== configDigest(call))
    refuse('detected modified configuration - file changed by other user? Try again.')
  for (const key of listOf(str(call, 'delete'))) {
    if (key === 'nodes') delete storage.nodes
    if (key === 'disable') storage.disabled = false
  }
  if (call.params['disable'] !== undefined) storage.disabled = flag(call, 'disable')
  if (call.params['shared'] !== undefined) storage.shared = flag(call, 'shared')
  if (call.params['content'] !== undefined) storage.content = listOf(str(call, 'content'))
  if (call.params['nodes'] !== undefined) storage.nodes = listOf(str(call, 'nodes'))
  return { storage: storage.storage, type: storage.type }
}

export const storageStatusRoutes: readonly Route[] = [
  { method: 'GET', path: '/nodes/{node}/storage', handler: listStorages },
  { method: 'GET', path: '/nodes/{node}/storage/{storage}/status', handler: readStatus },
  {
    method: 'GET',
    path: '/nodes/{node}/storage/{storage}',
    handler: () =>
      'content download-url file-restore import-metadata prunebackups rrd rrddata status upload'.split(' ').map((subdir) => ({ subdir })),
  },
  {
    method: 'GET',
    path: '/storage',
    handler: (call) =>
      [...call.world.storage.definitions.values()]
        .filter(({ storage }) => call.world.access.hasAny(call.user, `/storage/${storage}`, seen))
        .filter(({ type }) => str(call, 'type') === undefined || type === str(call, 'type'))
        .map((storage) => ({ ...definition(storage), digest: configDigest(call) })),
  },
  {
    method: 'GET',
    path: '/storage/{storage}',
    handler: (call) => ({ ...definition(defined(call)), digest: configDigest(call) }),
  },
  {
    method: 'PUT',
    path: '/storage/{storage}',
    handler: updateStorage,
  },
]
