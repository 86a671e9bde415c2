// The VMs as they are, for assertions: what the config says and what the guest really uses.
import type { Guest } from '../guests/guest.ts'
import { cpusOf, memoryMiB } from '../guests/usage.ts'
import type { World } from '../world/world.ts'

type Row = Record<string, unknown>

/** What the running system uses, whatever the config says; null when the VM does not run. */
function guestPart(guest: Guest): Row | null {
  const { process } = guest
  if (!process) return null
  const { inside, startedWith } = process
  return {
    hostname: inside.hostname,
    addresses: [...inside.addresses.values()].flat().map(({ address, prefix }) => `${address}/${prefix}`),
    nameservers: inside.nameservers,
    user: inside.user ?? null,
    password: inside.password ?? null,
    sshKeys: inside.sshKeys === undefined ? [] : decodeURIComponent(inside.sshKeys).split('\n').filter(Boolean),
    bootedAt: inside.bootedAtMs,
    processSince: process.sinceMs,
    cpus: cpusOf(startedWith, Number.POSITIVE_INFINITY),
    memoryMiB: memoryMiB(startedWith),
  }
}

/** GET /sim/vms: by VMID, without PVE's staleness. */
export function vms(world: World): Row[] {
  const guests = [...world.guests.values()].filter((guest) => guest.kind === 'qemu').toSorted((a, b) => a.vmid - b.vmid)
  return guests.map((guest) => ({
    vmid: guest.vmid,
    node: guest.node,
    name: guest.config.get('name') ?? null,
    status: guest.isRunning ? 'running' : 'stopped',
    lock: guest.lock ?? null,
    template: guest.isTemplate,
    description: guest.config.get('description') ?? null,
    config: Object.fromEntries(guest.config),
    guest: guestPart(guest),
  }))
}
