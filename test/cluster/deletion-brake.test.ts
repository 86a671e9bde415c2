import { describe, expect, it } from '@jest/globals'
import type { CountedDeletion } from '../../src/api/proxmoxcluster-status.ts'
import { DeletionBrake, type DeletionLeave, type DeletionLimit, usualMax } from '../../src/cluster/deletion-brake.ts'
import type { Clock } from '../../src/ops/clock.ts'

const start = Date.parse('2026-11-26T12:00:00Z')
const minute = 60_000

function stand(limit: Partial<DeletionLimit> = {}, stored: readonly CountedDeletion[] = []) {
  const record = { counted: stored, writes: 0, fault: undefined as Error | undefined }
  const now = { ms: start }
  const timers: { atMs: number; run: () => void }[] = []
  const clock: Clock = {
    now: () => now.ms,
    monotonicMs: () => now.ms,
    sleep: async () => undefined,
    after: (ms, run) => {
      const timer = { atMs: now.ms + ms, run }
      timers.push(timer)
      return () => void (timers.includes(timer) && timers.splice(timers.indexOf(timer), 1))
    },
  }
  const allowed = { max: 2, windowMs: 10 * minute, ...limit }
  const woken: string[] = []
  const brake = new DeletionBrake({
    record: {
      read: async () => record.counted,
      write: async (counted) => {
        record.writes += 1
        if (record.fault) throw record.fault
        record.counted = counted
      },
    },
    limit: () => allowed,
    clock,
  })
  brake.subscribe((key) => woken.push(key))
  const ask = (name: string, errand = 'deletion'): Promise<DeletionLeave> => brake.ask({ key: `ns/${name}`, uid: name, errand })
  const pass = (ms: number) => {
    now.ms += ms
    for (const timer of timers.splice(0))
      if (timer.atMs <= now.ms) timer.run()
      else timers.push(timer)
  }
  return { brake, ask, record, allowed, woken, pass, names: () => record.counted.map(({ vm }) => vm) }
}

describe('the brake on deletions', () => {
  it('grants as many as the window takes and holds the next ones in the order in which they came', async () => {
    const { ask, names } = stand()
    expect([await ask('a'), await ask('b')]).toEqual([{ is: 'granted' }, { is: 'granted' }])
    const held = { is: 'braked', used: 2, max: 2, roomAtMs: start + 10 * minute }
    expect([await ask('c'), await ask('d')]).toMatchObject([
      { ...held, position: 1 },
      { ...held, position: 2 },
    ])
    expect(names()).toEqual(['ns/a', 'ns/b'])
  })

  it('counts one errand once, however often it is asked about, and the next of the same VM again', async () => {
    const { ask, names } = stand()
    for (let again = 0; again < 3; again += 1) expect(await ask('a', 'reinstall 1')).toEqual({ is: 'granted' })
    expect(await ask('a', 'reinstall 2')).toEqual({ is: 'granted' })
    expect(await ask('a')).toMatchObject({ is: 'braked', position: 1 })
    expect(names()).toEqual(['ns/a', 'ns/a'])
  })

  it('writes before it grants, grants nothing that it cannot write, and counts that for nobody', async () => {
    const { ask, record } = stand()
    record.fault = new Error('etcd is away')
    await expect(Promise.all([ask('a'), ask('b')])).rejects.toThrow('etcd is away')
    record.fault = undefined
    expect([await ask('c'), await ask('d')]).toEqual([{ is: 'granted' }, { is: 'granted' }])
  })

  it('puts what is granted at the same moment into few writes, and never grants more than there is room', async () => {
    const { ask, record, names } = stand({ max: 20 })
    const leaves = await Promise.all(Array.from({ length: 40 }, (_, at) => ask(`vm${at}`)))
    expect(leaves.filter(({ is }) => is === 'granted')).toHaveLength(20)
    expect(names()).toHaveLength(20)
    expect(record.writes).toBeLessThan(20)
  })

  it('wakes as many as have room when the window has moved on, first come first served', async () => {
    const { ask, woken, pass } = stand()
    await ask('a')
    pass(minute)
    for (const name of ['b', 'c', 'd']) await ask(name)
    pass(9 * minute + 1)
    expect(woken).toEqual(['ns/c'])
    expect(await ask('d')).toMatchObject({ is: 'braked', position: 2 })
    expect(await ask('c')).toEqual({ is: 'granted' })
    pass(minute)
    expect(woken.at(-1)).toBe('ns/d')
  })

  it('lets everybody go on while a person has lifted the limit, counts them all the same, and holds again afterwards', async () => {
    const { ask, allowed, woken, brake, pass, names } = stand()
    for (const name of ['a', 'b', 'c', 'd']) await ask(name)
    Object.assign(allowed, { liftedUntilMs: start + 5 * minute })
    brake.wake()
    expect(woken).toEqual(['ns/c', 'ns/d'])
    expect([await ask('d'), await ask('c')]).toEqual([{ is: 'granted' }, { is: 'granted' }])
    pass(6 * minute)
    expect(await ask('e')).toMatchObject({ is: 'braked', used: 4 })
    expect(names()).toEqual(['ns/a', 'ns/b', 'ns/d', 'ns/c'])
  })

  it('goes on after a restart with what was counted before, and grants what was granted before', async () => {
    const counted = ['a', 'b'].map((uid) => ({ vm: `ns/${uid}`, uid, errand: 'deletion', at: '2026-11-26T11:55:00Z' }))
    const { ask } = stand({}, counted)
    expect(await ask('c')).toMatchObject({ is: 'braked', used: 2, roomAtMs: start + 5 * minute })
    expect(await ask('a')).toEqual({ is: 'granted' })
  })

  it('does not hold a place for who is gone or has given up', async () => {
    const { ask, brake, pass } = stand({ max: 0 })
    for (const name of ['a', 'b', 'c']) await ask(name)
    brake.release('a')
    expect(brake.summary).toEqual({ waiting: 2 })
    pass(10 * minute)
    await ask('c')
    pass(6 * minute)
    expect(await ask('c')).toMatchObject({ position: 1 })
  })

  it('takes 20 or 2 % of the VMs without a limit of its own, and with 0 it never goes on by itself', async () => {
    expect([usualMax(0), usualMax(1000), usualMax(1050), usualMax(10_000), usualMax(1_000_000)]).toEqual([20, 20, 21, 200, 1000])
    const { ask } = stand({ max: 0 })
    const leave = await ask('a')
    expect(leave).toMatchObject({ is: 'braked', position: 1 })
    expect(leave).not.toHaveProperty('roomAtMs')
  })
})
