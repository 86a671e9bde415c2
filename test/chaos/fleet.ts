// What a history knows of its VMs while it is drawn: who was met how often, is left alone, gone, suspended; so that a moment meets a VM at which it shows.
import type { AdminAction, Moment, UserAction } from './history.ts'
import { quietAfter, restAfter } from './sequels.ts'
import type { Fits } from './vms.ts'

/** A moment by when it comes, in ms since the first. */
export type Coming = WithoutPause<Moment> & { readonly atMs: number }
type WithoutPause<One> = One extends unknown ? Omit<One, 'afterMs'> : never

/** By then an object that was deleted is mostly gone, and a suspension done. */
const isDoneAfterMs = 4_500

/** What makes up for it. */
const remedies: Readonly<Partial<Record<UserAction | AdminAction, UserAction>>> = {
  delete: 'create',
  deleteByRemove: 'create',
  deleteByOrphan: 'create',
  suspend: 'unsuspend',
  packageLost: 'packageBack',
  pause: 'resume',
  Stop: 'Start',
  Shutdown: 'Start',
  stop: 'Start',
  // These take the guest away, and the object stays.
  destroy: 'Clone',
  replace: 'Clone',
  Remove: 'Clone',
}

export class Fleet {
  /** How often each was met, after its creation. */
  readonly #met: number[]
  /** People leave it alone until then. */
  readonly #restUntilMs = new Map<number, number>()
  /** What would help → VM → since when. */
  readonly #needs = new Map<UserAction, Map<number, number>>()

  constructor(vms: number) {
    this.#met = Array.from({ length: vms }, () => 0)
  }

  isResting = (vm: number, atMs: number): boolean => (this.#restUntilMs.get(vm) ?? 0) > atMs

  /** The one that was met least, of those that work and fit. */
  calmest(fits: Fits = () => true): number {
    const every = [...this.#met.keys()]
    const fit = every.filter(fits)
    const all = fit.length > 0 ? fit : every
    const well = all.filter((vm) => ![...this.#needs.values()].some((needy) => needy.has(vm)))
    return (well.length > 0 ? well : all).reduce((best, vm) => ((this.#met[vm] ?? 0) < (this.#met[best] ?? 0) ? vm : best))
  }

  /** Who has waited for it longest; undefined: nobody, or not for long yet. */
  whoNeeds(does: UserAction, atMs: number): number | undefined {
    const waiting = [...(this.#needs.get(does) ?? [])].filter(
      ([vm, sinceMs]) => atMs - sinceMs >= isDoneAfterMs && !this.isResting(vm, atMs),
    )
    return waiting[0]?.[0]
  }

  /** A moment with what follows on it, after which the VM is left alone for `restMs`. Returns for how many ms nothing at all happens then. */
  note(moment: Coming, follows: readonly Coming[], restMs: number): number {
    const quiet = quietOf(moment)
    if (!('vm' in moment)) return quiet.all
    const { vm, atMs } = moment
    this.#met[vm] = (this.#met[vm] ?? 0) + 1 + follows.length
    this.#restUntilMs.set(vm, Math.max(this.#restUntilMs.get(vm) ?? 0, atMs + Math.max(quiet.vm, restMs)))
    for (const one of [moment, ...follows]) if (one.by === 'user' || one.by === 'admin') this.#became(vm, one.does, one.atMs)
    return quiet.all
  }

  #became(vm: number, does: UserAction | AdminAction, atMs: number): void {
    const remedy = remedies[does]
    // Whatever was open goes with the object.
    if (does === 'create' || remedy === 'create') for (const [of, needy] of this.#needs) if (of !== remedy) needy.delete(vm)
    for (const [of, needy] of this.#needs) if (of === does) needy.delete(vm)
    if (remedy === undefined) return
    const needy = this.#needs.get(remedy) ?? new Map<number, number>()
    if (!needy.has(vm)) needy.set(vm, atMs)
    this.#needs.set(remedy, needy)
  }
}

function quietOf(moment: Coming): { all: number; vm: number } {
  const isActed = moment.by === 'user' || moment.by === 'admin'
  const struckBy = moment.by === 'user' ? moment.struckBy?.does : undefined
  // By itself it waits for somebody to ask for something.
  const mishap = moment.by === 'mishap' && moment.does !== 'noEffect' ? moment.does : struckBy
  const { all = 0, vm = 0 } = (mishap && quietAfter[mishap]) ?? {}
  return { all, vm: Math.max(vm, (isActed && restAfter[moment.does]) || 0) }
}
