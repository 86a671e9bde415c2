import { describe, expect, it } from '@jest/globals'
import { WorkQueue } from '../../src/kube/queue.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { until } from '../support/until.ts'

describe('the work queue with groups', () => {
  it('gives each group workers of its own: one whose work does not end delays no other', async () => {
    const queue = new WorkQueue({ clock: systemClock, groupOf: (key) => key.split('/')[0] ?? '' })
    const stop = new AbortController()
    const { promise: stuck, resolve: release } = Promise.withResolvers<void>()
    const done: string[] = []
    for (let at = 0; at < 100; at += 1) queue.add(`slow/${at}`)
    for (let at = 0; at < 20; at += 1) queue.add(`quick/${at}`)
    const work = async (key: string): Promise<void> => {
      if (key.startsWith('slow/')) await stuck
      done.push(key)
    }
    const ran = queue.run(work, { workers: 4 }, stop.signal)

    await until('the quick ones are served', () => done.length === 20, { everyMs: 1 })
    expect(done).toEqual(Array.from({ length: 20 }, (_, at) => `quick/${at}`))
    expect(queue.running).toBe(4)

    release()
    await until('all are served', () => done.length === 120, { everyMs: 1 })
    stop.abort()
    await ran
  })

  it('serves groups in turn, however many keys each has', async () => {
    const queue = new WorkQueue({ clock: systemClock, groupOf: (key) => key.split('/')[0] ?? '' })
    const order: string[] = []
    const stop = new AbortController()
    for (let at = 0; at < 1_000; at += 1) queue.add(`large/${at}`)
    for (let at = 0; at < 3; at += 1) queue.add(`small/${at}`)
    const ran = queue.run(async (key) => void order.push(key), { workers: 1 }, stop.signal)
    await until('all are served', () => order.length === 1_003, { everyMs: 1 })
    expect(order.findLastIndex((key) => key.startsWith('small/'))).toBeLessThan(8)
    stop.abort()
    await ran
  })
})
