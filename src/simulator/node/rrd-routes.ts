// rrddata of nodes, VMs and storages: rows in PVE's grid of times, with figures as constant as the simulator's (PVE::RRD).
import { findGuest } from '../guests/find.ts'
import { cpusOf, maxDiskBytes, memoryBytes } from '../guests/usage.ts'
import { str, type Call, type Route } from '../routes.ts'

type Row = Record<string, unknown>

/** Seconds between two rows, and how many rows there are. */
type Grid = Readonly<Record<string, { step: number; rows: number }>>
const gridsOfNine: Grid = {
  hour: { step: 60, rows: 60 },
  day: { step: 60, rows: 1440 },
  week: { step: 1800, rows: 336 },
  month: { step: 1800, rows: 1440 },
  year: { step: 21_600, rows: 1440 },
  decade: { step: 604_800, rows: 570 },
}
/** Before PVE 9; it keeps no more than a year. */
const oldYear = { step: 604_800, rows: 70 }
const gridsOfEight: Grid = {
  hour: { step: 60, rows: 60 },
  day: { step: 1800, rows: 70 },
  week: { step: 10_800, rows: 70 },
  month: { step: 43_200, rows: 70 },
  year: oldYear,
  decade: oldYear,
}

/** A row a step, oldest first, each of the time up to the next one; a time the thing did not exist yet has nothing but its time. */
function series(call: Call, figuresOf: (fromMs: number, toMs: number) => Row): Row[] {
  const grids = call.world.isNine ? gridsOfNine : gridsOfEight
  const { step, rows } = grids[str(call, 'timeframe') ?? 'hour'] ?? { step: 60, rows: 60 }
  const end = Math.floor(call.world.clock.seconds() / step) * step
  return Array.from({ length: rows }, (_, index) => {
    const time = end - (rows - index) * step
    return { time, ...figuresOf(time * 1000, (time + step) * 1000) }
  })
}

const since =
  (sinceMs: number, figures: Row) =>
  (fromMs: number): Row =>
    fromMs < sinceMs ? {} : figures

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
  return series(call, since(found.bootMs, { ...figures, roottotal: local.totalBytes, rootused: local.usedBytes, netin: 0, netout: 0 }))
}

function ofGuest(call: Call): Row[] {
  const { world, node, vmid } = call
  const { config, process } = findGuest(world, node, vmid)
  const sizes = { maxcpu: cpusOf(config, Number.POSITIVE_INFINITY), maxmem: memoryBytes(config), maxdisk: maxDiskBytes(config), disk: 0 }
  const live = { cpu: 0, mem: Math.floor(memoryBytes(config) / 4), diskread: 0, diskwrite: 0 }
  return series(call, (fromMs, toMs) => {
    const { netin, netout } = world.traffic.rate(vmid, fromMs, toMs)
    const isRunning = process !== undefined && toMs > process.sinceMs
    if (isRunning) return { ...sizes, ...live, netin, netout }
    // It was another process, or a former guest of the number: the file is the VMID's.
    return netin + netout > 0 ? { ...sizes, netin, netout } : {}
  })
}

function ofStorage(call: Call): Row[] {
  const name = str(call, 'storage') ?? ''
  call.world.storage.usable(name, call.node)
  const { totalBytes, usedBytes } = call.world.storage.usage(name, call.node)
  return series(call, since(0, { total: totalBytes, used: usedBytes }))
}

export const rrdRoutes: readonly Route[] = [
  { method: 'GET', path: '/nodes/{node}/rrddata', handler: ofNode },
  { method: 'GET', path: '/nodes/{node}/qemu/{vmid}/rrddata', handler: ofGuest },
  { method: 'GET', path: '/nodes/{node}/storage/{storage}/rrddata', handler: ofStorage },
]
