// /cluster/ha/resources: who is managed (PVE::API2::HA::Resources).
import { refuse } from '../http/refusal.ts'
import { flag, int, str, type Call, type Route } from '../routes.ts'
import { splitList } from '../schema/named.ts'
import type { HaResource } from './state.ts'
import { invalidMove, parseSid } from './sid.ts'

type Row = Record<string, unknown>

const path = '/cluster/ha/resources'
const texts = ['state', 'comment'] as const
const numbers = ['failback', 'max_restart', 'max_relocate', 'auto-rebalance'] as const

function shown({ world }: Call, sid: string): Row {
  const resource = world.ha.resources.get(sid) ?? refuse(`no such resource '${sid}'`)
  return { sid, ...resource, digest: world.ha.digest('resources') }
}

function list(call: Call): Row[] {
  const type = str(call, 'type')
  const rows = [...call.world.ha.resources.keys()]
    .map((sid) => shown(call, sid))
    .filter((row) => type === undefined || row['type'] === type)
  return call.world.random.shuffled(rows)
}

function given(call: Call): Partial<HaResource> {
  const out: Partial<HaResource> = {}
  for (const key of texts) {
    const value = str(call, key)
    if (value !== undefined) out[key] = value
  }
  for (const key of numbers) {
    const value = int(call, key)
    if (value !== undefined) out[key] = value
  }
  return out
}

function sidOf(call: Call): ReturnType<typeof parseSid> {
  return parseSid(call.world, str(call, 'sid') ?? '')
}

function mustBeQuorate(call: Call): void {
  if (!call.world.quorate) refuse('cluster not ready - no quorum?')
}

function create(call: Call): null {
  mustBeQuorate(call)
  const { world } = call
  const { sid, type, vmid } = sidOf(call)
  const wanted = str(call, 'type')
  if (wanted !== undefined && wanted !== type) refuse('types does not match')
  if (str(call, 'group') !== undefined) refuse("invalid parameter 'group': ha groups have been migrated to rules")
  const guest = world.guests.get(vmid)
  if (!guest) refuse(`resource '${sid}' does not exist in cluster`)
  if ((guest.kind === 'lxc') !== (type === 'ct'))
    refuse(`resource '${sid}' - guest with ID ${vmid} is not a ${type === 'ct' ? 'CT' : 'VM'}`)
  if (world.ha.resources.has(sid)) refuse(`create resource failed: resource ID '${sid}' already defined`)
  world.ha.resources.set(sid, { type, ...given(call) })
  return null
}

function mustNotBeInError(call: Call, sid: string, state?: string): void {
  if (call.world.ha.isInError(sid) && state !== 'disabled') refuse(invalidMove(sid))
}

function update(call: Call): null {
  const { ha } = call.world
  const { sid } = sidOf(call)
  if (str(call, 'group') !== undefined) refuse("invalid parameter 'group': ha groups have been migrated to rules")
  mustNotBeInError(call, sid, str(call, 'state'))
  const digest = str(call, 'digest')
  if (digest !== undefined && digest !== ha.digest('resources'))
    refuse('update resources config failed: detected modified configuration - file changed by other user? Try again.')
  mustBeQuorate(call)
  const resource = ha.resources.get(sid) ?? refuse(`update resources config failed: no such resource '${sid}'`)
  Object.assign(resource, given(call))
  for (const key of splitList(str(call, 'delete') ?? '')) {
    if (![...texts, ...numbers, 'group'].includes(key)) refuse(`update resources config failed: no such option '${key}'`)
    delete (resource as unknown as Row)[key]
  }
  return null
}

function remove(call: Call): null {
  const { sid } = sidOf(call)
  if (!call.world.ha.resources.has(sid)) refuse(`cannot delete service '${sid}', not HA managed!`)
  mustBeQuorate(call)
  call.world.ha.forget(sid, flag(call, 'purge', true))
  return null
}

/** Only queued here; who stays or goes along is told from the affinity rules. */
function move(call: Call, how: 'migrate' | 'relocate'): Row {
  const { ha } = call.world
  const { sid, vmid } = sidOf(call)
  const node = str(call, 'node') ?? ''
  if (!ha.isManaged(vmid)) refuse(`resource '${sid}' is not HA managed`)
  mustNotBeInError(call, sid)
  ha.commands.push(`${how} ${sid} ${node}`)
  const others = (affinity: string) =>
    [...ha.rules.values()]
      .filter((r) => r.type === 'resource-affinity' && !r.disable && r.affinity === affinity && r.resources.includes(sid))
      .flatMap((r) => r.resources.filter((other) => other !== sid && ha.services.has(other)))
      .toSorted()
  const along = others('positive')
  const blocking = others('negative').filter((other) => ha.services.get(other)?.node === node)
  return {
    sid,
    'requested-node': node,
    ...(along.length > 0 ? { 'comigrated-resources': along } : {}),
    ...(blocking.length > 0 ? { 'blocking-resources': blocking.map((other) => ({ sid: other, cause: 'resource-affinity' })) } : {}),
  }
}

export const haResourceRoutes: readonly Route[] = [
  { method: 'GET', path, handler: list },
  { method: 'POST', path, handler: create },
  { method: 'GET', path: `${path}/{sid}`, handler: (call) => shown(call, sidOf(call).sid) },
  { method: 'PUT', path: `${path}/{sid}`, handler: update },
  { method: 'DELETE', path: `${path}/{sid}`, handler: remove },
  { method: 'POST', path: `${path}/{sid}/migrate`, handler: (call) => move(call, 'migrate') },
  { method: 'POST', path: `${path}/{sid}/relocate`, handler: (call) => move(call, 'relocate') },
]
