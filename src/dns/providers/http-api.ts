import { Agent, request } from 'undici'
import type { Clock } from '../../ops/clock.ts'
import { DnsFault } from './provider.ts'

/** How the certificate of an https server is judged. Nothing given: by the system's CAs and the host name. */
export interface HttpTrust {
  /** PEM, or base64 of it as Kubernetes writes CA bundles. */
  readonly caBundle?: string
  readonly insecureSkipVerify?: boolean
}

export interface HttpApiOptions {
  /** The API's root, without final slash. */
  readonly root: string
  readonly headers: Readonly<Record<string, string>>
  readonly trust?: HttpTrust
  readonly clock: Clock
  /** For one exchange, connection and body included. */
  readonly deadlineMs?: number
}

export interface HttpAnswer {
  readonly status: number
  readonly text: string
  readonly retryAfterSeconds?: number
}

/** An answer larger than this is not what we asked for; 10,000 record sets of PowerDNS are about 3 MB. */
const largestAnswerBytes = 64 * 1024 * 1024

/** A JSON API over HTTP. Answers of every status come back; only silence is thrown. */
export class HttpApi {
  readonly #o: HttpApiOptions
  readonly #agent: Agent

  constructor(options: HttpApiOptions) {
    const ca = options.trust?.caBundle
    this.#o = options
    this.#agent = new Agent({
      connections: 2,
      keepAliveTimeout: 10_000,
      maxResponseSize: largestAnswerBytes,
      connect: {
        ...(ca === undefined ? {} : { ca: ca.includes('-----BEGIN') ? ca : Buffer.from(ca, 'base64').toString('utf8') }),
        ...(options.trust?.insecureSkipVerify === true ? { rejectUnauthorized: false } : {}),
      },
    })
  }

  /** Throws DnsFault `unreachable` when there is no whole answer within the deadline. */
  async exchange(method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): Promise<HttpAnswer> {
    const deadline = new AbortController()
    const deadlineMs = this.#o.deadlineMs ?? 15_000
    const cancel = this.#o.clock.after(deadlineMs, () => deadline.abort(new Error(`no answer within ${deadlineMs / 1000} s`)))
    try {
      const answer = await request(`${this.#o.root}${path}`, {
        method,
        dispatcher: this.#agent,
        signal: deadline.signal,
        headers: { accept: 'application/json', ...this.#o.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        body: body === undefined ? null : JSON.stringify(body),
      })
      const retryAfter = Number(answer.headers['retry-after'])
      const text = await answer.body.text()
      return { status: answer.statusCode, text, ...(retryAfter > 0 ? { retryAfterSeconds: retryAfter } : {}) }
    } catch (cause) {
      throw new DnsFault('unreachable', `${new URL(this.#o.root).host}: ${cause instanceof Error ? cause.message : String(cause)}`, {
        cause,
      })
    } finally {
      cancel()
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }
}

/** The answer as an object; undefined when it is not JSON (proxies and PowerDNS's own 404 answer in plain text). */
export function jsonOf(answer: HttpAnswer): unknown {
  try {
    return JSON.parse(answer.text)
  } catch {
    return undefined
  }
}
