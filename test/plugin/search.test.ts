/** What VMs, addresses and guests are found by. */
import { describe, expect, it } from '@jest/globals'
import type { PoolAddress } from '../../src/api/pooladdress.ts'
import type { ProxmoxCluster } from '../../src/api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { listRowOf, listTable } from '../../src/plugin/ls.ts'
import { foundAmong } from '../../src/plugin/matches.ts'

const vm = {
  metadata: {
    namespace: 'customer-7',
    name: 'web',
    uid: 'u-1',
    labels: { 'pve.hosting/client-id': '7', 'pve.hosting/service-id': '5546' },
  },
  spec: { clusterRef: { name: 'fra1' } },
  status: {
    vmid: 10_000,
    node: 'pve1',
    phase: 'Running',
    hostname: 'shop.example.com',
    vmName: 'shop',
    interfaces: [{ name: 'net0', macAddress: 'BC:24:11:00:00:07' }],
    addresses: [{ name: 'main6', address: '2001:db8::7' }],
  },
} as unknown as ProxmoxVM

const record = (spec: object, metadata: object = {}): PoolAddress =>
  ({ metadata: { name: 'x', ...metadata }, spec: { scope: 'default', poolRef: { name: 'public' }, ...spec } }) as unknown as PoolAddress

const addresses = [
  record({ address: '203.0.113.9', inUse: { cluster: 'fra1', vmid: 555, name: 'old-box', node: 'pve2', since: '2026-01-01T00:00:00Z' } }),
  record({
    address: '203.0.113.10',
    history: [
      {
        namespace: 'customer-9',
        name: 'gone',
        uid: 'u-9',
        vmid: 10_009,
        labels: { 'pve.hosting/service-id': '77' },
        from: '2026-01-01T00:00:00Z',
        to: '2026-02-01T00:00:00Z',
      },
    ],
  }),
  record({ address: '203.0.113.11', state: 'Orphaned', claimRef: { namespace: 'customer-8', name: 'orphan', uid: 'u-8', entry: 'main' } }),
]
const cluster = {
  metadata: { name: 'fra1' },
  status: { unclaimed: [{ vmid: 10_500, node: 'pve3', name: 'left', formerObject: 'customer-5/left', addresses: ['203.0.113.50'] }] },
} as unknown as ProxmoxCluster

const searched = { vms: [vm], addresses, clusters: [cluster] }
const find = (text: string): string[] => foundAmong(searched, text).map(({ what, where, by }) => `${what} ${where}: ${by.join(', ')}`)

const changing = {
  ...vm,
  spec: { clusterRef: { name: 'fra1' }, template: { name: 'debian-13' } },
  status: {
    ...vm.status,
    addresses: [
      { name: 'main', address: '203.0.113.20' },
      { name: 'main', address: '203.0.113.19', state: 'Releasing' },
    ],
  },
} as unknown as ProxmoxVM

describe('an address that its VM is to give up', () => {
  it('is marked in the list of VMs, and does not stand among the addresses of its data', () => {
    const row = listRowOf(changing, 0)
    expect(row).toMatchObject({ ips: ['203.0.113.20'], releasing: ['203.0.113.19'] })
    expect(listTable([row], false)).toContain('203.0.113.20,203.0.113.19 (Releasing)')
  })

  it('finds its VM, and is told apart', () => {
    expect(foundAmong({ ...searched, vms: [changing] }, '203.0.113.19')).toMatchObject([
      { what: 'ProxmoxVM', ips: ['203.0.113.20'], releasing: ['203.0.113.19'], by: ['address being released 203.0.113.19'] },
    ])
  })
})

describe('find', () => {
  it.each([
    ['the name of an object', 'web', 'ProxmoxVM customer-7/web: name web'],
    ['a host name', 'SHOP.example.com', 'ProxmoxVM customer-7/web: host name shop.example.com'],
    ['a VMID', '10000', 'ProxmoxVM customer-7/web: vmid 10000'],
    ['a MAC, however it is written', 'bc24.1100.0007', 'ProxmoxVM customer-7/web: mac BC:24:11:00:00:07'],
    ['an address, however it is written', '[2001:0db8:0::0:7]/128', 'ProxmoxVM customer-7/web: address 2001:db8::7'],
    ['a service of the billing system', '5546', 'ProxmoxVM customer-7/web: service-id 5546'],
    ['part of a name, when nothing is named so', 'example', 'ProxmoxVM customer-7/web: host name shop.example.com'],
    ['the VMID of a guest without an object', '10500', 'guest without object fra1: vmid 10500'],
    ['the address of a guest without our mark', '203.0.113.9', 'guest without object fra1: address 203.0.113.9'],
    ['who had an address', '203.0.113.10', 'former holder customer-9/gone: address 203.0.113.10'],
    ['the service of who had an address', '77', 'former holder customer-9/gone: service-id 77'],
    ['who still holds an address without an object', '203.0.113.11', 'holder customer-8/orphan: address 203.0.113.11'],
  ])('finds %s', (_, text, found) => {
    expect(find(text)).toEqual([found])
  })

  it('finds nothing by two letters in the middle of a name', () => {
    expect(find('ho')).toEqual([])
  })
})
