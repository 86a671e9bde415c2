// The cluster resource manager: one round every 10 s on the master, which turns wishes into orders for the nodes (PVE::HA::Manager).
import type { World } from '../world/world.ts'
import { work } from './lrm.ts'
import { nextState } from './next-state.ts'
import { selectNode } from './placement.ts'
import { changeState } from './transition.ts'
import type { HaState } from './state.ts'

/** Of one round; the nodes act on it shortly before the next. */
const roundMs = 10_000
const lagMs = 8000
/** Until another node is master, and until a dead node's guests may be taken: its agent lock has run out then. */
const lockMs = 120_000
/** A node that is away for less is waited for. */
const fenceDelayMs = 60_000

/** Locks that a recovered guest loses, since nothing can go on under them (`$removable_locks`). */
const removableLocks = new Set('backup mounted migrate clone rollback snapshot snapshot-delete suspending suspended'.split(' '))

/** When each node was seen last, in milliseconds of the clock. */
type LastSeen = Map<string, number>

/** Starts the manager of a world that has one. */
export function runManager(world: World): void {
  if (!world.ha.hasManager) return
  const lastSeen: LastSeen = new Map()
  const reachable: LastSeen = new Map()
  const round = (): void => {
    // A node that is to be fenced gets no new agent lock until it was.
    for (const node of world.nodes.values())
      if (node.online && world.ha.nodes.get(node.name) !== 'fence') reachable.set(node.name, world.clock.now())
    if (world.ha.running.crm && isMasterUp(world, reachable, lastSeen)) manage(world, reachable, lastSeen)
    world.clock.after(lagMs, () => {
      if (world.ha.running.lrm) work(world)
    })
    world.clock.after(roundMs, round)
  }
  world.clock.after(roundMs, round)
}

/** Chooses the master: the first node that is up, once the old one's lock has run out. Idle until there is something to manage. */
function isMasterUp(world: World, reachable: LastSeen, lastSeen: LastSeen): boolean {
  const { ha } = world
  if (!world.quorate) return false
  if (ha.master === undefined && ha.resources.size === 0 && ha.commands.length === 0) return false
  if (ha.master !== undefined && world.nodes.get(ha.master)?.online) return true
  if (ha.master !== undefined && world.clock.since(reachable.get(ha.master) ?? 0) < lockMs) return false
  const next = [...world.nodes.values()].find((node) => node.online)
  if (!next) return false
  ha.master = next.name
  lastSeen.clear()
  return true
}

function manage(world: World, reachable: LastSeen, lastSeen: LastSeen): void {
  const { ha } = world
  ha.timestamp = world.clock.seconds()
  updateNodes(world, lastSeen)
  followConfig(world)
  readCommands(ha)
  const isGone = (node: string): boolean => {
    if (ha.nodes.get(node) === 'online') return false
    const seen = lastSeen.get(node)
    if (seen === undefined) lastSeen.set(node, world.clock.now())
    return seen !== undefined && world.clock.since(seen) >= fenceDelayMs
  }
  // Several transitions follow from one another; each ends in a state that waits.
  for (let isNew = true, left = 10; isNew && left > 0; left--) {
    isNew = false
    for (const [sid, service] of [...ha.services].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      const before = service.state
      nextState(world, sid, service, isGone)
      if (service.state === 'fence' && canFence(world, service.node, reachable)) changeState(service, 'recovery')
      if (service.state === 'recovery') steal(world, sid)
      if (service.state !== before) isNew = true
    }
  }
}

function updateNodes(world: World, lastSeen: LastSeen): void {
  const { ha } = world
  for (const node of world.nodes.values()) {
    const state = ha.nodes.get(node.name)
    if (node.online) {
      lastSeen.set(node.name, world.clock.now())
      if (state !== 'fence') ha.nodes.set(node.name, ha.maintenance.has(node.name) ? 'maintenance' : 'online')
    } else if (state === undefined || state === 'online' || state === 'maintenance') ha.nodes.set(node.name, 'unknown')
  }
}

/** New resources become services, ignored and removed ones stop to be any. */
function followConfig(world: World): void {
  const { ha } = world
  for (const sid of ha.resources.keys()) {
    const node = world.guests.get(Number(sid.split(':')[1]))?.node
    const wanted = ha.wanted(sid)
    if (ha.services.has(sid) || node === undefined || wanted === 'ignored') continue
    ha.services.set(sid, { state: wanted === 'started' ? 'request_start' : 'request_stop', node, uid: 1 })
  }
  for (const sid of ha.services.keys()) {
    const wanted = ha.wanted(sid)
    if (wanted === undefined || wanted === 'ignored') ha.services.delete(sid)
  }
}

function readCommands(ha: HaState): void {
  for (const line of ha.commands.splice(0)) {
    const [name, sid = '', arg = ''] = line.split(' ')
    const service = ha.services.get(sid)
    if (!service) continue
    if (name === 'stop') service.cmd = { name, arg }
    else if ((name === 'migrate' || name === 'relocate') && ha.nodes.get(arg) === 'online' && arg !== service.node)
      service.cmd = { name, arg }
  }
}

/** The agent lock of a dead node can be taken when it has not been renewed for two minutes, or when the node is back. */
function canFence(world: World, node: string, reachable: LastSeen): boolean {
  const { ha } = world
  ha.nodes.set(node, 'fence')
  if (world.clock.since(reachable.get(node) ?? 0) < lockMs) return false
  ha.nodes.set(node, 'unknown')
  return true
}

/** Takes a dead node's guest: its config moves, what was locked there is free. */
function steal(world: World, sid: string): void {
  const service = world.ha.services.get(sid)
  const guest = world.guests.get(Number(sid.split(':')[1]))
  const isWanted = world.ha.wanted(sid) === 'started'
  if (!service || !guest) return
  const node = selectNode(world.ha, sid, service, 'best-score')
  if (node === undefined) {
    if (world.ha.wanted(sid) === 'disabled') changeState(service, 'stopped')
    return
  }
  if (guest.lock !== undefined && removableLocks.has(guest.lock)) guest.config.delete('lock')
  guest.node = node
  service.node = node
  changeState(service, isWanted ? 'started' : 'request_stop')
}
