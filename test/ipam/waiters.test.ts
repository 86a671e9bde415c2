import { describe, expect, it } from '@jest/globals'
import { comeWithinMs, servable, Waiters, type AddressWish } from '../../src/ipam/waiters.ts'

const who = (name: string) => ({ namespace: 'shop', name, uid: `uid-${name}`, labels: {} })
const lineOf = (...wishes: [name: string, wish: AddressWish][]): Waiters => {
  const waiters = new Waiters()
  for (const [name, wish] of wishes) waiters.join('pool', who(name), 'main', wish)
  return waiters
}
const names = (line: readonly { who: { name: string } }[]): string[] => line.map((waiter) => waiter.who.name)

describe('a line of waiters', () => {
  it('keeps the place of one that asks again, also for something else', () => {
    const waiters = lineOf(['a', 'any'], ['b', 'any'], ['c', 'any'])
    waiters.join('pool', who('a'), 'main', 7n)
    expect(names(waiters.line('pool'))).toEqual(['a', 'b', 'c'])
    expect(names(waiters.ahead('pool', 'uid-c', 'main'))).toEqual(['a', 'b'])
    expect(names(waiters.ahead('pool', 'uid-new', 'main'))).toEqual(['a', 'b', 'c'])
  })

  it('forgets entries a VM no longer has', () => {
    const waiters = lineOf(['a', 'any'])
    waiters.join('other', who('a'), 'second', 'any')
    waiters.keepOnly('uid-a', [{ name: 'second', pool: 'other' }])
    expect(waiters.line('pool')).toEqual([])
    expect(names(waiters.line('other'))).toEqual(['a'])
  })

  it('passes over one that was called and did not come', () => {
    const waiters = lineOf(['a', 'any'], ['b', 'any'])
    for (const waiter of waiters.line('pool').slice(0, 1)) waiter.wokenMs = 1000
    waiters.passOver('pool', 1000 + comeWithinMs - 1)
    expect(names(waiters.line('pool'))).toEqual(['a', 'b'])
    waiters.passOver('pool', 1000 + comeWithinMs)
    expect(names(waiters.line('pool'))).toEqual(['b'])
  })
})

describe('who can be served', () => {
  const look =
    (free: bigint[], open = true) =>
    (value: bigint) => ({ free: free.includes(value), open })

  it.each<[what: string, wishes: [string, AddressWish][], free: bigint, look: ReturnType<typeof look>, served: string[]]>([
    [
      'the first ones, as many as there are addresses',
      [
        ['a', 'any'],
        ['b', 'any'],
        ['c', 'any'],
      ],
      2n,
      look([]),
      ['a', 'b'],
    ],
    [
      'one whose address is free, in its turn',
      [
        ['a', 'any'],
        ['b', 7n],
        ['c', 'any'],
      ],
      2n,
      look([7n]),
      ['a', 'b'],
    ],
    [
      'none that comes later than the one who takes the last',
      [
        ['a', 'any'],
        ['b', 7n],
      ],
      1n,
      look([7n]),
      ['a'],
    ],
    [
      'nobody behind one whose address is held: it takes none',
      [
        ['a', 7n],
        ['b', 'any'],
      ],
      1n,
      look([]),
      ['b'],
    ],
    [
      'one whose address is kept for it, though nothing else is free',
      [
        ['a', 'any'],
        ['b', 7n],
      ],
      0n,
      look([7n], false),
      ['b'],
    ],
    [
      'none that waits for the pool to change',
      [
        ['a', 'pool'],
        ['b', 'any'],
      ],
      1n,
      look([]),
      ['b'],
    ],
  ])('is %s', (_, wishes, free, looking, served) => {
    expect(names(servable(lineOf(...wishes).line('pool'), free, looking))).toEqual(served)
  })
})
