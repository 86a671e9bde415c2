import { type Lease, leases } from '../api/meta.ts'
import type { Clock } from '../ops/clock.ts'
import type { KubeClient } from './client.ts'
import { checkElectionTimes, electionDefaults, type ElectionTimes, retryJitter } from './election-times.ts'
import { isConflict, isNotFound } from './kube-error.ts'
import { microTime } from './micro-time.ts'

export interface LeaderElectionOptions extends Partial<ElectionTimes> {
  client: KubeClient
  namespace: string
  name: string
  /** Unique among all candidates, also among restarts of one. */
  identity: string
  clock: Clock
  /** After so long without a word from the API server a leader ends: nobody can tell it that another one leads. */
  silentSeconds?: number
  random?: () => number
  onProblem?: (message: string) => void
}

/** Thrown by `run` when leadership was lost: the process should end, as whatever it was doing may be half done. */
export class LeadershipLost extends Error {
  constructor() {
    super('leadership lost: another copy may have led since the last renewal of the Lease')
    this.name = 'LeadershipLost'
  }
}

/** An attempt to renew never waits longer for its answers. */
const longestAnswerMs = 10_000

type Term = { monotonicMs: number; wallMs: number }

/**
 * Leader election over a Lease, with client-go's rules: a holder is judged by how long its record has not changed *as seen here*
 * (clocks of two machines are never compared), and every write is a compare-and-swap.
 *
 * What client-go leaves to luck is kept here: whoever may have lost the Lease does not act. `mayAct` counts from before the renewal was
 * sent, by the monotonic clock, so it is false in time even if the event loop stood still and no timer could fire.
 *
 * A leader that was too late does not act, and goes on trying: a renewal that succeeds on the version of its own last one proves that
 * nobody has led in between, and it acts again. Only when somebody has, or nobody can tell, it ends.
 */
export class LeaderElection {
  readonly #o: Required<Omit<LeaderElectionOptions, 'onProblem'>>
  readonly #onProblem: (message: string) => void
  /** The Lease as last seen, and when it was first seen like that. */
  #seen: { lease: Lease; record: string; sinceMs: number } | undefined
  /** When the renewal in force was sent; undefined = not leading. */
  #term: Term | undefined

