/** What is read of one PVE cluster in the background: configurations, agents, guests without an owner, backup files, gaps in traffic, on one budget. */
import { BackgroundBudget, type BackgroundSource } from '../ops/background-budget.ts'
import type { Clock } from '../ops/clock.ts'

/** While nothing is due. */
const idleMs = 1_000
const leastPerSecond = 1
const mostPerSecond = 3

/** Requests a second for so many guests: max(1, guests/1000), 3 at the most. */
export const backgroundPace = (guests: number): number => Math.min(mostPerSecond, Math.max(leastPerSecond, guests / 1000))

export class BackgroundReading {
  readonly #clock: Clock
  readonly #budget: BackgroundBudget
  readonly #mayAsk: () => boolean
  readonly #onProblem: (fault: unknown) => void

  /** `guests`: how many PVE has. `mayAsk`: false while PVE is silent, or refuses the token and logs each refusal. */
  constructor(o: { clock: Clock; guests: () => number; mayAsk: () => boolean; onProblem: (fault: unknown) => void }) {
    this.#clock = o.clock
    this.#mayAsk = o.mayAsk
    this.#onProblem = o.onProblem
    this.#budget = new BackgroundBudget({ clock: o.clock, perSecond: () => backgroundPace(o.guests()) })
  }

  /** The answer takes the source away again. */
  add(source: BackgroundSource): () => void {
    return this.#budget.add(source)
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const pauseMs = this.#budget.pauseMs()
      if (pauseMs > 0) await this.#clock.sleep(pauseMs, signal)
      else if (!this.#mayAsk() || !this.#readOne()) await this.#clock.sleep(idleMs, signal)
    }
  }

  #readOne(): boolean {
    try {
      const read = this.#budget.take()
      read?.begin()
      return read !== undefined
    } catch (fault) {
      this.#onProblem(fault)
      return false
    }
  }
}
