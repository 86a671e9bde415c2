// A task about one guest, as the calls of this room start it.
import type { Call } from '../routes.ts'
import { identityOf } from '../access/identity.ts'
import { refuse } from '../http/refusal.ts'
import type { Worker } from '../tasks/worker.ts'
import type { World } from '../world/world.ts'
import { findGuest } from './find.ts'
import type { Guest } from './guest.ts'

/** How long power calls wait for the guest's file lock. */
export const flockMs = 10_000

/** Starts a task of the given type for the call's guest; returns its UPID. */
export function begin(call: Call, type: string, body: (worker: Worker) => Promise<void>): string {
  const { world, node, vmid, user } = call
  return world.tasks.start({ node, type, id: String(vmid), user: user.id, fault: call.fault?.task }, body).upid
}

/** The call's guest if it runs; PVE's refusal otherwise. */
export function runningGuest(call: Call): Guest {
  const guest = findGuest(call.world, call.node, call.vmid)
  if (!guest.isRunning) refuse(`VM ${call.vmid} not running`)
  return guest
}

/** A call that a service of the node makes for itself, as root@pam. */
export function rootCall(world: World, node: string, vmid: number, params: Record<string, unknown> = {}): Call {
  const template = '/nodes/{node}/qemu/{vmid}'
  return {
    world,
    method: 'POST',
    template,
    params: { node, vmid, ...params },
    rawParams: params,
    node,
    vmid,
    user: identityOf('root@pam'),
    fault: undefined,
    check: () => {},
  }
}
