/** Whose agent is asked next: a share of the background reading, new starts and DHCP first. */
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import { keyOf } from '../../kube/keys.ts'
import type { Store } from '../../kube/store.ts'
import type { BackgroundRead, BackgroundSource } from '../../ops/background-budget.ts'
import type { Clock } from '../../ops/clock.ts'
import { isSettled } from '../status.ts'

/** Host name, system, addresses, and what cloud-init says of itself (guest-facts.ts), where the token may read that. */
const requests = 4
const soonMs = 20_000
const minute = 60_000
const longestMs = 10 * minute
/** A look through a whole fleet takes a while. */
const searchMs = 3_000
/** As often was one asked whose pauses grow no longer. */
const often = 5

interface Due {
  readonly key: string
  /** How often it was asked since its start. */
  readonly times: number
  readonly overdueMs: number
  readonly isYoung: boolean
}

/** One that has just started, is silent, or misses its address is asked after 20 s, 40 s, … up to 10 minutes; one that is well seldom. */
export class GuestRounds {
  readonly #vmsOf: (cluster: string) => readonly ProxmoxVM[]
  readonly #clock: Clock
  readonly #ask: (key: string) => void
  readonly #asked = new Map<string, { readonly ms: number; readonly times: number }>()

  /** `vmsOf`: those of one cluster. */
  constructor(o: {
    vms: Pick<Store<ProxmoxVM>, 'subscribe'>
    vmsOf: (cluster: string) => readonly ProxmoxVM[]
    clock: Clock
    ask: (key: string) => void
  }) {
    this.#vmsOf = o.vmsOf
    this.#clock = o.clock
    this.#ask = o.ask
    o.vms.subscribe(({ key, old, new: now }) => {
      // Started just now: what was known is of before, and no agent answers while its system starts.
      if (!now) this.#asked.delete(key)
      else if (old && old.status?.remoteStatus !== now.status?.remoteStatus) this.#asked.set(key, { ms: o.clock.monotonicMs(), times: 0 })
    })
  }

  /** Whom to ask in the background of that cluster. */
  of(cluster: string): BackgroundSource {
    let due: Due[] = []
    let searchedMs = -Infinity
    const next = (): BackgroundRead | undefined => {
      const nowMs = this.#clock.monotonicMs()
      // One that has just started goes before those that the last search has found.
      if (due[0]?.isYoung !== true && nowMs - searchedMs >= searchMs) {
        searchedMs = nowMs
        due = this.#dueOf(cluster)
      }
      const [first] = due
      if (!first) return undefined
      const begin = () => {
        due.shift()
        this.#begin(first)
      }
      return { rank: first.isYoung ? 'young' : 'round', requests, begin }
    }
    return { weight: 1, next }
  }

  #begin({ key, times }: Due): void {
    this.#asked.set(key, { ms: this.#clock.monotonicMs(), times: times + 1 })
    this.#ask(key)
  }

  /** The young ones first, then those that are due longest. */
  #dueOf(cluster: string): Due[] {
    const nowMs = this.#clock.monotonicMs()
    const due: Due[] = []
    for (const vm of this.#vmsOf(cluster)) {
      if (vm.status?.guest === undefined || vm.status.remoteStatus !== 'running' || !isSettled(vm)) continue
      const key = keyOf(vm)
      const asked = this.#asked.get(key)
      // What an operator before this one has asked is not new: after a restart a fleet of silent agents holds up nobody.
      const times = asked?.times ?? (vm.status.guest.agent === 'NotAsked' ? 0 : often)
      const pauseMs = pauseOf(vm, times)
      const overdueMs = asked ? nowMs - asked.ms - pauseMs : Number.MAX_SAFE_INTEGER
      if (overdueMs > 0) due.push({ key, times, overdueMs, isYoung: pauseMs < longestMs })
    }
    return due.toSorted((a, b) => Number(b.isYoung) - Number(a.isYoung) || b.overdueMs - a.overdueMs).slice(0, 20)
  }
}

function pauseOf({ status, spec }: ProxmoxVM, times: number): number {
  const isWell = status?.conditions?.some(({ type, status: is }) => type === 'GuestReady' && is === 'True')
  if (!isWell) return Math.min(longestMs, soonMs * 2 ** Math.min(times, often))
  return spec.addresses?.length ? 60 * minute : longestMs
}
