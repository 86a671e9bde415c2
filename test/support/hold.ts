import type { TestWorld } from './world.ts'

/** Longer than anything takes here; the n-th hold of a run is n times as long, and by that its tasks are known. */
const endlessMs = 1_000_000_000
let holds = 0

/**
 * The next task that PVE begins for `route`, of the guest `vmid` if one is named, stays under way until the answer of this is called: what has to
 * be done meanwhile may take as long as the machine needs.
 */
export function hold({ simulator }: TestWorld, route: string, vmid?: number): () => void {
  const index = ++holds
  const { clock } = simulator.world
  const sleep = clock.sleep.bind(clock)
  let letGo = (): void => undefined
  const end = new Promise<void>((resolve) => (letGo = resolve))
  clock.sleep = async (ms, signal) => {
    if (Math.floor(ms / endlessMs) !== index) return await sleep(ms, signal)
    signal?.addEventListener('abort', letGo, { once: true })
    await end
    return await sleep(ms % endlessMs, signal)
  }
  simulator.faults.add([{ route, ...(vmid && { match: { vmid } }), task: { extraMs: index * endlessMs } }], [])
  return letGo
}
