import type { RequestEntry, RequestSink } from '../contracts.ts'

/** One line of `GET /sim/requests`. */
export interface LoggedRequest {
  /** Milliseconds since the epoch, when the request came in. */
  at: number
  method: string
  /** As sent, without /api2/json. */
  path: string
  /** 0: the connection was dropped without an answer. */
  status: number
  /** From the request to the end of the answer, real milliseconds. */
  ms: number
  token: string
}

/** The newest lines that are kept; the counts go on for ever. */
const keptLines = 100_000

/** Every `/api2/json` request since start, reset or `DELETE /sim/requests`. */
export class RequestLog implements RequestSink {
  #total = 0
  readonly #byRoute = new Map<string, number>()
  #log: LoggedRequest[] = []

  record(entry: RequestEntry): void {
    const { at, method, path, template, status, ms, token } = entry
    const route = `${method} ${template ?? '(no such route)'}`
    this.#total += 1
    this.#byRoute.set(route, (this.#byRoute.get(route) ?? 0) + 1)
    this.#log.push({ at, method, path, status, ms, token })
    if (this.#log.length > keptLines * 1.1) this.#log = this.#log.slice(-keptLines)
  }

  reset(): void {
    this.#total = 0
    this.#byRoute.clear()
    this.#log = []
  }

  /** Counts by route, most first, and the newest `limit` lines, oldest first. */
  report(limit = keptLines): { total: number; byRoute: Record<string, number>; log: LoggedRequest[] } {
    const byRoute = Object.fromEntries([...this.#byRoute].toSorted(([, a], [, b]) => b - a))
    return { total: this.#total, byRoute, log: limit === 0 ? [] : this.#log.slice(-limit) }
  }
}
