import { describe, expect, it } from '@jest/globals'
import { backgroundPace } from '../../src/cluster/background.ts'
import { BackgroundBudget, type BackgroundRank, type BackgroundSource } from '../../src/ops/background-budget.ts'
import type { Clock } from '../../src/ops/clock.ts'

/** What was read within so many seconds, at one request a second unless told otherwise. */
function stage(perSecond = 1) {
  const time = { ms: 0 }
  const clock: Clock = { now: () => time.ms, monotonicMs: () => time.ms, sleep: async () => undefined, after: () => () => undefined }
  const budget = new BackgroundBudget({ clock, perSecond: () => perSecond })
  const read: string[] = []
  const add = (name: string, o: { weight: number; requests: number; rank?: () => BackgroundRank | undefined }) => {
    const begin = () => void read.push(name)
    const next: BackgroundSource['next'] = () => {
      const rank = o.rank ? o.rank() : 'round'
      return rank && { rank, requests: o.requests, begin }
    }
    return budget.add({ weight: o.weight, next })
  }
  const pass = (seconds: number) => {
    read.length = 0
    for (const endMs = time.ms + seconds * 1000; ; ) {
      const pauseMs = budget.pauseMs()
      if (time.ms + pauseMs > endMs) break
      time.ms += pauseMs
      const next = budget.take()
      next?.begin()
      if (!next) time.ms += 1000
    }
    time.ms = Math.ceil(time.ms / 1000) * 1000
    return (name: string) => read.filter((one) => one === name).length
  }
  return { add, pass, read }
}

describe('the budget of the background reading', () => {
  it('is one request a second, one a thousand guests above that, and three at the most', () => {
    expect([0, 20, 1000, 2500, 10_000].map(backgroundPace)).toEqual([1, 1, 1, 2.5, 3])
  })

  it('is kept by whoever reads, however many requests one thing takes', () => {
    const { add, pass } = stage(2)
    add('audit', { weight: 7, requests: 5 })
    pass(60)
    expect(pass(600)('audit') * 5).toBeGreaterThan(1190)
    expect(pass(600)('audit') * 5).toBeLessThanOrEqual(1205)
  })

  it('goes to what has just changed first; then what has just begun and the round have half each', () => {
    const { add, pass, read } = stage()
    const left = (name: string, count: number) => read.filter((one) => one === name).length < count
    add('round', { weight: 7, requests: 1 })
    add('young', { weight: 1, requests: 3, rank: () => (left('young', 2) ? 'young' : undefined) })
    add('changed', { weight: 1, requests: 1, rank: () => (left('changed', 3) ? 'changed' : undefined) })
    pass(20)
    const halves = ['young', 'round', 'round', 'round', 'young', 'round']
    expect(read.slice(0, 9)).toEqual(['changed', 'changed', 'changed', ...halves])
  })

  it('goes to what has just begun alone while nothing else is due', () => {
    const { add, pass, read } = stage()
    add('young', { weight: 1, requests: 3, rank: () => 'young' })
    add('round', { weight: 7, requests: 1, rank: () => (read.length > 3 ? 'round' : undefined) })
    pass(30)
    expect(read.slice(0, 9)).toEqual(['young', 'young', 'young', 'young', 'round', 'round', 'round', 'young', 'round'])
  })

  it('is shared by weight, and one that was quiet has saved up nothing', () => {
    const { add, pass, read } = stage()
    let isBusy = false
    add('audit', { weight: 7, requests: 1 })
    add('guests', { weight: 1, requests: 3, rank: () => (isBusy ? 'round' : undefined) })
    expect(pass(400)('guests')).toBe(0)
    isBusy = true
    const count = pass(800)
    expect(count('guests') * 3).toBeGreaterThanOrEqual(96)
    expect(count('guests') * 3).toBeLessThanOrEqual(105)
    expect(read.slice(0, 10).filter((name) => name === 'guests').length).toBeLessThanOrEqual(2)
  })

  it('forgets a source that is taken away', () => {
    const { add, pass } = stage()
    const end = add('gone', { weight: 1, requests: 1 })
    end()
    expect(pass(10)('gone')).toBe(0)
  })
})
