// /cluster/ha/status: what the manager knows (PVE::API2::HA::Status).
import type { Call, Route } from '../routes.ts'
import type { World } from '../world/world.ts'
import { verboseState } from './state.ts'

type Row = Record<string, unknown>

/** `Thu Nov 26 13:32:48 2026`, as Perl's localtime prints it; the simulated nodes keep UTC. */
function localtime(seconds: number): string {
  const [day = '', date = '', month = '', year = '', time = ''] = new Date(seconds * 1000).toUTCString().replace(',', '').split(' ')
  return `${day} ${month} ${String(Number(date)).padStart(2)} ${time} ${year}`
}

const isFresh = (world: World): boolean => world.clock.seconds() - world.ha.timestamp <= 30

function master(world: World, fresh: boolean): Row[] {
  const { ha } = world
  if (ha.master === undefined) return []
  const state = fresh ? 'active' : world.quorate && ha.resources.size === 0 ? 'idle' : 'old timestamp - dead?'
  const status = `${ha.master} (${state}, ${localtime(ha.timestamp)})`
  return [{ id: 'master', type: 'master', node: ha.master, status, timestamp: ha.timestamp }]
}

function lrmOf(world: World, node: string): { mode: string; state: string; timestamp: number } {
  const { ha } = world
  const isBusy = [...ha.services.values()].some((service) => service.node === node)
  const mode = ha.maintenance.has(node) ? 'maintenance' : 'active'
  const isUp = world.nodes.get(node)?.online === true
  return {
    mode,
    state: mode === 'maintenance' ? 'maintenance' : isBusy ? 'active' : 'wait_for_agent_lock',
    timestamp: isUp ? world.clock.seconds() : ha.timestamp - 60,
  }
}

function lrmRow(world: World, node: string): Row {
  const { mode, state, timestamp } = lrmOf(world, node)
  const active = [...world.ha.services.values()].filter((service) => service.node === node && service.state !== 'stopped').length
  const isUp = world.nodes.get(node)?.online === true
  const shownState = !isUp
    ? 'old timestamp - dead?'
    : mode === 'maintenance'
      ? 'maintenance mode'
      : state === 'wait_for_agent_lock' && active === 0
        ? 'idle'
        : state
  const watchdog = isUp && state !== 'wait_for_agent_lock' ? 'watchdog active' : 'watchdog standby'
  return { id: `lrm:${node}`, type: 'lrm', node, status: `${node} (${shownState}, ${watchdog}, ${localtime(timestamp)})`, timestamp }
}

function serviceRow(world: World, sid: string): Row {
  const { ha } = world
  const resource = ha.resources.get(sid)
  const service = ha.services.get(sid)
  const home = world.guests.get(Number(sid.split(':')[1]))?.node
  const node = service?.node ?? home
  const state = verboseState(ha, sid, home !== undefined)
  return {
    id: `service:${sid}`,
    type: 'service',
    sid,
    ...(node === undefined ? {} : { node }),
    ...(service ? { crm_state: service.state } : {}),
    state,
    status: `${sid} (${node ?? '---'}, ${state})`,
    ...(resource
      ? {
          request_state: ha.wanted(sid),
          max_restart: resource.max_restart ?? 1,
          max_relocate: resource.max_relocate ?? 1,
          failback: resource.failback ?? 1,
          ...(resource.comment === undefined ? {} : { comment: resource.comment }),
        }
      : {}),
  }
}

function current({ world }: Call): Row[] {
  const { ha } = world
  const here = world.firstNode.name
  const fresh = ha.master !== undefined && isFresh(world)
  const armed = fresh ? 'armed' : 'standby'
  const waiting = [...ha.resources.keys()].filter((sid) => !ha.services.has(sid)).toSorted()
  return [
    {
      id: 'quorum',
      type: 'quorum',
      node: here,
      status: world.quorate ? 'OK' : `No quorum on node '${here}'!`,
      quorate: world.quorate ? 1 : 0,
    },
    ...master(world, fresh),
    {
      id: 'fencing',
      type: 'fencing',
      node: ha.master ?? here,
      status: `${armed} (CRM watchdog ${fresh ? 'active' : 'standby'})`,
      'armed-state': armed,
    },
    ...[...ha.nodes.keys()].toSorted().map((node) => lrmRow(world, node)),
    ...[...ha.services.keys()].toSorted().map((sid) => serviceRow(world, sid)),
    ...waiting.map((sid) => serviceRow(world, sid)),
  ]
}

/** manager_status as the master writes it, with what the nodes write beside it. */
function managerStatus({ world }: Call): Row {
  const { ha } = world
  const services = [...ha.services].map(([sid, { state, node, uid, running, target, failedNodes }]) => [
    sid,
    {
      state,
      node,
      uid: String(uid),
      ...(running ? { running: 1 } : {}),
      ...(target ? { target } : {}),
      ...(failedNodes ? { failed_nodes: failedNodes } : {}),
    },
  ])
  return {
    manager_status:
      ha.master === undefined
        ? {}
        : {
            master_node: ha.master,
            node_status: Object.fromEntries(ha.nodes),
            service_status: Object.fromEntries(services),
            timestamp: ha.timestamp,
          },
    quorum: { node: world.firstNode.name, quorate: world.quorate ? 1 : 0 },
    ...(ha.nodes.size === 0
      ? {}
      : { lrm_status: Object.fromEntries([...ha.nodes.keys()].map((node) => [node, { ...lrmOf(world, node), results: {} }])) }),
  }
}

const index = (key: string, names: string) => () => names.split(' ').map((name) => ({ [key]: name }))

export const haStatusRoutes: readonly Route[] = [
  { method: 'GET', path: '/cluster/ha', handler: index('id', 'status resources groups rules') },
  { method: 'GET', path: '/cluster/ha/status', handler: index('name', 'current manager_status disarm-ha arm-ha') },
  { method: 'GET', path: '/cluster/ha/status/current', handler: current },
  { method: 'GET', path: '/cluster/ha/status/manager_status', handler: managerStatus },
]
