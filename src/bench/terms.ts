/** Who led when, as the Lease tells, and how long nobody did. */
import { leases } from '../api/meta.ts'
import type { KubeClient } from '../kube/client.ts'
import { systemClock } from '../ops/clock.ts'

interface Term {
  readonly holder: string
  /** When the Lease was first seen with this holder, in ms since the epoch. */
  readonly sinceMs: number
}

const everyMs = 100

export class Terms {
  readonly #terms: Term[] = []
  readonly #kills: number[] = []
  readonly #ending = new AbortController()

  constructor(client: KubeClient) {
    void this.#watch(client)
  }

  end(): void {
    this.#ending.abort()
  }

  /** The one that led was killed now. */
  noteKill(): void {
    this.#kills.push(systemClock.now())
  }

  /** Seconds from each kill to the next leader. */
  get gaps(): number[] {
    return this.#kills.flatMap((atMs) => {
      const next = this.#terms.find(({ sinceMs }) => sinceMs > atMs)
      return next ? [(next.sinceMs - atMs) / 1_000] : []
    })
  }

  /** Seconds from the beginning of each term after a kill to the first of those moments, in ms since the epoch. */
  untilFirst(momentsMs: readonly number[]): number[] {
    return this.#terms.slice(1).flatMap(({ sinceMs }) => {
      const first = momentsMs.find((atMs) => atMs >= sinceMs)
      return first === undefined ? [] : [(first - sinceMs) / 1_000]
    })
  }

  async #watch(client: KubeClient): Promise<void> {
    while (!this.#ending.signal.aborted) {
      const all = await client.list(leases).catch(() => [])
      const holder = all.find(({ metadata }) => metadata.name === 'pve-operator')?.spec?.holderIdentity
      if (holder && holder !== this.#terms.at(-1)?.holder) this.#terms.push({ holder, sinceMs: systemClock.now() })
      await systemClock.sleep(everyMs, this.#ending.signal)
    }
  }
}
