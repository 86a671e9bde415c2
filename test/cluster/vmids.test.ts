import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { systemClock } from '../../src/ops/clock.ts'
import { VmidAllocator, type VmidGrant } from '../../src/cluster/vmid-allocator.ts'
import { chooseVmid, nextVmid, within } from '../../src/cluster/vmids.ts'

const free = () => false

describe('the next VMID', () => {
  it.each<[number | undefined, number[], number | undefined]>([
    [undefined, [], 100],
    [100, [], 101],
    [100, [101, 102], 103],
    [104, [], 100],
    [103, [104, 100], 101],
    [999, [], 100],
    [undefined, [100, 101, 102, 103, 104], undefined],
  ])('after %s with %j taken is %s', (last, taken, next) => {
    expect(nextVmid({ from: 100, to: 104 }, last, (vmid) => taken.includes(vmid))).toBe(next)
  })

  it('comes back only after every free number between had its turn', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 40 }), fc.array(fc.integer({ min: 100, max: 139 })), (size, taken) => {
        const range = { from: 100, to: 100 + size - 1 }
        const isTaken = (vmid: number) => taken.includes(vmid)
        const available = Array.from({ length: size }, (_, at) => 100 + at).filter((vmid) => !isTaken(vmid))
        const given: number[] = []
        for (let last: number | undefined; given.length < available.length; given.push(last)) last = nextVmid(range, last, isTaken)!
        expect(given).toEqual(available)
      }),
    )
  })

  it('asks for a block before it leaves the reserved one', () => {
    const range = { from: 100, to: 9999 }
    expect(chooseVmid(range, { last: undefined, reservedUpTo: undefined }, free)).toEqual({ is: 'reserve', vmid: 100, reserveUpTo: 199 })
    expect(chooseVmid(range, { last: 100, reservedUpTo: 199 }, free)).toEqual({ is: 'free', vmid: 101 })
    expect(chooseVmid(range, { last: 199, reservedUpTo: 199 }, free)).toEqual({ is: 'reserve', vmid: 200, reserveUpTo: 299 })
    expect(chooseVmid(range, { last: 9999, reservedUpTo: 9999 }, free)).toEqual({ is: 'reserve', vmid: 100, reserveUpTo: 199 })
    expect(chooseVmid(range, { last: 9950, reservedUpTo: 9950 }, free)).toEqual({ is: 'reserve', vmid: 9951, reserveUpTo: 9999 })
  })

  it('stays inside the range of the package and of the cluster', () => {
    expect(within({ from: 100, to: 200 }, { from: 150, to: 300 })).toEqual({ from: 150, to: 200 })
    expect(within({ from: 100, to: 200 }, { from: 300, to: 400 })).toBeUndefined()
  })
})

describe('giving out VMIDs', () => {
  const range = { from: 1000, to: 1999 }
  const recordOf = () => {
    const record = { value: undefined as number | undefined, writes: 0, lose: false }
    return Object.assign(record, {
      read: async () => record.value,
      write: async (next: number, expected: number | undefined) => {
        if (record.lose || expected !== record.value) throw new Error('somebody was faster')
        record.value = next
        record.writes += 1
      },
    })
  }
  const numberOf = (grant: VmidGrant) => (grant.is === 'granted' ? grant.vmid : grant.message)

  it('writes once for a hundred numbers and gives none twice', async () => {
    const record = recordOf()
    const allocator = new VmidAllocator(record, systemClock)
    const given = await Promise.all(Array.from({ length: 150 }, () => allocator.allocate(range, undefined, free)))
    expect(new Set(given.map(numberOf)).size).toBe(150)
    expect(record).toMatchObject({ value: 1199, writes: 2 })
  })

  it('goes on behind the reserved block after a restart, so that a number of before is not used again', async () => {
    const record = recordOf()
    await new VmidAllocator(record, systemClock).allocate(range, undefined, free)
    expect(numberOf(await new VmidAllocator(record, systemClock).allocate(range, undefined, free))).toBe(1100)
  })

  it('gives nothing out whose reservation could not be written, and reads the record again', async () => {
    const record = recordOf()
    const allocator = new VmidAllocator(record, systemClock)
    record.lose = true
    await expect(allocator.allocate(range, undefined, free)).rejects.toThrow('somebody was faster')
    Object.assign(record, { lose: false, value: 1099 })
    expect(numberOf(await allocator.allocate(range, undefined, free))).toBe(1100)
  })

  it('serves a package from its own part of the range, behind its highest number', async () => {
    const allocator = new VmidAllocator(recordOf(), systemClock)
    const part = { from: 1500, to: 1504 }
    const grants = [
      await allocator.allocate(range, part, (vmid) => vmid === 1501),
      await allocator.allocate(range, part, (vmid) => vmid === 1501),
    ]
    expect(grants.map(numberOf)).toEqual([1502, 1503])
  })

  it('gives no number to two that ask at the same time, even where the range is as small as one', async () => {
    const allocator = new VmidAllocator(recordOf(), systemClock)
    const one = { from: 1000, to: 1000 }
    const grants = await Promise.all([allocator.allocate(one, undefined, free), allocator.allocate(one, undefined, free)])
    expect(grants.map(numberOf)).toEqual([1000, 'every VMID from 1000 to 1000 is in use; widen the range'])
  })
})
