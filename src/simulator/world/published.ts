import { letFlow } from '../guests/process.ts'
import type { Guest } from '../guests/guest.ts'
import { cpusOf, maxDiskBytes, memoryBytes } from '../guests/usage.ts'

/** What a node's pvestatd broadcast about a guest at its last tick. */
export interface Published {
  atMs: number
  node: string
  name: string
  status: string
  template: boolean
  maxcpu: number
  maxmem: number
  maxdisk: number
  sinceMs: number | undefined
  netIn: number
  netOut: number
}

export function publish(guest: Guest, nowMs: number): Published {
  if (guest.process) letFlow(guest.process, nowMs)
  return {
    atMs: nowMs,
    node: guest.node,
    name: guest.config.get('name') ?? `VM ${guest.vmid}`,
    status: guest.process?.run ?? 'stopped',
    template: guest.isTemplate,
    maxcpu: cpusOf(guest.config, Number.POSITIVE_INFINITY),
    maxmem: memoryBytes(guest.config),
    maxdisk: maxDiskBytes(guest.config),
    sinceMs: guest.process?.sinceMs,
    netIn: guest.process?.netIn ?? 0,
    netOut: guest.process?.netOut ?? 0,
  }
}
