// Tickets of consoles: bound to a user, a VM and a port, and good for a short while (PVE::AccessControl assemble_vnc_ticket).
import { createHmac, timingSafeEqual } from 'node:crypto'
import { PveRefusal } from '../http/refusal.ts'
import type { World } from '../world/world.ts'

/** A ticket is good for 40 seconds. */
const ticketSeconds = 40

function signature(world: World, text: string): string {
  return createHmac('sha256', `simulated authkey ${world.spec.seed ?? 1}`)
    .update(text)
    .digest('base64')
}

/** `PVEVNC:TIME::SIGNATURE`, bound to user, path and port. */
export function vncTicket(world: World, user: string, vmid: number, port: number): string {
  const plain = `PVEVNC:${world.clock.seconds().toString(16).toUpperCase().padStart(8, '0')}`
  return `${plain}::${signature(world, `${plain}:${user}:/vms/${vmid}:${port}`)}`
}

/** Throws 401 for a ticket of somebody else, of another VM or port, or one that is too old. A leading password is skipped, as in PVE. */
export function checkVncTicket(world: World, given: string, about: { user: string; vmid: number; port: number }): void {
  const match = /^(?:.{8}:)?(PVEVNC:([0-9A-F]{8}))::(.+)$/.exec(given)
  const [, plain = '', stamp = '', sent = ''] = match ?? []
  const wanted = Buffer.from(signature(world, `${plain}:${about.user}:/vms/${about.vmid}:${about.port}`))
  const isGood = wanted.length === sent.length && timingSafeEqual(wanted, Buffer.from(sent))
  const age = world.clock.seconds() - Number.parseInt(stamp, 16)
  if (!match || !isGood || age > ticketSeconds) throw new PveRefusal(401, 'permission denied - invalid PVEVNC ticket', undefined, true)
}
