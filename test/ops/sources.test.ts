import { describe, expect, it } from '@jest/globals'
import type { ProxmoxCluster } from '../../src/api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { countByReason, countNodes, isAuthorized, unasked } from '../../src/metrics-sources.ts'
import { UnenforcedSuspensions } from '../../src/unenforced-suspensions.ts'
import { Store } from '../../src/kube/store.ts'
import { listingOf } from '../../src/proxmox/listing.ts'
import { aVm } from '../engine/vms.ts'
import { TestClock } from '../support/test-clock.ts'

const condition = (type: string, status: 'True' | 'False' | 'Unknown', reason: string) => ({
  type,
  status,
  reason,
  message: '',
  lastTransitionTime: '',
})
const of = (name: string, ...conditions: ReturnType<typeof condition>[]): ProxmoxVM =>
  aVm({ metadata: { name }, spec: { clusterRef: { name: 'fra1' } }, status: { conditions } })
const cluster = (...conditions: ReturnType<typeof condition>[]): ProxmoxCluster => ({
  apiVersion: 'pve.hosting/v1alpha1',
  kind: 'ProxmoxCluster',
  metadata: { name: 'fra1' },
  spec: {
    endpoints: ['https://pve1:8006'],
    credentialsSecretRef: { namespace: 'pve', name: 'token' },
    vmids: { from: 1000, to: 1999 },
    limits: { requests: 8, fullClonesPerNode: 4 },
  },
  status: { conditions },
})

describe('what metrics count', () => {
  it('is VMs by reason, and by who must act', () => {
    const vms = [
      of('a', condition('Ready', 'True', 'Running')),
      of('b', condition('Ready', 'True', 'Running')),
      of('c', condition('Ready', 'False', 'VMMissing'), condition('Stalled', 'True', 'VMMissing')),
      of('d', condition('Ready', 'Unknown', 'NodeOffline'), condition('Reconciling', 'True', 'NodeOffline')),
      of('e'),
    ]
    expect(countByReason(vms).map(({ cluster, state, reason, vms: count }) => `${cluster} ${state} ${reason} ${count}`)).toEqual([
      'fra1 ready Running 2',
      'fra1 stalled VMMissing 1',
      'fra1 unknown NodeOffline 1',
      'fra1 reconciling  1',
    ])
  })

  it('is nodes by state, with the states that no node is in', () => {
    const nodes = [
      { type: 'node', node: 'pve1', status: 'online' },
      { type: 'node', node: 'pve2', status: 'offline' },
      { type: 'node', node: 'pve3', status: 'unknown' },
    ]
    expect(countNodes(listingOf(nodes, 0)).map(({ state, nodes: count }) => `${state} ${count}`)).toEqual([
      'online 1',
      'offline 1',
      'silent 1',
      'maintenance 0',
    ])
    expect(countNodes(undefined)).toEqual([])
  })

  it('says nothing of a token before PVE was asked', () => {
    const silent = condition('Ready', 'False', 'Unreachable')
    expect([undefined, cluster(), cluster(silent)].map(isAuthorized)).toEqual([undefined, undefined, undefined])
    expect(isAuthorized(cluster(silent, condition('Authorized', 'Unknown', 'Unreachable')))).toBeUndefined()
    expect(isAuthorized(cluster(condition('Authorized', 'False', 'Unauthorized')))).toBe(false)
    expect(isAuthorized(cluster(condition('Authorized', 'True', 'Succeeded')))).toBe(true)
  })

  it('is the token of a cluster, too, whose Secret was never of use', () => {
    const known = { ...cluster(), metadata: { name: 'ams1' } }
    const broken = cluster(condition('Authorized', 'False', 'CredentialsNotFound'))
    expect(unasked([known, broken], (name) => name === 'ams1')).toEqual([{ cluster: 'fra1', authorized: false }])
  })

  it('is a suspended VM that runs, once its shutdown has had its time', () => {
    const clock = new TestClock()
    const vms = new Store<ProxmoxVM>()
    const unenforced = new UnenforcedSuspensions({ vms, clock })
    const suspended = { clusterRef: { name: 'fra1' }, suspensions: [{ by: 'billing', reason: 'unpaid' }] }
    const vm = aVm({ metadata: { resourceVersion: '1' }, spec: suspended, status: { remoteStatus: 'running' } })
    vms.put(vm)
    expect(unenforced.countOf('fra1')).toBe(0)
    clock.skip(170_000)
    expect(unenforced.countOf('fra1')).toBe(0)
    clock.skip(11_000)
    expect([unenforced.countOf('fra1'), unenforced.countOf('ams')]).toEqual([1, 0])
    vms.put({ ...vm, metadata: { ...vm.metadata, resourceVersion: '2' }, status: { remoteStatus: 'stopped' } })
    expect(unenforced.countOf('fra1')).toBe(0)
  })
})
