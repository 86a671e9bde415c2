import { describe, expect, it } from '@jest/globals'
import type { PoolAddress } from '../../../src/api/pooladdress.ts'
import type { Dependencies } from '../../../src/engine/dependencies.ts'
import { releaseSurplus } from '../../../src/engine/create/addresses.ts'
import { draftOf, quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

/** A VM that holds 203.0.113.10 and no longer declares it. */
function holding(mayAct: () => void) {
  const asked: string[] = []
  const surplus = [{ spec: { address: '203.0.113.10' } }] as unknown as PoolAddress[]
  const book = {
    surplus: () => surplus,
    release: () => {
      asked.push('release')
      return Promise.resolve()
    },
  }
  const deps = { ...quietDependencies({ now: '2026-01-01T00:00:00Z' }), book, mayAct } as unknown as Dependencies
  return { asked, deps, draft: draftOf(aVm({ status: { vmid: 10_000 } })) }
}

describe('an address that is no longer declared', () => {
  it('is given back only while this process leads', async () => {
    const lead = holding(() => undefined)
    const former = holding(() => {
      throw new Error('the lead is lost')
    })

    await releaseSurplus(lead.deps, lead.draft)
    await expect(releaseSurplus(former.deps, former.draft)).rejects.toThrow('the lead is lost')

    expect([lead.asked, former.asked]).toEqual([['release'], []])
  })
})
