/**
 * Polls until `look` answers with something other than undefined, null or false, and returns it. After `seconds` it throws, with the
 * last fault of `look` or what `describe` says about the last state: a test must say what it saw instead.
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  o: { seconds?: number; everyMs?: number; describe?: () => unknown } = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const deadlineMs = performance.now() + (o.seconds ?? 60) * 1000
  let fault: unknown
  while (performance.now() < deadlineMs) {
    try {
      const seen = await look()
      fault = undefined
      if (seen !== undefined && seen !== null && seen !== false) return seen as NonNullable<Exclude<T, false>>
    } catch (thrown) {
      fault = thrown
    }
    await new Promise((resolve) => setTimeout(resolve, o.everyMs ?? 20))
  }
  const state = o.describe ? `; last seen: ${JSON.stringify(o.describe())}` : ''
  throw new Error(`not within ${o.seconds ?? 60} s: ${what}${state}`, { cause: fault })
}

/** Waits until `isOver`, and goes on after `seconds` in any case: for what is mostly over at once, and may also last. */
export async function untilOrPast(isOver: () => boolean, seconds: number): Promise<void> {
  const endMs = performance.now() + seconds * 1000
  while (!isOver() && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 5))
}
