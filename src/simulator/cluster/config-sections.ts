// Configuration files of sections, kept as they are written: SDN, mappings, replication, metrics (PVE::SectionConfig).
import { createHash } from 'node:crypto'
import { refuse } from '../http/refusal.ts'
import { str, type Call, type Route } from '../routes.ts'
import { splitList } from '../schema/named.ts'

type Row = Record<string, unknown>

/** One kind of section: where it is served, what its objects are called and what PVE says about them. */
export interface SectionKind {
  /** Key in `world.sections`, and the path below which they are served. */
  name: string
  path: string
  /** The parameter that names an object. */
  id: string
  /** Text of `GET` of one that is not there. */
  missing: (id: string) => string
  /** Text of `POST` of one that is there, and of `PUT` and `DELETE` of one that is not. */
  exists: (id: string) => string
  unknown?: (id: string) => string
  /** Fixed members of each row. */
  fixed?: (id: string, row: Row) => Row
  /** Who sees an object in the list: any of the privileges on its path. */
  seen?: { path: (id: string) => string; privileges: readonly string[] }
  /** Refuses what the schema cannot judge. */
  check?: (call: Call, values: Row) => void
  /** Whether POST names the object in the path. */
  createsInPath?: boolean
  /** `DELETE` of what is not there goes well. */
  forgivesDelete?: boolean
}

function tableOf(call: Call, kind: SectionKind): Map<string, Row> {
  const known = call.world.sections.get(kind.name)
  if (known) return known
  const fresh = new Map<string, Row>()
  call.world.sections.set(kind.name, fresh)
  return fresh
}

const digestOf = (table: Map<string, Row>): string =>
  createHash('sha1')
    .update(JSON.stringify([...table]))
    .digest('hex')

function shown(call: Call, kind: SectionKind, id: string): Row {
  const table = tableOf(call, kind)
  const row = table.get(id) ?? refuse(kind.missing(id))
  return { ...row, [kind.id]: id, ...kind.fixed?.(id, row), digest: digestOf(table) }
}

function valuesOf(call: Call, kind: SectionKind): Row {
  const { node: _node, delete: _delete, digest: _digest, [kind.id]: _id, 'lock-token': _lock, ...values } = call.params
  return values
}

function list(call: Call, kind: SectionKind): Row[] {
  const type = str(call, 'type')
  const { access } = call.world
  return [...tableOf(call, kind).keys()]
    .filter((id) => !kind.seen || access.hasAny(call.user, kind.seen.path(id), kind.seen.privileges))
    .map((id) => shown(call, kind, id))
    .filter((row) => type === undefined || row['type'] === type)
}

function mustBeQuorate(call: Call): void {
  if (!call.world.quorate) refuse('cluster not ready - no quorum?')
}

function create(call: Call, kind: SectionKind): null {
  const id = str(call, kind.id) ?? ''
  const table = tableOf(call, kind)
  mustBeQuorate(call)
  if (table.has(id)) refuse(kind.exists(id))
  const values = valuesOf(call, kind)
  kind.check?.(call, values)
  table.set(id, values)
  return null
}

function update(call: Call, kind: SectionKind): null {
  const id = str(call, kind.id) ?? ''
  const table = tableOf(call, kind)
  mustBeQuorate(call)
  const row = table.get(id) ?? refuse((kind.unknown ?? kind.missing)(id))
  const digest = str(call, 'digest')
  if (digest !== undefined && digest !== digestOf(table)) refuse('detected modified configuration - file changed by other user? Try again.')
  const values = valuesOf(call, kind)
  kind.check?.(call, { ...row, ...values })
  const next = { ...row, ...values }
  for (const key of splitList(str(call, 'delete') ?? '')) delete next[key]
  table.set(id, next)
  return null
}

function remove(call: Call, kind: SectionKind): null {
  const id = str(call, kind.id) ?? ''
  mustBeQuorate(call)
  if (!tableOf(call, kind).delete(id) && !kind.forgivesDelete) refuse((kind.unknown ?? kind.missing)(id))
  return null
}

/** List, create, read, update and delete of one kind. */
export function sectionRoutes(kind: SectionKind): Route[] {
  const one = `${kind.path}/{${kind.id}}`
  return [
    { method: 'GET', path: kind.path, handler: (call) => list(call, kind) },
    { method: 'POST', path: kind.createsInPath ? one : kind.path, handler: (call) => create(call, kind) },
    { method: 'GET', path: one, handler: (call) => shown(call, kind, str(call, kind.id) ?? '') },
    { method: 'PUT', path: one, handler: (call) => update(call, kind) },
    { method: 'DELETE', path: one, handler: (call) => remove(call, kind) },
  ]
}
