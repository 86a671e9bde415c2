import type { VMRecordNote } from '../api/vm-dns.ts'
import { KeyedMutex } from '../ops/keyed-mutex.ts'
import type { Clock } from '../ops/clock.ts'
import { differenceTo, differenceToNone, type Difference, type Rules } from './difference.ts'
import type { RecordType } from './marks.ts'
import { idOf } from './placement.ts'
import { type DnsChange, DnsFault, type DnsProvider, type Found, type Made, type RecordKey } from './providers/provider.ts'
import { ownershipOf } from './providers/providers.ts'
import type { Wanted } from './records.ts'
import { isOfWholeZone, reasonOfFault, type Trouble } from './verdict.ts'
import { recordId } from './vm-status.ts'
import type { LiveZone, ZoneDirectory } from './zone-directory.ts'

/** What became of one record. `lost`: its DNSZone is gone, so nobody can say. `waits`: a PTR whose forward record is not there yet, or a zone nobody has looked at. */
export type DnsOutcome = { readonly is: 'right' | 'gone' | 'lost' | 'waits' } | { readonly is: 'trouble'; readonly trouble: Trouble }

/** One question to or change at a server, for metrics. */
export interface DnsOperation {
  readonly provider: string
  readonly operation: 'probe' | 'look' | 'apply'
  /** `ok`, or the kind of the fault. */
  readonly outcome: string
  readonly seconds: number
}

export interface Task {
  /** On whose behalf. */
  readonly uid: string
  /** As Rules have it. */
  readonly former?: string
  readonly wanted: readonly Wanted[]
  /** What we noted once and is not wanted any more. */
  readonly removals: readonly VMRecordNote[]
}

const unseen: Trouble = { reason: 'Synchronising', message: 'the operator has not read the zone yet' }

interface Step {
  readonly id: string
  readonly ref: string
  readonly key: RecordKey
  /** 0 forward, 1 reverse, 2 removal of reverse, 3 removal of forward: the order of the writes. */
  readonly stage: 0 | 1 | 2 | 3
  readonly afterForward: boolean
  judge(seen: Found, rules: Rules): Difference
}

/** Brings one VM's records about: looks, compares, changes what differs. Writers to one server take turns. */
export class RecordSync {
  readonly #directory: ZoneDirectory
  readonly #isZone: (ref: string) => Promise<boolean>
  readonly #clock: Clock
  readonly #mayAct: () => boolean
  readonly #observe: (operation: DnsOperation) => void
  readonly #turns = new KeyedMutex()

  /** `isZone`: whether there is such a DNSZone; asked before a record is given up. */
  constructor(o: {
    directory: ZoneDirectory
    isZone: (ref: string) => Promise<boolean>
    clock: Clock
    mayAct?: () => boolean
    observe?: (operation: DnsOperation) => void
  }) {
    this.#directory = o.directory
    this.#isZone = o.isZone
    this.#clock = o.clock
    this.#mayAct = o.mayAct ?? (() => true)
    this.#observe = o.observe ?? (() => undefined)
  }

