import type { Simulator } from '../../src/simulator/simulator.ts'

/** What PVE was asked for with `beginAfterMs` of one of these begins when the test says so, however slow the machine is. */
export class HeldBegin {
  /** For `beginAfterMs` of a fault; no other wait is as long. */
  readonly ms: number
  readonly #runs: (() => void)[] = []
  static #made = 0

  constructor({ world: { clock } }: Simulator) {
    this.ms = 1_000_000_000 + HeldBegin.#made++
    const after = clock.after.bind(clock)
    clock.after = (ms, run) => {
      if (ms !== this.ms) return after(ms, run)
      this.#runs.push(run)
      return () => void this.#runs.splice(0, this.#runs.length, ...this.#runs.filter((each) => each !== run))
    }
  }

  begin(): void {
    for (const run of this.#runs.splice(0)) run()
  }
}
