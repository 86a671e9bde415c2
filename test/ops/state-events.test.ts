import { describe, expect, it } from '@jest/globals'
import type { ProxmoxCluster } from '../../src/api/proxmoxcluster.ts'
import { nodeChanges, stateChanges } from '../../src/state-events.ts'

type Stateful = Parameters<typeof stateChanges>[0]
const told = (...conditions: [type: string, status: string, reason: string][]): Stateful =>
  ({
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'IPPool',
    metadata: { name: 'public' },
    status: { conditions: conditions.map(([type, status, reason]) => ({ type, status, reason, message: 'why', lastTransitionTime: '' })) },
  }) as Stateful
const changes = (old: Stateful, now: Stateful) => stateChanges(old, now).map(({ type, message }) => `${type}: ${message}`)

describe('a change of state is one Event', () => {
  it('when a condition changes its status or its reason, and none when its words do', () => {
    const ready = told(['Ready', 'True', 'Ready'])
    expect(changes(ready, told(['Ready', 'False', 'NoQuorum']))).toEqual(['Warning: Ready is False (NoQuorum): why'])
    expect(changes(told(['Ready', 'False', 'NoQuorum']), ready)).toEqual(['Normal: Ready is True (Ready): why'])
    expect(changes(told(['Ready', 'False', 'Unreachable']), told(['Ready', 'False', 'ClusterChanged']))).toHaveLength(1)
    expect(changes(ready, ready)).toEqual([])
  })

  it('and Ready does not repeat what another condition says', () => {
    const before = told(['Ready', 'True', 'Ready'], ['Reachable', 'True', 'Reachable'])
    const after = told(['Ready', 'False', 'Unreachable'], ['Reachable', 'False', 'Unreachable'], ['Reconciling', 'True', 'Unreachable'])
    expect(changes(before, after)).toEqual(['Warning: Reachable is False (Unreachable): why'])
  })

  it('and a pool that has addresses again is good news', () => {
    const empty = told(['Exhausted', 'True', 'Exhausted'])
    const free = told(['Exhausted', 'False', 'NotExhausted'])
    expect(changes(empty, free)).toEqual(['Normal: Exhausted is False (NotExhausted): why'])
    expect(changes(free, empty)).toEqual(['Warning: Exhausted is True (Exhausted): why'])
  })

  it('and none for an object whose state is told for the first time', () => {
    expect(changes(told(), told(['Ready', 'True', 'Ready']))).toEqual([])
  })

  it('and one for all nodes that went at once, with their VMs', () => {
    const cluster = (...nodes: { name: string; online: boolean; vms: number }[]) => ({ status: { nodes } }) as unknown as ProxmoxCluster
    const up = cluster(
      { name: 'pve1', online: true, vms: 3 },
      { name: 'pve2', online: true, vms: 9 },
      { name: 'pve3', online: true, vms: 1 },
    )
    const down = cluster(
      { name: 'pve1', online: true, vms: 3 },
      { name: 'pve2', online: false, vms: 9 },
      { name: 'pve3', online: false, vms: 1 },
    )
    expect(nodeChanges(up, down)).toEqual([
      { type: 'Warning', reason: 'NodeOffline', message: 'Offline now: pve2, with 9 VMs; pve3, with 1 VM.' },
    ])
    expect(nodeChanges(down, up)).toMatchObject([{ type: 'Normal', reason: 'NodeOnline' }])
    expect(nodeChanges(down, down)).toEqual([])
  })
})
