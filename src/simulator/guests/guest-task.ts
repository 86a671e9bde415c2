// A task about one guest, as the calls of this room start it.
import type { Call } from '../routes.ts'
import { refuse } from '../http/refusal.ts'
import type { Worker } from '../tasks/worker.ts'
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
