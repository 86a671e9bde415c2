// Which node a service shall run on: its rules first, then the node with the fewest services (PVE::HA::Manager select_service_node).
import type { HaState, Service } from './state.ts'

export type Preference = 'none' | 'best-score' | 'try-next'

/** Nodes the rules allow with the highest priority among those that are online; empty when a strict rule leaves none. */
function preferred(ha: HaState, sid: string, online: readonly string[]): string[] {
  const rules = [...ha.rules.values()].filter((r) => r.type === 'node-affinity' && !r.disable && r.resources.includes(sid))
  const named = new Map(rules.flatMap((rule) => [...(rule.nodes ?? [])]))
  if (named.size === 0) return [...online]
  const there = online.filter((node) => named.has(node))
  if (there.length === 0) return rules.some(({ strict }) => strict) ? [] : [...online]
  const highest = Math.max(...there.map((node) => named.get(node) ?? 0))
  return there.filter((node) => (named.get(node) ?? 0) === highest)
}

/** Nodes where the other services of affinity rules of one kind are. */
function nodesOfOthers(ha: HaState, sid: string, affinity: string): Set<string> {
  const others = [...ha.rules.values()]
    .filter((r) => r.type === 'resource-affinity' && !r.disable && r.affinity === affinity && r.resources.includes(sid))
    .flatMap((rule) => rule.resources.filter((other) => other !== sid))
  return new Set(others.flatMap((other) => ha.services.get(other)?.target ?? ha.services.get(other)?.node ?? []))
}

function load(ha: HaState, node: string): number {
  let count = 0
  for (const { state, node: on, target } of ha.services.values()) if (state !== 'stopped' && (target ?? on) === node) count++
  return count
}

/** The node for a service, its present one if nothing speaks against it; undefined when there is none. */
export function selectNode(ha: HaState, sid: string, service: Service, preference: Preference): string | undefined {
  const online = [...ha.nodes].filter(([, state]) => state === 'online').map(([name]) => name)
  let nodes = preferred(ha, sid, online)
  if (nodes.length === 0) return undefined
  if (preference === 'none' && ha.resources.get(sid)?.failback === 0 && online.includes(service.node)) return service.node
  if (preference === 'try-next') nodes = nodes.filter((node) => !service.failedNodes?.includes(node))
  const apart = nodesOfOthers(ha, sid, 'negative')
  nodes = nodes.filter((node) => !apart.has(node))
  const together = nodes.filter((node) => nodesOfOthers(ha, sid, 'positive').has(node))
  if (together.length > 0) nodes = together
  if (service.maintenanceNode !== undefined && nodes.includes(service.maintenanceNode)) return service.maintenanceNode
  if (preference === 'none' && nodes.includes(service.node)) return service.node
  return nodes.toSorted((a, b) => load(ha, a) - load(ha, b) || (a < b ? -1 : 1))[0]
}
