import { refuse } from '../http/refusal.ts'
import type { World } from '../world/world.ts'
import { digestOf, type Guest } from './guest.ts'

/** PVE::QemuConfig load_config: what a call that reads the file says when it is not there. */
export function loadGuest(world: World, node: string, vmid: number): Guest {
  const guest = world.guests.get(vmid)
  if (!guest || guest.node !== node || guest.kind !== 'qemu')
    refuse(`Configuration file 'nodes/${node}/qemu-server/${vmid}.conf' does not exist`)
  return guest
}

/** PVE::QemuServer check_running's file check: the other text for the same thing. */
export function findGuest(world: World, node: string, vmid: number): Guest {
  const guest = world.guests.get(vmid)
  if (!guest || guest.node !== node || guest.kind !== 'qemu') refuse(`unable to find configuration file for VM ${vmid} on node '${node}'`)
  return guest
}

/** PVE::AbstractConfig check_lock. */
export function checkLock(guest: Guest): void {
  if (guest.lock !== undefined) refuse(`VM is locked (${guest.lock})`)
}

/** The digest the caller read, if it sends one: the configuration must not have been changed since. */
export function checkDigest(guest: Guest, digest: string | undefined): void {
  if (digest && digest !== digestOf(guest)) refuse('checksum mismatch (file change by other user?)')
}

export function checkProtection(guest: Guest, what: string): void {
  if (guest.config.get('protection') === '1') refuse(`${what} - protection mode enabled`)
}

export function checkQuorum(world: World): void {
  if (!world.quorate) refuse('cluster not ready - no quorum?')
}

/** The guest's file lock on its node. */
export function flockPath(vmid: number): string {
  return `/var/lock/qemu-server/lock-${vmid}.conf`
}
