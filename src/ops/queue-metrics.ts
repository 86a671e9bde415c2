/** Counts what controllers and their queues do, under the names of controller-runtime and client-go. */
import { Counter, Histogram, type Registry } from 'prom-client'

/**
 * How one pass ended, in controller-runtime's words: `requeue` = it is retried after a backoff, `requeue_after` = it asked to be
 * woken after a time of its own choice, `error` = it threw.
 */
export type WorkResult = 'success' | 'requeue' | 'requeue_after' | 'error'

/** What a queue reports about itself. */
export interface QueueMeter {
  /** A key became due. */
  added(): void
  /** A key waits for its backoff after a failure. */
  retried(): void
  /** A worker took a key that had been due for so many seconds. */
  taken(waitedSeconds: number): void
  /** The work on a key ended after so many seconds. */
  ended(result: WorkResult, seconds: number): void
}

const buckets = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const results: readonly WorkResult[] = ['success', 'requeue', 'requeue_after', 'error']

/** The counters and histograms of all queues. What a queue holds at the moment of the scrape is asked by gauges.ts. */
export class QueueMetrics {
  readonly #adds
  readonly #retries
  readonly #waits
  readonly #works
  readonly #reconciles
  readonly #reconcileErrors
  readonly #reconcileSeconds

  constructor(registry: Registry) {
    const queue = { labelNames: ['name'] as const, registers: [registry] }
    const controller = { labelNames: ['controller'] as const, registers: [registry] }
    this.#adds = new Counter({ name: 'workqueue_adds_total', help: 'Keys that became due.', ...queue })
    this.#retries = new Counter({ name: 'workqueue_retries_total', help: 'Retries after a failure, with backoff.', ...queue })
    this.#waits = new Histogram({
      name: 'workqueue_queue_duration_seconds',
      help: 'How long a key was due before a worker took it.',
      buckets,
      ...queue,
    })
    this.#works = new Histogram({ name: 'workqueue_work_duration_seconds', help: 'How long the work on a key took.', buckets, ...queue })
    this.#reconciles = new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Passes by controller and result (success, requeue, requeue_after, error).',
      labelNames: ['controller', 'result'],
      registers: [registry],
    })
    this.#reconcileErrors = new Counter({
      name: 'controller_runtime_reconcile_errors_total',
      help: 'Passes that ended in a fault nobody had judged.',
      ...controller,
    })
    this.#reconcileSeconds = new Histogram({
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'Length of one pass.',
      buckets,
      ...controller,
    })
  }

  /** For the queue of that controller. Its counters stand at 0 from now on, so that the first increase shows in rates. */
  meterOf(name: string): QueueMeter {
    for (const counter of [this.#adds, this.#retries]) counter.inc({ name }, 0)
    for (const result of results) this.#reconciles.inc({ controller: name, result }, 0)
    this.#reconcileErrors.inc({ controller: name }, 0)
    return {
      added: () => this.#adds.inc({ name }),
      retried: () => this.#retries.inc({ name }),
      taken: (waitedSeconds) => this.#waits.observe({ name }, waitedSeconds),
      ended: (result, seconds) => {
        this.#works.observe({ name }, seconds)
        this.#reconciles.inc({ controller: name, result })
        if (result === 'error') this.#reconcileErrors.inc({ controller: name })
        this.#reconcileSeconds.observe({ controller: name }, seconds)
      },
    }
  }
}
