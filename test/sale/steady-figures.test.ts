import { describe, expect, it } from '@jest/globals'
import { SteadyFigures } from '../../src/sale/steady-figures.ts'
import { TestClock } from '../support/test-clock.ts'
import { gib, guest, inMiB, listingWith, storage } from './seen.ts'

const seen = (usedGiB: number, ...more: object[]) => listingWith(more, [storage('lvm', 'pve1', { disk: usedGiB * gib })])
const [row] = seen(0).storages
const usedBy = (figures: SteadyFigures): number => figures.usedBytes(row!) / gib

describe('the figures of storages', () => {
  it('follow exactly for a minute after a guest or a disk came or went', () => {
    const clock = new TestClock()
    const figures = new SteadyFigures(clock)
    figures.look(seen(10), 0)
    figures.look(seen(10.1), 0)
    expect(usedBy(figures)).toBe(10.1)
    clock.skip(61_000)
    figures.look(seen(10.2, guest(100, 'pve1')), 0)
    expect(usedBy(figures)).toBe(10.2)
    clock.skip(61_000)
    figures.look(seen(10.3, guest(100, 'pve1')), 1024)
    expect(usedBy(figures)).toBe(10.3)
  })

  it('stay as they are while guests only write, until a hundredth of the storage differs', () => {
    const clock = new TestClock()
    const figures = new SteadyFigures(clock)
    figures.look(seen(10), 0)
    clock.skip(61_000)
    figures.look(seen(10.9), 0)
    expect(usedBy(figures)).toBe(10)
    figures.look(seen(9.1), 0)
    expect(usedBy(figures)).toBe(10)
    figures.look(seen(11.5), 0)
    expect(usedBy(figures)).toBe(11.5)
  })

  it('count with the disks of strangers as a birth last read them, and before that with what is used', () => {
    const figures = new SteadyFigures(new TestClock())
    figures.look(seen(10), 0)
    expect(figures.diskMiB(row!, inMiB(4), undefined)).toBe(inMiB(10))
    expect(figures.diskMiB(row!, inMiB(40), undefined)).toBe(inMiB(40))
    const read = { sizeMiB: inMiB(50) }
    expect(figures.diskMiB(row!, inMiB(40), read)).toBe(inMiB(50))
    expect(figures.diskMiB(row!, inMiB(20), read)).toBe(inMiB(30))
    expect(figures.diskMiB(row!, inMiB(20), { sizeMiB: inMiB(45) })).toBe(inMiB(45))
  })
})
