import type { Call } from '../routes.ts'
import type { World } from '../world/world.ts'
import { cpusOf, maxDiskBytes, memoryBytes } from './usage.ts'
import type { Guest } from './guest.ts'

type Row = Record<string, unknown>

/** The part of vmstatus that lists and status/current share. */
function common(world: World, guest: Guest): Row {
  const { config, process } = guest
  const host = world.nodes.get(guest.node)
  const uptime = process ? Math.floor((world.clock.now() - process.sinceMs) / 1000) : 0
  const row: Row = {
    vmid: guest.vmid,
    name: config.get('name') ?? `VM ${guest.vmid}`,
    status: process ? 'running' : 'stopped',
    cpus: cpusOf(config, host?.cpus ?? Number.POSITIVE_INFINITY),
    maxmem: memoryBytes(config),
    maxdisk: maxDiskBytes(config),
    disk: 0,
    uptime,
    cpu: 0,
    mem: process ? Math.floor(memoryBytes(config) / 4) : 0,
    ...(world.isNine ? { memhost: 0 } : {}),
    netin: process?.netIn ?? 0,
    netout: process?.netOut ?? 0,
  }
  if (process) row['pid'] = process.pid
  if (guest.lock !== undefined) row['lock'] = guest.lock
  if (guest.isTemplate) row['template'] = 1
  const tags = config.get('tags')
  if (tags !== undefined) row['tags'] = tags
  if ([...config].some(([key, value]) => /^serial\d+$/.test(key) && value === 'socket')) row['serial'] = 1
  return row
}

/** Since PVE 9. */
function pressure(world: World, row: Row): void {
  if (!world.isNine) return
  for (const key of ['cpufull', 'cpusome', 'iofull', 'iosome', 'memoryfull', 'memorysome']) row[`pressure${key}`] = 0
}

/** GET status/current: live. */
export function statusCurrent(world: World, guest: Guest): Row {
  const row = common(world, guest)
  const { config, process } = guest
  row['qmpstatus'] = process?.run ?? 'stopped'
  row['ha'] = world.ha.statusOf(guest.vmid)
  if (/^(?:enabled=)?1/.test(config.get('agent') ?? '')) row['agent'] = 1
  if (/^(?:type=)?qxl/.test(config.get('vga') ?? '')) row['spice'] = 1
  if (config.has('vga')) row['clipboard'] = /clipboard=(\w+)/.exec(config.get('vga') ?? '')?.[1] ?? null
  if (process) {
    pressure(world, row)
    const balloon = config.get('balloon')
    if (balloon !== undefined && balloon !== '0') row['balloon_min'] = Number(balloon) * 1024 ** 2
    if (balloon !== undefined && balloon !== '0' && config.has('shares')) row['shares'] = Number(config.get('shares'))
    row['nics'] = Object.fromEntries(
      [...config.keys()]
        .filter((key) => /^net\d+$/.test(key))
        .map((key) => [
          `tap${guest.vmid}i${key.slice(3)}`,
          key === 'net0' ? { netin: process.netIn, netout: process.netOut } : { netin: 0, netout: 0 },
        ]),
    )
  }
  return row
}

/** GET /nodes/{node}/qemu. The order is a hash's, so it is shuffled. */
export function listGuests(call: Call): Row[] {
  const { world, node, user } = call
  const rows: Row[] = []
  for (const guest of world.guests.values()) {
    if (guest.node !== node || guest.kind !== 'qemu' || !world.access.has(user, `/vms/${guest.vmid}`, 'VM.Audit')) continue
    const row = common(world, guest)
    if (call.params['full'] === 1) row['qmpstatus'] = guest.process?.run ?? 'stopped'
    if (guest.process) pressure(world, row)
    rows.push(row)
  }
  return world.random.shuffled(rows)
}
