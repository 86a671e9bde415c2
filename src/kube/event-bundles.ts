/** Events of one kind about one object that follow one another quickly are told as one. */
import type { KubeObject } from '../api/object.ts'
import type { Clock } from '../ops/clock.ts'

/** Each of these tells of one of several equal things; what is a state, or a warning, stands alone and is told at once. */
const bundled: ReadonlySet<string> = new Set(['StepFinished', 'AddressAllocated', 'AddressReleased'])
/** Long enough for a birth under a fast PVE, and soon enough for whoever follows it. */
const holdMs = 4_000

interface Bundle {
  readonly notes: string[]
  readonly tell: () => void
  readonly cancel: () => void
}

export class EventBundles {
  readonly #clock: Clock
  readonly #open = new Map<string, Bundle>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** True: it is told later, by `record`, with what comes meanwhile. */
  add(about: KubeObject, type: string, reason: string, note: string, record: (note: string) => void): boolean {
    if (type !== 'Normal' || !bundled.has(reason)) return false
    const key = [about.kind, about.metadata.uid ?? `${about.metadata.namespace}/${about.metadata.name}`, reason].join(' ')
    const known = this.#open.get(key)
    if (known) {
      known.notes.push(note)
      return true
    }
    const notes = [note]
    const tell = () => {
      this.#open.delete(key)
      record(notes.join('; '))
    }
    this.#open.set(key, { notes, tell, cancel: this.#clock.after(holdMs, tell) })
    return true
  }

  /** Tells all that are held back. */
  flush(): void {
    for (const { cancel, tell } of this.#open.values()) {
      cancel()
      tell()
    }
  }
}
