// How a service goes from one state to the next.
import type { Service, ServiceState } from './state.ts'

/** Another state is another order: what belonged to the old one is dropped (PVE::HA::Manager `$change_service_state`). */
export function changeState(service: Service, state: ServiceState, more: { target?: string; timeout?: number } = {}): void {
  const { node, uid, failedNodes, maintenanceNode } = service
  for (const key of Object.keys(service)) delete (service as unknown as Record<string, unknown>)[key]
  Object.assign(service, { state, node, uid: uid + 1 }, failedNodes && { failedNodes }, maintenanceNode && { maintenanceNode }, more)
}

/** The same order once more, so that the node looks again. */
export function repeatOrder(service: Service): void {
  service.uid += 1
}
