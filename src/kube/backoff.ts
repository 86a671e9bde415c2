/** Exponential backoff with jitter: between half of `base × 2^failures` and all of it, and never above the cap. */
export function backoffMs(o: { baseMs: number; capMs: number; failures: number; random: () => number }): number {
  // 2^30 s is past any cap; beyond 2^1023 the product would be infinite
  const fullMs = Math.min(o.capMs, o.baseMs * 2 ** Math.min(o.failures, 30))
  return fullMs * (0.5 + o.random() / 2)
}
