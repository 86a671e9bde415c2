/** Guests that PVE has worked on for somebody else, told by the task list of the whole cluster within seconds. */
import type { Clock } from '../ops/clock.ts'
import type { TaskRow } from './answers.ts'
import type { Pve } from './endpoints.ts'
import { userOfUpid } from './upid.ts'

/** One request for all nodes; half of it is how late an ended task is seen, as a rule. */
const everyMs = 4_000
/** While tasks of our own are followed one by one, others may be seen a little later: a birth costs no look at the list. */
const busyMs = 8_000
/** Each node tells its running tasks and the last 25 that ended (pve-manager); this is more than 128 of them have. */
const remembered = 10_000

/** A task on one guest that has ended. */
export interface Touch {
  readonly vmid: number
  /** `power`: only whether it runs may have changed. `any`: configuration, disks, or the guest under the number itself. */
  readonly what: 'power' | 'any'
}

/** Of guests whose power they change and nothing else. */
const powerTasks: ReadonlySet<string> = new Set(
  'qmstart qmstop qmshutdown qmreboot qmreset qmpause qmsuspend qmresume hastart hastop'.split(' '),
)

interface TouchedGuestsOptions {
  readonly pve: Pick<Pve, 'clusterTasks'>
  readonly clock: Clock
  /** Without Sys.Audit on / a token is shown an empty list; and nobody asks a PVE that gives no listing. */
  readonly mayAsk: () => boolean
  readonly isBusy: () => boolean
  /** Its tasks are followed already: `user@realm!name`. */
  readonly ownToken: () => string
  readonly onProblem: (fault: unknown) => void
}

/** Looks while it runs. A list that fails is looked at again; what ended meanwhile is in the next one. */
export class TouchedGuests {
  readonly #o: TouchedGuestsOptions
  readonly #listeners = new Set<(touches: readonly Touch[]) => void>()
  /** Ended tasks that were seen, oldest first. Undefined before the first list: what ended before is old. */
  #seen: Set<string> | undefined
  #lookedMs = -Infinity

  constructor(o: TouchedGuestsOptions) {
    this.#o = o
  }

  subscribe(listener: (touches: readonly Touch[]) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, mayAsk, isBusy } = this.#o
    while (!signal.aborted) {
      await clock.sleep(everyMs, signal)
      const isPutOff = isBusy() && clock.monotonicMs() - this.#lookedMs < busyMs
      if (signal.aborted || !mayAsk() || isPutOff) continue
      this.#lookedMs = clock.monotonicMs()
      // A fault of the way: the listing tells it, and this list is asked for again.
      const rows = await this.#o.pve.clusterTasks().catch(() => undefined)
      if (rows) this.#learn(rows)
    }
  }

  #learn(rows: readonly TaskRow[]): void {
    const ended = rows.filter(({ status }) => status !== 'RUNNING')
    const seen = (this.#seen ??= new Set(ended.map(({ upid }) => upid)))
    const fresh = ended.filter(({ upid }) => !seen.has(upid))
    for (const { upid } of fresh) seen.add(upid)
    const [oldest] = seen
    if (seen.size > remembered && oldest !== undefined) for (const upid of [...seen].slice(0, seen.size - remembered)) seen.delete(upid)
    const touches = fresh.filter(({ upid }) => userOfUpid(upid) !== this.#o.ownToken()).flatMap(touchOf)
    if (touches.length > 0) this.#tell(touches)
  }

  #tell(touches: readonly Touch[]): void {
    for (const listener of this.#listeners) {
      try {
        listener(touches)
      } catch (fault) {
        this.#o.onProblem(fault)
      }
    }
  }
}

/** The id of a task on a guest is its VMID; a clone has its source's, which it does not change. */
function touchOf({ type, id }: TaskRow): Touch[] {
  if (!/^\d+$/.test(id) || type === 'qmclone' || type === 'vzdump') return []
  return [{ vmid: Number(id), what: powerTasks.has(type) ? 'power' : 'any' }]
}
