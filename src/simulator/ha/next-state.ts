// The manager's state machine: one service, one step (PVE::HA::Manager next_state_*).
import type { World } from '../world/world.ts'
import { selectNode } from './placement.ts'
import { changeState, repeatOrder } from './transition.ts'
import type { LrmResult, Service } from './state.ts'

type IsGone = (node: string) => boolean

/** Moves the service on if its wish, its node or its last result asks for it. */
export function nextState(world: World, sid: string, service: Service, isGone: IsGone): void {
  const wanted = world.ha.wanted(sid) ?? 'disabled'
  const result = service.result?.uid === service.uid ? service.result.outcome : undefined
  switch (service.state) {
    case 'request_start':
      changeState(service, 'started')
      return
    case 'started':
      started(world, sid, service, { wanted, result, isGone })
      return
    case 'request_stop':
      if (result !== undefined) changeState(service, result === 'ok' ? 'stopped' : 'error')
      else if (isGone(service.node)) changeState(service, 'fence')
      return
    case 'migrate':
    case 'relocate':
      moved(service, { wanted, result, isGone })
      return
    case 'stopped':
      stopped(world, sid, service, { wanted, isGone })
      return
    case 'error':
      if (wanted !== 'disabled') return
      delete service.failedNodes
      changeState(service, 'stopped')
      return
    case 'fence':
    case 'recovery':
  }
}

interface Facts {
  wanted: string
  result: LrmResult | undefined
  isGone: IsGone
}

/** A failed move leaves the service where it is. */
function moved(service: Service, { wanted, result, isGone }: Facts): void {
  if (result === undefined) {
    if (isGone(service.node)) changeState(service, 'fence')
    return
  }
  if (result === 'ok' && service.target !== undefined) service.node = service.target
  changeState(service, wanted === 'started' ? 'started' : 'request_stop')
}

function stopped(world: World, sid: string, service: Service, { wanted, isGone }: Omit<Facts, 'result'>): void {
  service.node = world.guests.get(Number(sid.split(':')[1]))?.node ?? service.node
  if (service.cmd && service.cmd.name !== 'stop' && service.cmd.arg !== service.node) {
    changeState(service, service.cmd.name, { target: service.cmd.arg })
    return
  }
  delete service.cmd
  if (wanted === 'disabled') return
  if (isGone(service.node) && world.ha.nodes.get(service.node) !== 'maintenance') changeState(service, 'fence')
  else if (wanted === 'started') changeState(service, 'request_start')
}

function started(world: World, sid: string, service: Service, { wanted, result, isGone }: Facts): void {
  const { ha } = world
  const nodeState = ha.nodes.get(service.node)
  if (nodeState === 'maintenance') service.maintenanceNode = service.node
  else if (nodeState !== 'online') {
    if (isGone(service.node)) changeState(service, 'fence')
    return
  }
  if (wanted !== 'started') {
    changeState(service, 'request_stop')
    return
  }
  if (service.cmd) {
    obey(world, sid, service)
    return
  }
  const isFailed = result === 'failed'
  if (isFailed) {
    delete service.running
    service.failedNodes = [...(service.failedNodes ?? []), service.node]
    if (service.failedNodes.length > (ha.resources.get(sid)?.max_relocate ?? 1)) {
      changeState(service, 'error')
      return
    }
  } else if (result === 'ok') {
    delete service.failedNodes
    service.running = true
  }
  const node = selectNode(ha, sid, service, isFailed ? 'try-next' : 'none')
  if (node !== undefined && node !== service.node) {
    if (service.maintenanceNode !== undefined && service.node !== service.maintenanceNode) delete service.maintenanceNode
    changeState(service, 'migrate', { target: node })
  } else if (result !== undefined) repeatOrder(service)
}

/** A command of the queue; a stop is written into the config too. */
function obey(world: World, sid: string, service: Service): void {
  const { cmd } = service
  delete service.cmd
  if (cmd?.name === 'stop') {
    changeState(service, 'request_stop', { timeout: Number(cmd.arg) })
    const resource = world.ha.resources.get(sid)
    if (resource) resource.state = 'stopped'
  } else if (cmd && cmd.arg !== service.node && world.ha.nodes.get(cmd.arg) === 'online')
    changeState(service, cmd.name, { target: cmd.arg })
}
