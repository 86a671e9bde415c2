import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { poolAddresses } from '../../src/api/meta.ts'
import type { Claimant } from '../../src/ipam/claim.ts'
import { freshName } from '../support/kube.ts'
import { until } from '../support/until.ts'
import { aVm, makePool, openBook, type Stand } from './address-book-fixture.ts'

const poolSize = 12
const vmCount = 8
let stands: Stand[] = []
let scope: string
let runs = 0

beforeEach(async () => {
  scope = freshName('scope')
  stands = await Promise.all([openBook(scope), openBook(scope)])
})
afterEach(async () => {
  for (const one of stands) await one.stop()
})

/** What one VM does: asks for so many addresses of the pool, or gives everything back, through one of two operators. */
const act = fc.record({
  vm: fc.nat(vmCount - 1),
  operator: fc.nat(1),
  wants: fc.nat(3),
  named: fc.option(fc.integer({ min: 1, max: poolSize }), { nil: undefined }),
})

describe('whatever VMs ask and give back, through two operators at once', () => {
  it('no address is held twice, granted without being held, or lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(act, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 8 }), async (rounds) => {
        const [one, other] = stands as [Stand, Stand]
        // What an earlier run left held must not be in this one's pool: all runs share the scope.
        const third = ++runs
        const name = await makePool(scope, { ranges: [`10.${third}.7.1-10.${third}.7.${poolSize}`] }, one, other)
        const vms = Array.from({ length: vmCount }, () => aVm())
        // One VM is worked on by one operator at a time: the queue of a leader promises that much.
        for (const round of rounds) {
          const acts = new Map(round.map((each) => [each.vm, each]))
          await Promise.all(
            [...acts.values()].map(async ({ vm, operator, wants, named }) => {
              const { book } = stands[operator] as Stand
              const who = vms[vm] as Claimant
              await until('the operator knows what the VM holds', () => sameHoldings(one, other, who))
              if (wants === 0) return book.release(who, { outcome: 'free' })
              const entries = Array.from({ length: wants }, (_, at) => ({
                name: `e${at}`,
                pool: name,
                address: at === 0 && named !== undefined ? `10.${third}.7.${named}` : undefined,
              }))
              const answers = await book.claim(who, entries, 'fra1')
              const granted = answers.flatMap((answer) => (answer.is === 'granted' ? [answer.address] : []))
              expect(new Set(granted).size).toBe(granted.length)
              const onServer = book.held(who.uid).map(({ spec }) => spec.address)
              expect(granted.filter((address) => !onServer.includes(address))).toEqual([])
              const surplus = book.surplus(who, entries).map(({ spec }) => spec.address)
              if (surplus.length > 0) await book.release(who, { addresses: surplus, outcome: 'free' })
              return undefined
            }),
          )
        }
        const all = (await one.client.list(poolAddresses)).filter(({ spec }) => spec.poolRef.name === name)
        const held = all.filter(({ spec }) => spec.claimRef)
        const counts = () => stands.map(({ book }) => Number(book.pools.view(name)?.index.available(Date.now())))
        await until('both operators count alike', () => counts().every((count) => count === poolSize - held.length), {
          describe: () => ({ counts: counts(), held: held.length }),
        })
        for (const who of vms) await one.book.release(who, { outcome: 'free' })
        expect(one.book.pools.view(name)?.index.available(Date.now())).toBe(BigInt(poolSize))
        expect((await one.client.list(poolAddresses)).filter(({ spec }) => spec.poolRef.name === name && spec.claimRef)).toEqual([])
        const answers = await one.book.claim(
          aVm(),
          Array.from({ length: poolSize + 1 }, (_, at) => ({ name: `e${at}`, pool: name })),
          'fra1',
        )
        expect(answers.filter(({ is }) => is === 'granted')).toHaveLength(poolSize)
      }),
      { numRuns: 8, endOnFailure: true },
    )
  })
})

function sameHoldings(one: Stand, other: Stand, who: Claimant): boolean {
  const versions = ({ book }: Stand): string =>
    JSON.stringify(
      book
        .held(who.uid)
        .map(({ metadata }) => metadata.resourceVersion)
        .toSorted((a = '', b = '') => a.localeCompare(b)),
    )
  return versions(one) === versions(other)
}
