/** Time that passes by itself only while the operator has nothing to do, so that a slow pass does not look like a long pause. */
import { until } from '../support/until.ts'
import type { TestWorld } from '../support/world.ts'

/** Waits, five seconds at a time, until `isSo` answers true; anything else it answers is what was seen last. */
export async function timePasses(world: TestWorld, what: string, isSo: () => Promise<unknown>): Promise<void> {
  let last: unknown
  await until(
    what,
    async () => {
      if (world.operator?.operator.queue.running === 0) world.clock.skip(5_000)
      return (last = await isSo()) === true
    },
    { everyMs: 50, describe: () => last },
  )
}