  /** One outcome for each record of the task, by recordId. Throws only what is no DnsFault. */
  async run(task: Task): Promise<Map<string, DnsOutcome>> {
    const steps = stepsOf(task)
    const outcomes = new Map<string, DnsOutcome>()
    const changes = new Map<Step, DnsChange>()
    await Promise.all([...byZone(steps)].map(([ref, mine]) => this.#compare(ref, mine, task, outcomes, changes)))
    for (const stage of [0, 1, 2, 3] as const) {
      const due = steps.filter((step) => step.stage === stage && changes.has(step))
      const held = stage === 1 && steps.some((step) => step.stage === 0 && outcomes.get(step.id)?.is === 'trouble')
      const ready = due.filter((step) => !held || !step.afterForward)
      for (const step of due) if (!ready.includes(step)) outcomes.set(step.id, { is: 'waits' })
      await Promise.all([...byZone(ready)].map(([ref, mine]) => this.#change(ref, mine, changes, outcomes)))
    }
    return outcomes
  }

  /** Runs one operation with the zone's provider. A fault is counted, told to the directory if the whole zone has it, and returned. */
  async ask<T>(
    ref: string,
    operation: DnsOperation['operation'],
    work: (provider: DnsProvider, zone: LiveZone) => Promise<T>,
  ): Promise<T | Trouble> {
    const zone = this.#directory.get(ref)
    if (zone?.trouble !== undefined) return zone.trouble
    if (zone?.provider === undefined) return unseen
    const startedMs = this.#clock.now()
    const done = (outcome: string): void =>
      this.#observe({ provider: zone.provider?.kind ?? '', operation, outcome, seconds: Math.max(0, this.#clock.now() - startedMs) / 1000 })
    try {
      const answer = await work(zone.provider, zone)
      done('ok')
      return answer
    } catch (fault) {
      if (!(fault instanceof DnsFault)) throw fault
      done(fault.kind)
      const trouble: Trouble = { reason: reasonOfFault[fault.kind], zone: ref, message: fault.message }
      if (isOfWholeZone(fault.kind)) this.#directory.blame(ref, trouble)
      return trouble
    }
  }

  /** Makes the changes when it is this server's turn; one answer for each, or why none could be made. */
  apply(ref: string, changes: readonly DnsChange[]): Promise<Made[] | Trouble> {
    const server = this.#directory.get(ref)?.provider?.server ?? ref
    return this.#turns.take(server, () =>
      this.ask(ref, 'apply', async (provider) => {
        // Asked as late as can be: between the look and here another operator may have become the leader.
        if (!this.#mayAct()) throw new DnsFault('server', 'this operator is no longer the leader')
        return provider.apply(changes)
      }),
    )
  }

  async #compare(
    ref: string,
    steps: readonly Step[],
    { uid, former }: Pick<Task, 'uid' | 'former'>,
    outcomes: Map<string, DnsOutcome>,
    changes: Map<Step, DnsChange>,
  ): Promise<void> {
    const zone = this.#directory.get(ref)
    if (zone === undefined) {
      const is = (await this.#isZone(ref)) ? 'waits' : 'lost'
      for (const step of steps) outcomes.set(step.id, { is })
      return
    }
    if (zone.provider === undefined && zone.trouble === undefined) {
      // Nobody has looked at the zone yet; its controller wakes the VM when it has.
      for (const step of steps) outcomes.set(step.id, { is: 'waits' })
      return
    }
    const rules: Rules = {
      uid,
      ...(former !== undefined && { former }),
      ownership: ownershipOf(zone.object),
      adopt: zone.object.spec.adopt,
    }
    const found = await this.ask(ref, 'look', (provider) => provider.look(steps.map((step) => step.key)))
    for (const [at, step] of steps.entries()) {
      const seen = Array.isArray(found) ? found[at] : undefined
      if (!Array.isArray(found)) outcomes.set(step.id, { is: 'trouble', trouble: found })
      else if (seen !== undefined) this.#judge(step, step.judge(seen, rules), outcomes, changes)
    }
  }

  #judge(step: Step, difference: Difference, outcomes: Map<string, DnsOutcome>, changes: Map<Step, DnsChange>): void {
    switch (difference.is) {
      case 'same':
        outcomes.set(step.id, { is: step.stage < 2 ? 'right' : 'gone' })
        break
      case 'conflict':
        outcomes.set(step.id, { is: 'trouble', trouble: { reason: 'RecordTaken', zone: step.ref, message: difference.why } })
        break
      case 'change':
        changes.set(step, difference.change)
    }
  }

  async #change(
    ref: string,
    steps: readonly Step[],
    changes: ReadonlyMap<Step, DnsChange>,
    outcomes: Map<string, DnsOutcome>,
  ): Promise<void> {
    const list = steps.flatMap((step) => changes.get(step) ?? [])
    if (list.length === 0) return
    const made = await this.apply(ref, list)
    for (const [at, step] of steps.entries()) {
      const each = Array.isArray(made) ? made[at] : undefined
      if (!Array.isArray(made)) outcomes.set(step.id, { is: 'trouble', trouble: made })
      else if (each?.is === 'done') outcomes.set(step.id, { is: step.stage < 2 ? 'right' : 'gone' })
      else if (each !== undefined)
        outcomes.set(step.id, {
          is: 'trouble',
          trouble: { reason: each.is === 'taken' ? 'RecordTaken' : 'DNSInvalid', zone: ref, message: each.why },
        })
    }
  }
}

function stepsOf({ wanted, removals }: Task): Step[] {
  const upserts = wanted.map(
    (each): Step => ({
      id: idOf(each),
      ref: each.zone,
      key: { name: each.set.name, type: each.set.type },
      stage: each.set.type === 'PTR' ? 1 : 0,
      afterForward: each.afterForward,
      judge: (seen, rules) => differenceTo(each.set, seen, rules),
    }),
  )
  const goings = removals.filter(hasKnownType).map(
    (note): Step => ({
      id: recordId(note),
      ref: note.zone,
      key: { name: note.name, type: note.type },
      stage: note.type === 'PTR' ? 2 : 3,
      afterForward: false,
      judge: (seen, rules) => differenceToNone(note, seen, rules),
    }),
  )
  return [...upserts, ...goings]
}

const hasKnownType = <N extends { type: string }>(note: N): note is N & { type: RecordType } => ['A', 'AAAA', 'PTR'].includes(note.type)

function byZone(steps: readonly Step[]): Map<string, Step[]> {
  const zones = new Map<string, Step[]>()
  for (const step of steps) zones.set(step.ref, [...(zones.get(step.ref) ?? []), step])
  return zones
}
