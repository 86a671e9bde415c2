// A world as it is when the simulator starts: its running guests run, its HA manager works.
import { regenerate } from './guests/cloudinit.ts'
import { newProcess } from './guests/process.ts'
import { runManager } from './ha/crm.ts'
import { publish } from './world/published.ts'
import type { WorldSpec } from './world/spec.ts'
import { World } from './world/world.ts'

/** Makes the world of a spec. `speed` divides every simulated duration. */
export function openWorld(spec: WorldSpec, speed: number): World {
  const world = new World(spec, speed)
  for (const { vmid, firewall, snapshots = [] } of spec.guests) {
    const guest = world.guests.get(vmid)
    if (firewall) world.firewall.set(vmid, structuredClone(firewall))
    for (const { name, ageDays } of snapshots)
      guest?.snapshots.set(name, {
        config: new Map(guest.config),
        snaptime: Math.floor(world.clock.now() / 1000) - ageDays * 86_400,
        description: '',
      })
  }
  for (const { vmid, running } of spec.guests) {
    const guest = running ? world.guests.get(vmid) : undefined
    if (!guest) continue
    regenerate(guest)
    guest.process = newProcess(guest, { pid: world.tasks.nextPid(), nowMs: world.clock.now(), agentMs: 0, inside: undefined })
    world.published.set(vmid, publish(guest, world.clock.now()))
  }
  runManager(world)
  return world
}
