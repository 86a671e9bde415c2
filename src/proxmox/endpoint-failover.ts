import type { Clock } from '../ops/clock.ts'

/** After a failed connection an endpoint is left alone for this long, doubling up to the cap. */
const firstRestMs = 5_000
const longestRestMs = 60_000

interface Endpoint {
  readonly origin: string
  restMs: number
  restsUntilMs: number
}

/** Which API endpoint to ask: the first of the list that is not resting. Any node of a PVE cluster can serve any call. */
export class EndpointFailover {
  readonly #endpoints: Endpoint[]
  readonly #clock: Clock

  constructor(origins: readonly string[], clock: Clock) {
    this.#clock = clock
    this.#endpoints = origins.map((origin) => ({ origin: origin.replace(/\/+$/, ''), restMs: firstRestMs, restsUntilMs: 0 }))
  }

  /** All of them, in the order in which they should be tried now. */
  order(): string[] {
    const now = this.#clock.monotonicMs()
    const awake = this.#endpoints.filter((endpoint) => endpoint.restsUntilMs <= now)
    const resting = this.#endpoints.filter((endpoint) => endpoint.restsUntilMs > now)
    return [...awake, ...resting.toSorted((a, b) => a.restsUntilMs - b.restsUntilMs)].map(({ origin }) => origin)
  }

  failed(origin: string): void {
    const endpoint = this.#endpoints.find((each) => each.origin === origin)
    if (endpoint === undefined) return
    endpoint.restsUntilMs = this.#clock.monotonicMs() + endpoint.restMs
    endpoint.restMs = Math.min(endpoint.restMs * 2, longestRestMs)
  }

  answered(origin: string): void {
    const endpoint = this.#endpoints.find((each) => each.origin === origin)
    if (endpoint === undefined) return
    endpoint.restMs = firstRestMs
    endpoint.restsUntilMs = 0
  }
}
