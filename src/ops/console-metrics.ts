/** What the broker of consoles counts. No label ever names a VM or a person. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** How a request to open a console ended. */
export type OpeningOutcome = 'opened' | 'resumed' | 'refused' | 'invalid' | 'limited' | 'failed'

export class ConsoleMetrics {
  readonly registry = new Registry()
  readonly #own = { registers: [this.registry] }

  readonly #sessions = new Gauge({ name: 'pve_console_sessions', help: 'Pages that are connected now.', ...this.#own })
  readonly #pictures = new Gauge({
    name: 'pve_console_pictures',
    help: 'Connections to screens and serial ports of guests that are open now.',
    ...this.#own,
  })
  readonly #openings = new Counter({
    name: 'pve_console_openings_total',
    help: 'Requests of pages: opened, resumed, refused (over, used or off), invalid (wrong key), limited (too many), failed (API server).',
    labelNames: ['outcome'],
    ...this.#own,
  })
  readonly #ends = new Counter({
    name: 'pve_console_ends_total',
    help: 'Sessions that ended, by the word the page was told; left: the page went.',
    labelNames: ['why'],
    ...this.#own,
  })
  readonly #attaching = new Histogram({
    name: 'pve_console_attach_seconds',
    help: 'From the wish of a page for the screen to the login at PVE; outcome ok or failed.',
    labelNames: ['cluster', 'outcome'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30],
    ...this.#own,
  })
  readonly #bytes = new Counter({
    name: 'pve_console_bytes_total',
    help: 'Bytes between guests and pages; direction guest (what people type) or page (what they see).',
    labelNames: ['direction'],
    ...this.#own,
  })

  constructor(build: { version: string }) {
    collectDefaultMetrics({ register: this.registry })
    const info = new Gauge({
      name: 'pve_console_build_info',
      help: 'Always 1; the labels say what runs.',
      labelNames: ['version', 'node'],
      ...this.#own,
    })
    info.set({ version: build.version, node: process.versions.node }, 1)
  }

  opening(outcome: OpeningOutcome): void {
    this.#openings.inc({ outcome })
  }

  sessionBegan(): void {
    this.#sessions.inc()
  }

  sessionEnded(why: string): void {
    this.#sessions.dec()
    this.#ends.inc({ why })
  }

  attached(cluster: string, outcome: 'ok' | 'failed', seconds: number): void {
    this.#attaching.observe({ cluster, outcome }, seconds)
    if (outcome === 'ok') this.#pictures.inc()
  }

  detached(): void {
    this.#pictures.dec()
  }

  moved(direction: 'guest' | 'page', bytes: number): void {
    this.#bytes.inc({ direction }, bytes)
  }

  async expose(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.registry.contentType, text: await this.registry.metrics() }
  }
}
