import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { backoffMs } from '../../src/kube/backoff.ts'
import { WorkQueue } from '../../src/kube/queue.ts'
import { type Clock, systemClock } from '../../src/ops/clock.ts'
import { until } from '../support/until.ts'

/** A clock that stands still until it is told to go on. */
class HandClock implements Clock {
  #nowMs = 0
  #timers: { dueMs: number; run: () => void }[] = []
  now = (): number => this.#nowMs
  monotonicMs = this.now
  sleep = (): Promise<void> => Promise.resolve()
  after = (ms: number, run: () => void): (() => void) => {
    const timer = { dueMs: this.#nowMs + ms, run }
    this.#timers.push(timer)
    return () => (this.#timers = this.#timers.filter((other) => other !== timer))
  }
  advance(ms: number): void {
    this.#nowMs += ms
    const due = this.#timers.filter((timer) => timer.dueMs <= this.#nowMs).toSorted((a, b) => a.dueMs - b.dueMs)
    this.#timers = this.#timers.filter((timer) => timer.dueMs > this.#nowMs)
    for (const timer of due) timer.run()
  }
}

/** Runs the queue over what is in it now, in one worker, and returns the keys in their order. */
async function served(queue: WorkQueue): Promise<string[]> {
  const keys: string[] = []
  const stop = new AbortController()
  const ran = queue.run(async (key) => void keys.push(key), { workers: 1 }, stop.signal)
  await until('an empty queue', () => queue.depth === 0 && queue.running === 0, { everyMs: 1 })
  stop.abort()
  await ran
  return keys
}

describe('the work queue', () => {
  it('serves each key once, in the order of its first asking', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e')), async (keys) => {
        const queue = new WorkQueue({ clock: systemClock })
        for (const key of keys) queue.add(key)
        expect(queue.depth).toBe(new Set(keys).size)
        expect(await served(queue)).toEqual([...new Set(keys)])
      }),
      { numRuns: 30 },
    )
  })

  it('never works on one key twice at a time, and loses no key that is added meanwhile', async () => {
    const queue = new WorkQueue({ clock: systemClock })
    const stop = new AbortController()
    const wanted = new Map<string, number>()
    const done = new Map<string, number>()
    const busy = new Set<string>()
    let overlaps = 0
    const work = async (key: string): Promise<void> => {
      if (busy.has(key)) overlaps += 1
      busy.add(key)
      const version = wanted.get(key) ?? 0
      await new Promise((resolve) => setImmediate(resolve))
      busy.delete(key)
      done.set(key, version)
    }
    const ran = queue.run(work, { workers: 4 }, stop.signal)
    for (let round = 0; round < 500; round += 1) {
      const key = `key-${round % 7}`
      wanted.set(key, round)
      queue.add(key)
      if (round % 5 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await until('everything done', () => queue.depth === 0 && queue.running === 0)
    expect(overlaps).toBe(0)
    expect(done).toEqual(wanted)
    stop.abort()
    await ran
  })

  it('lets a key that always comes back wait its turn', async () => {
    const queue = new WorkQueue({ clock: systemClock })
    const stop = new AbortController()
    const order: string[] = []
    for (const key of ['greedy', 'a', 'b', 'c']) queue.add(key)
    const work = async (key: string): Promise<void> => {
      order.push(key)
      if (key === 'greedy' && order.length < 8) queue.add(key)
    }
    const ran = queue.run(work, { workers: 1 }, stop.signal)
    await until('everything done', () => queue.depth === 0 && queue.running === 0)
    stop.abort()
    await ran
    expect(order.slice(0, 5)).toEqual(['greedy', 'a', 'b', 'c', 'greedy'])
  })

  it('serves first what waited for something that has happened, once, also when it was in line already', async () => {
    const queue = new WorkQueue({ clock: systemClock })
    for (const key of ['a', 'b', 'c']) queue.add(key)
    queue.addFirst('c')
    queue.addFirst('x')
    expect(queue.depth).toBe(4)
    expect(await served(queue)).toEqual(['c', 'x', 'a', 'b'])
  })

  it('lets what is worked on while its wait ends be the next', async () => {
    const queue = new WorkQueue({ clock: systemClock })
    const keys: string[] = []
    const stop = new AbortController()
    for (const key of ['a', 'b']) queue.add(key)
    const work = async (key: string) => {
      if (keys.push(key) === 1) queue.addFirst('a')
    }
    const ran = queue.run(work, { workers: 1 }, stop.signal)
    await until('an empty queue', () => queue.depth === 0 && queue.running === 0, { everyMs: 1 })
    stop.abort()
    await ran
    expect(keys).toEqual(['a', 'a', 'b'])
  })

  it('keeps the earliest of several delays', () => {
    const clock = new HandClock()
    const queue = new WorkQueue({ clock })
    queue.addAfter('a', 5_000)
    queue.addAfter('a', 1_000)
    queue.addAfter('a', 9_000)
    clock.advance(999)
    expect(queue.depth).toBe(0)
    clock.advance(1)
    expect(queue.depth).toBe(1)
    clock.advance(10_000)
    expect([queue.depth, queue.delayed]).toEqual([1, 0])
  })

  it('retries after 1, 2, 4 … seconds, five minutes at most, from the start again once forgotten', () => {
    const clock = new HandClock()
    const queue = new WorkQueue({ clock, random: () => 1 })
    const delays = Array.from({ length: 11 }, () => queue.retry('a') / 1000)
    expect(delays).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300])
    expect(queue.attempts('a')).toBe(11)
    queue.forget('a')
    expect(queue.retry('a')).toBe(1_000)
  })

  it('retries work that throws, and reports it', async () => {
    const faults: string[] = []
    const clock = new HandClock()
    const queue = new WorkQueue({ clock, random: () => 1, onFault: (key, fault) => faults.push(`${key}: ${String(fault)}`) })
    const stop = new AbortController()
    const work = (): Promise<void> => (faults.length === 0 ? Promise.reject(new Error('no')) : Promise.resolve())
    const ran = queue.run(work, { workers: 1 }, stop.signal)
    queue.add('a')
    await until('the fault', () => queue.delayed === 1)
    expect(faults).toEqual(['a: Error: no'])
    clock.advance(1_000)
    await until('the second try', () => queue.depth === 0 && queue.running === 0)
    stop.abort()
    await ran
  })

  it('ends after what is under way, takes nothing more, and leaves no timer', async () => {
    const queue = new WorkQueue({ clock: systemClock })
    const stop = new AbortController()
    const gate = Promise.withResolvers<void>()
    const started: string[] = []
    const work = async (key: string): Promise<void> => {
      started.push(key)
      await gate.promise
    }
    const ran = queue.run(work, { workers: 1 }, stop.signal)
    queue.add('under-way')
    queue.add('waiting')
    queue.addAfter('later', 60_000)
    await until('the start', () => started.length === 1)
    stop.abort()
    gate.resolve()
    await ran
    expect(started).toEqual(['under-way'])
    expect(queue.delayed).toBe(0)
  })

  it('says how long the first in line has waited', () => {
    const clock = new HandClock()
    const queue = new WorkQueue({ clock })
    expect(queue.oldestAgeSeconds).toBe(0)
    queue.add('a')
    clock.advance(3_000)
    queue.add('b')
    queue.add('a')
    expect(queue.oldestAgeSeconds).toBe(3)
  })

  it.each([
    ['well', ['added', 'taken after 1 s', 'success after 2 s']],
    ['later', ['added', 'taken after 1 s', 'requeue_after after 2 s']],
    ['judged', ['added', 'taken after 1 s', 'retried', 'requeue after 2 s']],
    ['broken', ['added', 'taken after 1 s', 'retried', 'error after 2 s']],
  ])('tells its meter how long a key waited and was worked on, and how that ended: %s', async (key, expected) => {
    const clock = new HandClock()
    const queue = new WorkQueue({ clock, random: () => 1 })
    const told: string[] = []
    queue.measureBy({
      added: () => told.push('added'),
      retried: () => told.push('retried'),
      taken: (seconds) => told.push(`taken after ${seconds} s`),
      ended: (result, seconds) => told.push(`${result} after ${seconds} s`),
    })
    queue.add(key)
    clock.advance(1_000)
    const stop = new AbortController()
    const work = async (): Promise<void> => {
      clock.advance(2_000)
      if (key === 'later') queue.addAfter(key, 60_000)
      if (key === 'judged') queue.retry(key)
      if (key === 'broken') throw new Error('no')
    }
    const ran = queue.run(work, { workers: 1 }, stop.signal)
    await until('the work to end', () => queue.depth === 0 && queue.running === 0, { everyMs: 1 })
    stop.abort()
    await ran
    expect(told).toEqual(expected)
  })

  it('counts no retry for a key that only asked for a delay', () => {
    const queue = new WorkQueue({ clock: new HandClock(), random: () => 1 })
    const retried: string[] = []
    queue.measureBy({ added: () => undefined, retried: () => retried.push('a'), taken: () => undefined, ended: () => undefined })

    queue.addAfter('a', 5_000)
    queue.addAfter('b', 5_000)
    expect(retried).toEqual([])

    queue.retry('a')
    expect(retried).toEqual(['a'])
  })

  it('knows what it works on, how long already, and by how many workers', async () => {
    const clock = new HandClock()
    const queue = new WorkQueue({ clock })
    const gate = Promise.withResolvers<void>()
    const stop = new AbortController()
    expect([queue.workers, queue.unfinishedSeconds]).toEqual([0, { all: 0, longest: 0 }])
    const ran = queue.run(() => gate.promise, { workers: 2 }, stop.signal)
    queue.add('old')
    await until('the first', () => queue.running === 1, { everyMs: 1 })
    clock.advance(3_000)
    queue.add('young')
    await until('the second', () => queue.running === 2, { everyMs: 1 })
    clock.advance(1_000)
    expect([queue.workers, queue.unfinishedSeconds]).toEqual([2, { all: 5, longest: 4 }])
    stop.abort()
    gate.resolve()
    await ran
    expect([queue.workers, queue.unfinishedSeconds]).toEqual([0, { all: 0, longest: 0 }])
  })

  it('begins no work inside the call that adds its key', async () => {
    const queue = new WorkQueue({ clock: systemClock })
    const stop = new AbortController()
    let begun = 0
    const ran = queue.run(async () => void (begun += 1), { workers: 4 }, stop.signal)
    queue.add('a')
    expect(begun).toBe(0)
    await until('it is worked on', () => begun === 1, { everyMs: 1 })
    stop.abort()
    await ran
  })

  it('takes a hundred thousand keys without becoming slow by their number', async () => {
    const queue = new WorkQueue({ clock: systemClock })
    for (let index = 0; index < 100_000; index += 1) queue.add(`key-${index}`)
    const keys = await served(queue)
    expect(keys).toHaveLength(100_000)
    expect(keys[99_999]).toBe('key-99999')
  })
})

describe('backoff', () => {
  it('lies between half of the full delay and the full delay, never above the cap', () => {
    fc.assert(
      fc.property(fc.nat({ max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, chance) => {
        const ms = backoffMs({ baseMs: 1_000, capMs: 300_000, failures, random: () => chance })
        const fullMs = Math.min(300_000, 1_000 * 2 ** failures)
        expect(ms).toBeGreaterThanOrEqual(fullMs / 2)
        expect(ms).toBeLessThanOrEqual(fullMs)
      }),
    )
  })
})
