import { type Lease, leases } from '../api/meta.ts'
import type { Clock } from '../ops/clock.ts'
import { type KubeClient, KubeError } from './client.ts'
import { microTime } from './micro-time.ts'

export interface LeaderElectionOptions {
  client: KubeClient
  namespace: string
  name: string
  /** Unique among all candidates, also among restarts of one. */
  identity: string
  clock: Clock
  /** How long others wait, from their own sight of our last renewal, before they take over. Whole seconds: the Lease has no others. */
  leaseSeconds?: number
  /** How long after our last renewal we may still act; less than leaseSeconds, so that we have stopped before another starts. */
  renewDeadlineSeconds?: number
  /** Pause between attempts. */
  retrySeconds?: number
  random?: () => number
  onProblem?: (message: string) => void
}

/** Thrown by `run` when leadership was lost: the process should end, as whatever it was doing may be half done. */
export class LeadershipLost extends Error {
  constructor() {
    super('leadership lost: the Lease could not be renewed in time')
    this.name = 'LeadershipLost'
  }
}

type Term = { monotonicMs: number; wallMs: number }

/**
 * Leader election over a Lease, with client-go's rules: a holder is judged by how long its record has not changed *as seen here*
 * (clocks of two machines are never compared), and every write is a compare-and-swap.
 *
 * What client-go leaves to luck is kept here: whoever may have lost the Lease does not act. `mayAct` counts from before the renewal was
 * sent, by the monotonic clock, so it is false in time even if the event loop stood still and no timer could fire.
 */
export class LeaderElection {
  readonly #o: Required<Omit<LeaderElectionOptions, 'onProblem'>>
  readonly #onProblem: (message: string) => void
  /** The Lease as last seen, and when it was first seen like that. */
  #seen: { lease: Lease; record: string; sinceMs: number } | undefined
  /** When the renewal in force was sent; undefined = not leading. */
  #term: Term | undefined

  constructor(o: LeaderElectionOptions) {
    this.#o = { leaseSeconds: 15, renewDeadlineSeconds: 10, retrySeconds: 2, random: Math.random, ...o }
    this.#onProblem = o.onProblem ?? (() => undefined)
    if (!(this.#o.renewDeadlineSeconds < this.#o.leaseSeconds)) throw new Error('renewDeadlineSeconds must be less than leaseSeconds')
    if (!(this.#o.retrySeconds * 1.2 < this.#o.renewDeadlineSeconds)) throw new Error('retrySeconds must fit into renewDeadlineSeconds')
  }

  /** Whether this candidate leads. True does not mean that it may still act: ask `mayAct`. */
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
      if (await this.#attempt(this.#o.renewDeadlineSeconds * 1000, signal)) return true
      await this.#o.clock.sleep(this.#retryMs(), signal)
    }
    return false
  }

  /** Renews until `ended` aborts (true) or the term runs out (false, `stop` aborted first). */
  async #keep(ended: AbortSignal, stop: AbortController): Promise<boolean> {
    while (!ended.aborted) {
      await this.#o.clock.sleep(Math.min(this.#retryMs(), this.#leftMs(this.#term)), ended)
      const leftMs = this.#leftMs(this.#term)
      // after a stall the renewal might even succeed, but others may have acted since: give up
      const lost = leftMs <= 0 || (!ended.aborted && !(await this.#attempt(leftMs, undefined)) && this.#holdsAnother())
      if (lost) {
        this.#term = undefined
        stop.abort(new LeadershipLost())
        return false
      }
    }
    return this.mayAct()
  }

  #holdsAnother(): boolean {
    return this.holder !== undefined && this.holder !== this.#o.identity
  }

  /** One try to take or renew. Never throws; a failure is a problem told, and false. */
  async #attempt(timeoutMs: number, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      const deadline = AbortSignal.timeout(Math.ceil(Math.max(1, Math.min(timeoutMs, (this.#o.renewDeadlineSeconds * 1000) / 2))))
      return await this.#takeOrRenew(signal ? AbortSignal.any([signal, deadline]) : deadline)
    } catch (fault) {
      // whoever lost the race, or was told of another version, looks again next time
      if (fault instanceof KubeError && (fault.reason === 'Conflict' || fault.reason === 'AlreadyExists')) this.#seen = undefined
      if (!signal?.aborted) this.#onProblem(`lease ${this.#o.namespace}/${this.#o.name}: ${String(fault)}`)
      return false
    }
  }

  async #takeOrRenew(signal: AbortSignal): Promise<boolean> {
    const { client, namespace, name, identity } = this.#o
    const o = { lane: 'leases', signal } as const
    // while we lead, the version of our last write is enough: a foreign write shows as Conflict
    const mine = this.mayAct() && this.holder === identity
    if (!mine) this.#observe(await client.get(leases, { namespace, name }, o))
    const now = this.#seen
    const sent: Term = { monotonicMs: performance.now(), wallMs: this.#o.clock.now() }
    if (!now) {
      const metadata = { namespace, name }
      const fresh: Lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: this.#spec(undefined) }
      this.#observe(await client.create(leases, fresh, o))
    } else {
      const lifeMs = (now.lease.spec?.leaseDurationSeconds ?? this.#o.leaseSeconds) * 1000
      if (this.#holdsAnother() && performance.now() - now.sinceMs < lifeMs) return false
      this.#observe(await client.replace(leases, { ...now.lease, spec: this.#spec(now.lease.spec) }, o))
    }
    this.#term = sent
    return true
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

  /** The larger of two clocks' answers counts: the monotonic one stands still while a laptop sleeps, the other may be set back. */
  #leftMs(term: Term | undefined): number {
    if (!term) return 0
    const passedMs = Math.max(performance.now() - term.monotonicMs, this.#o.clock.now() - term.wallMs)
    return this.#o.renewDeadlineSeconds * 1000 - passedMs
  }

  #retryMs(): number {
    return this.#o.retrySeconds * 1000 * (1 + this.#o.random() / 5)
  }
}
