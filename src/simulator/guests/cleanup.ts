// What qmeventd does after a QEMU process has ended: `qm cleanup` (PVE::CLI::qm).
import type { World } from '../world/world.ts'
import { flockPath } from './find.ts'

const lockWaitMs = 60_000
/** A guest that runs again is taken for the old process, which is waited for. */
const endWaitMs = 30_000
const lookMs = 1000

/** Begins the clean-up when its time has come; in a world without such a time it is never in anybody's way. */
export function cleanUpLater(world: World, vmid: number): void {
  if (world.cleanupMs === undefined) return
  world.clock.after(world.cleanupMs, () => {
    cleanUp(world, vmid).catch(() => {})
  })
}

async function cleanUp(world: World, vmid: number): Promise<void> {
  const release = await world.flocks.take(flockPath(vmid), lockWaitMs)
  try {
    for (let ms = 0; ms < endWaitMs && world.guests.get(vmid)?.isRunning; ms += lookMs) await world.clock.sleep(lookMs)
  } finally {
    release()
  }
}
