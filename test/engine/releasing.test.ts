import { describe, expect, it } from '@jest/globals'
import type { PoolAddress } from '../../src/api/pooladdress.ts'
import type { ProxmoxVMStatus } from '../../src/api/proxmoxvm.ts'
import type { PveCluster } from '../../src/cluster/cluster.ts'
import type { Dependencies } from '../../src/engine/dependencies.ts'
import { addressVerdict } from '../../src/engine/apply/at-next-start.ts'
import { partFromAddresses } from '../../src/engine/releasing.ts'
import { seeing, settledValues, wanting, wantingFirewall } from '../steps/seen-and-want.ts'
import { draftOf, quietDependencies } from './dependencies.ts'
import { aVm } from './vms.ts'

const old = '203.0.113.10'
const cluster = { facts: () => ({ firewallEnabled: true }) } as unknown as PveCluster

/** A VM that holds `old` and no longer declares it. */
function holding(o: { guestSeen?: ProxmoxVMStatus['guestSeen']; mayAct?: () => void } = {}) {
  const asked: unknown[] = []
  const book = {
    surplus: () => [{ spec: { address: old } }] as unknown as PoolAddress[],
    release: (_: unknown, { addresses }: { addresses: string[] }) => Promise.resolve(asked.push(['release', ...addresses])),
    markReleasing: (_: unknown, addresses: string[]) => Promise.resolve(addresses.length > 0 && asked.push(['keep', ...addresses])),
  }
  const deps = { ...quietDependencies({ now: '2026-01-01T00:00:00Z' }), mayAct: o.mayAct ?? (() => undefined), book }
  const addresses = [{ name: 'main', family: 'IPv4' as const, address: old, prefixLength: 24, pool: 'v4', state: 'Releasing' }]
  const status = { vmid: 10_000, addresses, ...(o.guestSeen && { guestSeen: o.guestSeen }) }
  return { asked, draft: draftOf(aVm({ status })), deps: deps as typeof deps & Dependencies }
}

const climbed = (antiSpoofing: boolean) => ({
  seen: seeing({ ...settledValues, ipconfig0: 'ip=203.0.113.15/24' }, {}),
  want: wanting({
    net: { ...wanting().net, firewall: true },
    firewall: wantingFirewall(antiSpoofing ? { options: { enable: '1' }, ipfilter: ['203.0.113.15'] } : {}),
  }),
})

const seen = (addresses: string[]) => ({
  since: '2026-01-01T00:00:00Z',
  node: 'pve1',
  values: [{ key: 'ipconfig0', fingerprint: 'x' }],
  addresses,
})

describe('an address that is no longer declared', () => {
  it('goes back to its pool when the guest never had it', async () => {
    const { asked, deps, draft } = holding()

    await partFromAddresses({ deps, draft }, cluster, climbed(true))

    expect(asked).toEqual([['release', old]])
    expect(draft.status).not.toHaveProperty('addresses')
    expect(deps.told).toEqual([`Normal AddressReleased: ${old}`])
  })

  it('stays held, and last in the status, while the guest may have it', async () => {
    const { asked, deps, draft } = holding({ guestSeen: seen([old]) })

    const state = await partFromAddresses({ deps, draft }, cluster, climbed(true))

    expect(asked).toEqual([['keep', old]])
    expect(state).toMatchObject({ releasing: [old], behind: expect.arrayContaining(['addresses']) as unknown })
    expect(draft.status.addresses?.at(-1)).toMatchObject({ address: old, state: 'Releasing' })
  })

  it('is told to be unguarded where no set keeps the guest from using it', async () => {
    const { deps, draft } = holding()

    await partFromAddresses({ deps, draft }, cluster, climbed(false))

    expect(deps.told.join()).toContain('Anti-spoofing is off for this VM')
    expect(draft.status.history?.at(-1)?.message).toContain('Anti-spoofing is off for this VM')
  })

  it.each([
    ['in ipconfigN of another card', { ...climbed(true), seen: seeing({ ...settledValues, ipconfig1: `ip=${old}/24` }) }],
    [
      'in the set of a VM that was taken over',
      {
        seen: seeing(settledValues, { firewall: { options: {}, rules: [], ipfilter: [old] } }),
        want: wanting({ firewall: wantingFirewall({ leavesIpfilter: true }) }),
      },
    ],
    [
      'in the set of another card',
      {
        ...climbed(true),
        seen: seeing(settledValues, {
          foreignFirewall: { rules: [], aliases: [], sets: [{ name: 'ipfilter-net1', entries: [{ cidr: `${old}/32` }] }] },
        }),
      },
    ],
  ])('stays held while PVE shows it %s', async (_, shown) => {
    const { asked, deps, draft } = holding()

    const state = await partFromAddresses({ deps, draft }, cluster, shown)

    expect(asked).toEqual([['keep', old]])
    expect(state).toMatchObject({ releasing: [], standing: [old] })
    expect(draft.status.addresses?.at(-1)).toMatchObject({ address: old, state: 'Releasing' })
    expect(addressVerdict(state).message).toContain(`${old} is not in spec.addresses, and PVE still shows it at this VM`)
  })

  it('is given back only while this process leads', async () => {
    const { asked, deps, draft } = holding({
      mayAct: () => {
        throw new Error('the lead is lost')
      },
    })

    await expect(partFromAddresses({ deps, draft }, cluster, climbed(true))).rejects.toThrow('the lead is lost')
    expect(asked).toEqual([])
  })
})
