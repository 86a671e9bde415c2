// The local resource managers: each node carries out the orders for its services, as root (PVE::HA::LRM, PVE::HA::Resources::PVEVM).
import { migrateNow } from '../guests/migrate.ts'
import { rootCall } from '../guests/guest-task.ts'
import { shutdownNow, startNow, stopNow } from '../guests/power.ts'
import type { World } from '../world/world.ts'
import type { LrmResult, Service } from './state.ts'

/** Every node that is up takes its new orders; one that works on one is left alone. */
export function work(world: World): void {
  if (!world.quorate) return
  for (const [sid, service] of world.ha.services) {
    if (!world.nodes.get(service.node)?.online || service.taken === service.uid) continue
    const order = orderOf(world, sid, service)
    if (!order) continue
    const { uid } = service
    service.taken = uid
    order()
      .then((outcome) => finish(world, sid, service, { uid, outcome }))
      .catch(() => finish(world, sid, service, { uid, outcome: 'failed' }))
  }
}

/** A failed start is tried again on the node as often as the resource says, and the manager hears nothing of it. */
function finish(world: World, sid: string, service: Service, result: { uid: number; outcome: LrmResult }): void {
  const isStart = service.state === 'started' && service.uid === result.uid
  if (isStart && result.outcome === 'failed' && (service.restarts ?? 0) < (world.ha.resources.get(sid)?.max_restart ?? 1)) {
    service.restarts = (service.restarts ?? 0) + 1
    delete service.taken
    return
  }
  service.restarts = 0
  service.result = result
}

function orderOf(world: World, sid: string, service: Service): (() => Promise<LrmResult>) | undefined {
  const vmid = Number(sid.split(':')[1])
  const { node, state, target, timeout } = service
  const isHere = () => world.guests.get(vmid)?.node === node
  const isRunning = () => world.guests.get(vmid)?.isRunning === true
  const ended = async (upid: string) => world.tasks.get(upid)?.done
  const call = (params: Record<string, unknown> = {}) => rootCall(world, node, vmid, params)
  const shutDown = async (seconds: number) => {
    if (isRunning()) await ended(seconds === 0 ? stopNow(call()) : shutdownNow(call({ timeout: seconds, forceStop: 1 })))
    return isRunning() ? ('failed' as const) : ('ok' as const)
  }
  switch (state) {
    case 'started':
      return async () => {
        if (!isHere()) return 'failed'
        if (!isRunning()) await ended(startNow(call()))
        return isRunning() ? 'ok' : 'failed'
      }
    case 'request_stop':
    case 'stopped':
      return () => shutDown(timeout ?? 60)
    case 'migrate':
    case 'relocate':
      return async () => {
        if (state === 'relocate') await shutDown(60)
        if (isHere()) await ended(migrateNow(call({ target, online: 1, 'with-local-disks': 1 })))
        return isHere() ? 'failed' : 'ok'
      }
    default:
      return undefined
  }
}