  constructor(o: LeaderElectionOptions) {
    this.#o = { ...electionDefaults, silentSeconds: 60, random: Math.random, ...o }
    this.#onProblem = o.onProblem ?? (() => undefined)
    checkElectionTimes(this.#o)
  }

  /** Whether this candidate leads as far as it knows. True does not mean that it may still act: ask `mayAct`. */
  get leading(): boolean {
    return this.#term !== undefined
  }

  /** Asked before every write to PVE: leading, and renewed recently enough that nobody else can lead yet. */
  mayAct(): boolean {
    return this.#term !== undefined && this.#leftMs(this.#term) > 0
  }

  /** Who holds the Lease as far as known here. */
  get holder(): string | undefined {
    return this.#seen?.lease.spec?.holderIdentity || undefined
  }

  /**
   * Waits for leadership, then runs `lead` with a signal that aborts when it must stop. When the outer signal aborts the Lease is kept
   * renewed until `lead` has ended, and then released, so that the next leader starts at once and never too early.
   * Throws LeadershipLost, or what `lead` threw; in each case only after `lead` has ended.
   */
  async run(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    if (!(await this.#acquire(signal))) return
    const stop = new AbortController()
    const onAbort = (): void => stop.abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    const ended = new AbortController()
    const leading = lead(stop.signal).finally(() => ended.abort())
    leading.catch(() => undefined)
    const kept = await this.#keep(ended.signal, stop)
    signal.removeEventListener('abort', onAbort)
    const outcome = await leading.then(
      () => undefined,
      (fault: unknown) => ({ fault }),
    )
    if (kept) await this.#release()
    this.#term = undefined
    if (!kept && !signal.aborted) throw new LeadershipLost()
    if (outcome) throw outcome.fault
  }

  async #acquire(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      const taken = await this.#attempt(this.#o.renewDeadlineSeconds * 1000, (answerBy) => this.#take(answerBy), signal)
      if (taken) return true
      // Right when the holder's time is over, and not up to a pause later.
      const expiresMs = taken === false ? this.#expiresMs() : undefined
      await this.#o.clock.sleep(Math.min(this.#retryMs(), expiresMs ?? Infinity), signal)
    }
    return false
  }

  /** Renews until `ended` aborts (true), or until another one has led or may lead unseen (false, `stop` aborted first). */
  async #keep(ended: AbortSignal, stop: AbortController): Promise<boolean> {
    let startedMs = performance.now()
    while (!ended.aborted) {
      // From start to start: an attempt that had no answer has been pause enough.
      await this.#o.clock.sleep(startedMs + this.#retryMs() - performance.now(), ended)
      if (ended.aborted) break
      startedMs = performance.now()
      // Half of the time that there is: a connection that is dead without a word must leave time for another. Who is late gives a slow server longer.
      const patienceMs = Math.max(this.#o.renewDeadlineSeconds * 500, Math.min(passedMs(this.#term, this.#o.clock), longestAnswerMs))
      const renewed = await this.#attempt(patienceMs, (answerBy) => this.#renew(answerBy))
      if (renewed === true || (renewed === undefined && passedMs(this.#term, this.#o.clock) < this.#o.silentSeconds * 1000)) continue
      this.#term = undefined
      stop.abort(new LeadershipLost())
      return false
    }
    return this.mayAct()
  }

  #holdsAnother(): boolean {
    return this.holder !== undefined && this.holder !== this.#o.identity
  }

  /** What the attempt says; undefined: no answer, which is a problem told. Never throws. */
  async #attempt(
    patienceMs: number,
    work: (answerBy: AbortSignal) => Promise<boolean>,
    signal?: AbortSignal,
  ): Promise<boolean | undefined> {
    try {
      const deadline = AbortSignal.timeout(Math.ceil(patienceMs))
      return await work(signal ? AbortSignal.any([signal, deadline]) : deadline)
    } catch (fault) {
      if (!signal?.aborted) this.#onProblem(`Lease ${this.#o.namespace}/${this.#o.name}: ${String(fault)}`)
      return undefined
    }
  }

  /** Looks, and takes the Lease if it is free or its holder has been silent for as long as it says. */
  async #take(signal: AbortSignal): Promise<boolean> {
    const { client, namespace, name } = this.#o
    const o = { lane: 'leases', signal } as const
    this.#observe(await client.get(leases, { namespace, name }, o))
    if (this.#seen) return (this.#expiresMs() ?? 0) <= 0 && (await this.#write(this.#seen.lease, signal))
    const sent = this.#now()
    const metadata = { namespace, name }
    const fresh: Lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: this.#spec(undefined) }
    this.#observe(await client.create(leases, fresh, o))
    this.#term = sent
    return true
  }

  /** Writes on top of our own last version and of no other. False: somebody else has written, or the Lease is gone. */
  async #renew(signal: AbortSignal): Promise<boolean> {
    const { client, namespace, name, identity } = this.#o
    for (let isSecond = false; ; isSecond = true) {
      if (!this.#seen) this.#observe(await client.get(leases, { namespace, name }, { lane: 'leases', signal }))
      if (!this.#seen || this.holder !== identity) return false
      try {
        return await this.#write(this.#seen.lease, signal)
      } catch (fault) {
        if (isNotFound(fault)) return false
        // Somebody else's version, or our own of which no answer came.
        if (!isConflict(fault)) throw fault
        this.#seen = undefined
        if (isSecond) throw fault
      }
    }
  }

  async #write(lease: Lease, signal: AbortSignal): Promise<true> {
    const sent = this.#now()
    this.#observe(await this.#o.client.replace(leases, { ...lease, spec: this.#spec(lease.spec) }, { lane: 'leases', signal }))
    this.#term = sent
    return true
  }

  #now(): Term {
    return { monotonicMs: performance.now(), wallMs: this.#o.clock.now() }
  }

  /** Until the holder's time is over, as seen here; undefined: nobody else holds it. */
  #expiresMs(): number | undefined {
    if (!this.#seen || !this.#holdsAnother()) return undefined
    const { lease, sinceMs } = this.#seen
    return sinceMs + (lease.spec?.leaseDurationSeconds ?? this.#o.leaseSeconds) * 1000 - performance.now()
  }

  #observe(lease: Lease | undefined): void {
    const record = JSON.stringify(lease?.spec)
    if (!lease) this.#seen = undefined
    else this.#seen = { lease, record, sinceMs: this.#seen?.record === record ? this.#seen.sinceMs : performance.now() }
  }

  #spec(old: Lease['spec']): NonNullable<Lease['spec']> {
    const { identity, leaseSeconds, clock } = this.#o
    const now = microTime(clock.now())
    const stays = old?.holderIdentity === identity
    return {
      holderIdentity: identity,
      leaseDurationSeconds: leaseSeconds,
      acquireTime: stays && old.acquireTime ? old.acquireTime : now,
      renewTime: now,
      leaseTransitions: (old?.leaseTransitions ?? 0) + (old && !stays ? 1 : 0),
    }
  }

  async #release(): Promise<void> {
    const lease = this.#seen?.lease
    if (!lease || !this.mayAct()) return
    const now = microTime(this.#o.clock.now())
    const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now }
    this.#term = undefined
    await this.#o.client
      .replace(leases, { ...lease, spec }, { lane: 'leases', signal: AbortSignal.timeout(this.#o.retrySeconds * 1000) })
      .catch((fault: unknown) => this.#onProblem(`failed to release the lease: ${String(fault)}`))
  }

  #leftMs(term: Term): number {
    return this.#o.renewDeadlineSeconds * 1000 - passedMs(term, this.#o.clock)
  }

  #retryMs(): number {
    return this.#o.retrySeconds * 1000 * (1 + this.#o.random() * (retryJitter - 1))
  }
}

/** The larger of two clocks' answers counts: the monotonic one stands still while a laptop sleeps, the other may be set back. */
function passedMs(term: Term | undefined, clock: Clock): number {
  return term ? Math.max(performance.now() - term.monotonicMs, clock.now() - term.wallMs) : Infinity
}
