import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVMStatus } from '../../../src/api/proxmoxvm.ts'
import type { PveCluster } from '../../../src/cluster/cluster.ts'
import type { Prepared } from '../../../src/engine/apply/prepare.ts'
import { withoutUnusable } from '../../../src/engine/apply/usable.ts'
import type { Pass } from '../../../src/engine/pass.ts'
import { draftOf, quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

const merged = { network: { bridge: 'vmbr9' }, additionalDisks: [{ name: 'data', size: '10Gi', storage: 'gone' }] }
const ready: ProxmoxVMStatus = {
  vmid: 10_000,
  node: 'pve1',
  intentAt: '2026-01-01T00:00:00Z',
  firstReadyAt: '2026-01-01T00:00:00Z',
  interfaces: [{ name: 'net0', macAddress: 'BC:24:11:00:00:01', bridge: 'vmbr0' }],
}
const taken = { vmid: 10_000, takenAt: '2026-01-01T00:00:00Z' }
const foundOtherwise = (...fields: string[]): ProxmoxVMStatus => ({
  ...ready,
  adoption: { ...taken, differences: fields.map((field) => ({ field, found: '', wanted: '', applies: 'Live' })) },
})

/** What stays out of the wish for a VM on a node that has vmbr0 and local-lvm only, and how many requests that costs. */
async function looked(status: ProxmoxVMStatus) {
  let requests = 0
  const counted = <T>(answer: T): Promise<T> => {
    requests++
    return Promise.resolve(answer)
  }
  const storages = [{ storage: 'local-lvm', node: 'pve1', shared: false, content: ['images'], available: true }]
  const listing = { storages, guests: new Map([[10_000, { node: 'pve1' }]]) }
  const cluster = {
    bridges: { of: () => counted(new Set(['vmbr0'])) },
    inventory: { current: () => listing, since: () => counted(listing) },
    facts: () => undefined,
  } as unknown as PveCluster
  const draft = draftOf(aVm({ spec: { packageRef: { name: 'vps-m' } }, status }))
  const pass = { deps: quietDependencies({ now: '2026-01-02T00:00:00Z' }), draft } as unknown as Pass
  const prepared: Prepared = { resolved: { merged }, grants: [] }
  const { left, prepared: narrowed } = await withoutUnusable(pass, cluster, prepared)
  return { left: left.map(({ step, reason }) => `${step} ${reason}`), merged: narrowed.resolved.merged, requests }
}

describe('what an edit names and PVE does not have', () => {
  it('stays out of the wish and is told', async () => {
    expect(await looked(ready)).toEqual({
      left: ['set_network BridgeNotFound', 'set_created_additional_disk StorageNotFound'],
      merged: { network: { bridge: 'vmbr0', vlan: 0 }, additionalDisks: [] },
      requests: 2,
    })
  })

  it('is not asked about of a VM that was taken over and has not been compared yet', async () => {
    expect(await looked({ ...ready, adoption: taken })).toEqual({ left: [], merged, requests: 0 })
  })

  it('is not asked about where it stays as it was found', async () => {
    expect(await looked(foundOtherwise('net0.bridge', 'disk.data'))).toEqual({ left: [], merged, requests: 0 })
    expect(await looked(foundOtherwise('net0.bridge'))).toMatchObject({
      left: ['set_created_additional_disk StorageNotFound'],
    })
  })
})
