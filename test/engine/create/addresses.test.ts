import { describe, expect, it } from '@jest/globals'
import type { PoolAddress } from '../../../src/api/pooladdress.ts'
import type { ProxmoxVMStatus } from '../../../src/api/proxmoxvm.ts'
import { claimAddresses } from '../../../src/engine/create/addresses.ts'
import type { Dependencies } from '../../../src/engine/dependencies.ts'
import type { ClaimRefusal, Entry, Grant } from '../../../src/ipam/claim.ts'
import { draftOf, quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

type VMAddress = NonNullable<ProxmoxVMStatus['addresses']>[number]

const had = (name: string, last: number, state?: 'Releasing'): VMAddress => ({
  name,
  family: 'IPv4',
  address: `203.0.113.${last}`,
  prefixLength: 24,
  gateway: '203.0.113.1',
  pool: 'v4',
  ...(state && { state }),
})
const grant = (entry: string, last: number): Grant => {
  const { family, address, prefixLength, pool } = had(entry, last)
  return { is: 'granted', entry, family, address, prefixLength, nameservers: [], pool }
}
const refusal = (entry: string): ClaimRefusal => ({ is: 'refused', entry, reason: 'PoolNotFound', message: 'there is no IPPool v4' })
const object = (entry: string, last: number) =>
  ({ spec: { address: `203.0.113.${last}`, poolRef: { name: 'v4' }, claimRef: { entry } } }) as unknown as PoolAddress

async function claiming(o: { before: VMAddress[]; entries: string[]; answers: (Grant | ClaimRefusal)[]; surplus?: PoolAddress[] }) {
  const asked: Entry[][] = []
  const book = {
    claim: (_: unknown, entries: Entry[]) => {
      asked.push(entries)
      return Promise.resolve(o.answers)
    },
    held: () => o.surplus ?? [],
    surplus: () => o.surplus ?? [],
    markReleasing: () => Promise.resolve(),
    pools: { hasGivenBack: (_: string, address: string) => address === '203.0.113.77' },
  }
  const deps = { ...quietDependencies({ now: '2026-01-01T00:00:00Z' }), mayAct: () => undefined, book } as unknown as Dependencies
  const addresses = o.entries.map((name) => ({ name, poolRef: { name: 'v4' } }))
  const draft = draftOf(aVm({ spec: { addresses }, status: { vmid: 10_000, addresses: o.before } }))
  await claimAddresses(deps, draft)
  const shown = (draft.status.addresses ?? []).map(({ name, address, state }) => `${name} ${address}${state ? ` ${state}` : ''}`)
  return { shown, asked: asked.map((entries) => entries.map(({ name, recorded }) => `${name} ${recorded}`)) }
}

describe('the addresses in the status', () => {
  it('stay when a refusal keeps the entry from being granted again', async () => {
    const { shown } = await claiming({ before: [had('main', 10)], entries: ['main'], answers: [refusal('main')] })

    expect(shown).toEqual(['main 203.0.113.10'])
  })

  it('stay for the one entry that is refused beside the one that is granted', async () => {
    const before = [had('main', 10), had('second', 11)]
    const { shown } = await claiming({ before, entries: ['main', 'second'], answers: [refusal('main'), grant('second', 11)] })

    expect(shown).toEqual(['main 203.0.113.10', 'second 203.0.113.11'])
  })

  it('have those that leave behind the others, whatever the order in which they came', async () => {
    const { shown } = await claiming({
      before: [had('main', 10)],
      entries: ['main'],
      answers: [grant('main', 15)],
      surplus: [object('main', 10)],
    })

    expect(shown).toEqual(['main 203.0.113.15', 'main 203.0.113.10 Releasing'])
  })

  it('name what the guest was given, so that a lost PoolAddress is taken again and no other; one that leaves is no answer to that', async () => {
    const { asked } = await claiming({
      before: [had('main', 15), had('main', 10, 'Releasing')],
      entries: ['main'],
      answers: [grant('main', 15)],
      surplus: [object('main', 10)],
    })

    expect(asked).toEqual([['main 203.0.113.15']])
  })

  it('have an address taken again that was leaving when its PoolAddress was lost, and not one that was given back', async () => {
    const { asked } = await claiming({
      before: [had('main', 15), had('main', 10, 'Releasing'), had('main', 77, 'Releasing')],
      entries: ['main'],
      answers: [grant('main', 15)],
    })

    expect(asked).toEqual([['main 203.0.113.15'], ['main.203.0.113.10 203.0.113.10'], ['main 203.0.113.15']])
  })
})
