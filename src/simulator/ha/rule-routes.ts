// /cluster/ha/rules, and the groups they took the place of (PVE::API2::HA::Rules, PVE::API2::HA::Groups).
import { refuse } from '../http/refusal.ts'
import { flag, str, type Call, type Route } from '../routes.ts'
import { splitList } from '../schema/named.ts'
import type { HaRule } from './state.ts'

type Row = Record<string, unknown>

const path = '/cluster/ha/rules'

function shown({ world }: Call, name: string): Row {
  const rule = world.ha.rules.get(name) ?? refuse(`no such ha rule '${name}'`)
  const { nodes, resources, ...rest } = rule
  const printed = [...(nodes ?? [])].map(([node, priority]) => (priority === 0 ? node : `${node}:${priority}`)).toSorted()
  return {
    rule: name,
    ...rest,
    resources: resources.toSorted().join(','),
    ...(nodes ? { nodes: printed.join(',') } : {}),
    order: [...world.ha.rules.keys()].indexOf(name) + 1,
    digest: world.ha.digest('rules'),
  }
}

function list(call: Call): Row[] {
  const [wanted, resource] = [str(call, 'type'), str(call, 'resource')]
  return [...call.world.ha.rules]
    .filter(([, rule]) => (wanted === undefined || rule.type === wanted) && (resource === undefined || rule.resources.includes(resource)))
    .map(([name]) => shown(call, name))
}

function resourcesOf(call: Call): string[] {
  const resources = splitList(str(call, 'resources') ?? '')
  if (resources.length === 0) refuse('no resources were specified')
  const unknown = resources.filter((sid) => !call.world.ha.resources.has(sid)).toSorted()
  if (unknown.length > 0) refuse(`cannot use unmanaged resource(s) ${unknown.join(', ')}.`)
  return resources
}

function nodesOf(call: Call): Map<string, number> {
  const nodes = new Map(
    splitList(str(call, 'nodes') ?? '').map((entry): [string, number] => {
      const [node = '', priority = '0'] = entry.split(':')
      return [node, Number(priority)]
    }),
  )
  if (nodes.size === 0) refuse('no nodes were specified')
  const unknown = [...nodes.keys()].filter((node) => !call.world.nodes.has(node)).toSorted()
  if (unknown.length > 0) refuse(`cannot use non-existent node(s) ${unknown.join(', ')}.`)
  return nodes
}

/** Reads what the call gives into the rule. */
function fill(call: Call, rule: HaRule): void {
  if (call.params['resources'] !== undefined) rule.resources = resourcesOf(call)
  if (call.params['nodes'] !== undefined) rule.nodes = nodesOf(call)
  const [comment, affinity] = [str(call, 'comment'), str(call, 'affinity')]
  if (comment !== undefined) rule.comment = comment
  if (affinity !== undefined) rule.affinity = affinity
  if (call.params['strict'] !== undefined) rule.strict = flag(call, 'strict') ? 1 : 0
  if (flag(call, 'disable')) rule.disable = 1
}

function create(call: Call): null {
  const { ha } = call.world
  const name = str(call, 'rule') ?? ''
  if (ha.rules.has(name)) refuse(`create ha rule failed: HA rule '${name}' already defined`)
  const rule: HaRule = { type: str(call, 'type') ?? '', resources: resourcesOf(call) }
  if (rule.type === 'node-affinity') rule.nodes = nodesOf(call)
  fill(call, rule)
  ha.rules.set(name, rule)
  return null
}

function update(call: Call): null {
  const { ha } = call.world
  const name = str(call, 'rule') ?? ''
  const rule = ha.rules.get(name) ?? refuse(`update HA rules failed: HA rule '${name}' does not exist`)
  const digest = str(call, 'digest')
  if (digest !== undefined && digest !== ha.digest('rules'))
    refuse('update HA rules failed: detected modified configuration - file changed by other user? Try again.')
  fill(call, rule)
  for (const key of splitList(str(call, 'delete') ?? '')) {
    if (!['comment', 'disable', 'strict'].includes(key)) refuse(`update HA rules failed: unable to delete required option '${key}'`)
    delete (rule as unknown as Row)[key]
  }
  return null
}

function remove(call: Call): null {
  call.world.ha.rules.delete(str(call, 'rule') ?? '')
  return null
}

/** PVE 9 has no groups any more. */
const groups = (what: string, method: Route['method'], path: string): Route => ({
  method,
  path,
  handler: () => refuse(`cannot ${what}: ha groups have been migrated to rules`),
})

export const haRuleRoutes: readonly Route[] = [
  { method: 'GET', path, handler: list },
  { method: 'POST', path, handler: create },
  { method: 'GET', path: `${path}/{rule}`, handler: (call) => shown(call, str(call, 'rule') ?? '') },
  { method: 'PUT', path: `${path}/{rule}`, handler: update },
  { method: 'DELETE', path: `${path}/{rule}`, handler: remove },
  groups('index groups', 'GET', '/cluster/ha/groups'),
  groups('create group', 'POST', '/cluster/ha/groups'),
  groups('read group', 'GET', '/cluster/ha/groups/{group}'),
  groups('update group', 'PUT', '/cluster/ha/groups/{group}'),
  groups('delete group', 'DELETE', '/cluster/ha/groups/{group}'),
]
