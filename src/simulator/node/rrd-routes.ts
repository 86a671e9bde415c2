// rrddata of nodes, VMs and storages: rows in PVE's grid of times, with figures as constant as the simulator's (PVE::RRD).
import { findGuest } from '../guests/find.ts'
import { cpusOf, maxDiskBytes, memoryBytes } from '../guests/usage.ts'
import { str, type Call, type Route } from '../routes.ts'

type Row = Record<string, unknown>

/** Seconds between two rows, and how many rows there are. */
const grids: Readonly<Record<string, { step: number; rows: number }>> = {
  hour: { step: 60, rows: 60 },
  day: { step: 60, rows: 1440 },
  week: { step: 1800, rows: 336 },
  month: { step: 1800, rows: 1440 },
  year: { step: 21_600, rows: 1460 },
  decade: { step: 604_800, rows: 520 },
}

/** A row a step, oldest first; a time the thing did not exist yet has nothing but its time. */
function series(call: Call, sinceMs: number, figures: Row): Row[] {
  const { step, rows } = grids[str(call, 'timeframe') ?? 'hour'] ?? { step: 60, rows: 60 }
  const last = Math.floor(call.world.clock.seconds() / step) * step
  return Array.from({ length: rows }, (_, index) => {
    const time = last - (rows - 1 - index) * step
    return time * 1000 < sinceMs ? { time } : { time, ...figures }
  })
}

function ofNode(call: Call): Row[] {
  const { world, node } = call
  const found = world.nodes.get(node) ?? world.firstNode
  const local = world.storage.usage('local', node)
  const figures = {
    cpu: 0.01,
    maxcpu: found.cpus,
    iowait: 0,
    loadavg: 0.1,
    memtotal: found.memoryBytes,
    memused: 1_600_000_000,
    swaptotal: 0,
    swapused: 0,
  }
  return series(call, found.bootMs, { ...figures, roottotal: local.totalBytes, rootused: local.usedBytes, netin: 0, netout: 0 })
}

function ofGuest(call: Call): Row[] {
  const { world, node, vmid } = call
  const { config, process } = findGuest(world, node, vmid)
  const sizes = { maxcpu: cpusOf(config, Number.POSITIVE_INFINITY), maxmem: memoryBytes(config), maxdisk: maxDiskBytes(config), disk: 0 }
  const live = process ? { cpu: 0, mem: Math.floor(memoryBytes(config) / 4), netin: 0, netout: 0, diskread: 0, diskwrite: 0 } : {}
  return series(call, process?.sinceMs ?? 0, { ...sizes, ...live })
}

function ofStorage(call: Call): Row[] {
  const name = str(call, 'storage') ?? ''
  call.world.storage.usable(name, call.node)
  const { totalBytes, usedBytes } = call.world.storage.usage(name, call.node)
  return series(call, 0, { total: totalBytes, used: usedBytes })
}

export const rrdRoutes: readonly Route[] = [
  { method: 'GET', path: '/nodes/{node}/rrddata', handler: ofNode },
  { method: 'GET', path: '/nodes/{node}/qemu/{vmid}/rrddata', handler: ofGuest },
  { method: 'GET', path: '/nodes/{node}/storage/{storage}/rrddata', handler: ofStorage },
]
