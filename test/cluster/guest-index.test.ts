import { describe, expect, it } from '@jest/globals'
import { GuestIndex } from '../../src/cluster/guest-index.ts'
import type { Listing } from '../../src/proxmox/listing.ts'
import { TestClock } from '../support/test-clock.ts'

type Options = ConstructorParameters<typeof GuestIndex>[0]

/** A listing of these guests, none of them ours; those in `unreadable` answer with an error, as on a node that is off. */
function stage(vmids: readonly number[], unreadable: ReadonlySet<number> = new Set()) {
  const clock = new TestClock()
  const read: number[] = []
  const row = (vmid: number) => ({ vmid, node: 'pve1', kind: 'qemu', tags: [], status: 'running' })
  const listing = { startedAtMs: 1, guests: new Map(vmids.map((vmid) => [vmid, row(vmid)])) } as unknown as Listing
  const config = ({ vmid }: { vmid: number }) => {
    read.push(vmid)
    return unreadable.has(vmid) ? Promise.reject(new Error('595 no route to host')) : Promise.resolve({ digest: '', values: {} })
  }
  const index = new GuestIndex({
    pve: { config, firewall: () => ({ ipsets: () => Promise.resolve([]) }) } as unknown as Options['pve'],
    inventory: { current: () => listing } as unknown as Options['inventory'],
    clock,
    owners: { holderOf: () => undefined, lostMs: () => 0, isOfConcern: () => true, remembered: () => [] } as unknown as Options['owners'],
    range: () => ({ from: 10_000, to: 19_999 }),
    onProblem: () => undefined,
  })
  /** The rank and the VMID of what is read next. */
  const turn = async (): Promise<string | undefined> => {
    const next = index.background.next()
    if (!next) return undefined
    next.begin()
    await new Promise(setImmediate)
    return `${next.rank} ${read.at(-1)}`
  }
  const turns = async (count: number) => {
    const done: (string | undefined)[] = []
    for (let at = 0; at < count; at++) done.push(await turn())
    return done
  }
  return { clock, turn, turns }
}

describe('guests without an owner, in the background', () => {
  it('come before those of others where they have a VMID of ours, and each is read once', async () => {
    expect(await stage([200, 10_001]).turns(3)).toEqual(['young 10001', 'young 200', undefined])
  })

  it('that cannot be read take only their share from then on, and hold up none of the others', async () => {
    const { clock, turns } = stage([101, 102, 103], new Set([101, 102]))
    expect(await turns(4)).toEqual(['young 101', 'young 102', 'young 103', undefined])
    clock.skip(61_000)
    expect(await turns(3)).toEqual(['round 101', 'round 102', 'round 103'])
  })

  it('take turns where all are due, the longest untried first', async () => {
    const { clock, turns } = stage([101, 102, 103, 104], new Set([101, 102]))
    await turns(4)
    clock.skip(61_000)
    expect(await turns(2)).toEqual(['round 101', 'round 102'])
    clock.skip(61_000)
    expect(await turns(2)).toEqual(['round 103', 'round 104'])
  })
})
