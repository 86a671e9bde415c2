import { describe, expect, it } from '@jest/globals'
import { ipPoolSpec, type IPPool } from '../../src/api/ippool.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { planOfPool } from '../../src/plugin/pool-plan.ts'
import { aVm } from '../engine/vms.ts'

const poolOf = (over: object = {}): IPPool => ({
  apiVersion: 'pve.hosting/v1alpha1',
  kind: 'IPPool',
  metadata: { name: 'v4' },
  spec: ipPoolSpec.parse({
    ranges: ['203.0.113.10-203.0.113.99'],
    prefixLength: 24,
    gateway: '203.0.113.1',
    nameservers: ['203.0.113.2'],
    network: { bridge: 'vmbr0', vlan: 120 },
    ...over,
  }),
})

const pack = { cpu: { cores: 1 }, memory: { size: '1Gi' }, systemDisk: { size: '20Gi' } }

function holder(name: string, last: number, o: { power?: string; spec?: Partial<ProxmoxVM['spec']>; second?: number } = {}): ProxmoxVM {
  const address = (entry: string, value: number) => ({
    name: entry,
    family: 'IPv4' as const,
    address: `203.0.113.${value}`,
    prefixLength: 24,
    gateway: '203.0.113.1',
    pool: 'v4',
  })
  const addresses = [address('main', last), ...(o.second === undefined ? [] : [address('second', o.second)])]
  return aVm({
    metadata: { name },
    spec: { package: pack, addresses: addresses.map((held) => ({ name: held.name, poolRef: { name: 'v4' } })), ...o.spec },
    status: {
      observedGeneration: 1,
      remoteStatus: o.power ?? 'running',
      vmid: 10_000 + last,
      node: 'pve1',
      intentAt: '2026-01-01T00:00:00Z',
      firstReadyAt: '2026-01-01T00:00:10Z',
      firstStartedAt: '2026-01-01T00:00:10Z',
      vmName: name,
      interfaces: [{ name: 'net0', macAddress: 'BC:24:11:00:00:01', bridge: 'vmbr0', vlan: 120 }],
      disks: [{ name: 'system', key: 'scsi0', volume: 'local-lvm:vm-10000-disk-0', size: '20Gi' }],
      package: pack,
      addresses,
    },
  })
}

const plan = (edited: IPPool, vms: readonly ProxmoxVM[]) => planOfPool(edited, new Map([['v4', poolOf()]]), vms)

describe('the plan of an edit of a pool', () => {
  it('concerns nobody when nothing is edited', async () => {
    const { vms } = await plan(poolOf(), [holder('a', 10)])

    expect(vms).toEqual([
      { namespace: 'customer-7', name: 'a', power: 'running', addresses: ['203.0.113.10'], live: [], nextStart: [], remarks: [] },
    ])
  })

  it('says of each of 50 VMs that another gateway waits for its next start from off', async () => {
    const { vms } = await plan(
      poolOf({ gateway: '203.0.113.254' }),
      Array.from({ length: 50 }, (_, n) => holder(`vm-${n}`, 10 + n)),
    )

    expect(vms).toHaveLength(50)
    for (const { live, nextStart } of vms) {
      expect(live).toEqual([])
      expect(nextStart.join()).toMatch(/set_cloudinit: ipconfig0 ip=\S+,gw=203\.0\.113\.1 → ip=\S+,gw=203\.0\.113\.254/)
    }
  })

  it('leaves out a VM whose own name servers come instead, and one without an address of the pool', async () => {
    const own = holder('own', 10, { spec: { cloudInit: { nameservers: ['192.0.2.53'] } } })
    const { vms } = await plan(poolOf({ nameservers: ['203.0.113.3'] }), [own, holder('b', 11), aVm()])

    expect(vms.map(({ name, nextStart }) => [name, nextStart.length])).toEqual([
      ['own', 0],
      ['b', 1],
    ])
  })

  it('tells what is live: another VLAN, and everything in a VM that is off', async () => {
    const { vms } = await plan(poolOf({ network: { bridge: 'vmbr0', vlan: 130 }, gateway: '203.0.113.254' }), [
      holder('on', 10),
      holder('off', 11, { power: 'stopped' }),
    ])

    expect(vms[0]?.live.join()).toContain('set_network')
    expect(vms[1]?.live.join()).toContain('set_cloudinit')
    expect(vms[1]?.nextStart).toEqual([])
  })

  it('says which addresses a VM keeps although the pool no longer gives them, and why a pool gives none', async () => {
    const smaller = await plan(poolOf({ exclude: ['203.0.113.10'] }), [holder('a', 10, { second: 12 })])
    const wrong = await plan(poolOf({ gateway: '198.51.100.1' }), [holder('a', 10)])

    expect(smaller.vms[0]?.remarks).toEqual(['keeps 203.0.113.10, which the pool no longer has'])
    expect(wrong.problem).toContain('cannot reach the gateway')
  })
})
