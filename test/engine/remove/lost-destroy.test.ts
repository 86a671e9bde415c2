import { describe, expect, it } from '@jest/globals'
import { teardownFinalizer } from '../../../src/api/group.ts'
import type { PveCluster } from '../../../src/cluster/cluster.ts'
import { templateFactsOf } from '../../../src/cluster/template-facts.ts'
import type { Pass } from '../../../src/engine/pass.ts'
import { followReinstall } from '../../../src/engine/remove/reinstall.ts'
import { VMStatusDraft } from '../../../src/engine/status-draft.ts'
import { markOf } from '../../../src/ladder/mark.ts'
import { listingOf } from '../../../src/proxmox/listing.ts'
import { PveError } from '../../../src/proxmox/pve-error.ts'
import { memory, quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

const GiB = 1024 ** 3
const now = '2026-01-01T00:10:00Z'
const refusal = new PveError({
  message: "Configuration file 'nodes/pve1/qemu-server/10000.conf' does not exist",
  status: 500,
  sent: true,
  route: '/nodes/*/qemu/*',
  method: 'DELETE',
})

/** What is on record of a reinstall after PVE has refused to delete its VM, whose row a listing still shows. */
async function afterRefusal(destroyAt?: string) {
  let asked = 0
  const listing = listingOf(
    [
      { type: 'node', node: 'pve1', status: 'online', mem: 0, maxmem: 64 * GiB },
      { type: 'storage', storage: 'local', node: 'pve1', status: 'available', content: 'images', disk: 0, maxdisk: 900 * GiB },
      { type: 'qemu', vmid: 9000, node: 'pve1', status: 'stopped', name: 'debian-13', template: 1 },
      { type: 'qemu', vmid: 10_000, node: 'pve1', status: 'stopped' },
    ],
    0,
  )
  // All that the new VM needs is there.
  const template = {
    digest: '',
    template: 1,
    scsi0: 'local:base-9000-disk-0,size=10G',
    boot: 'order=scsi0',
    net0: 'virtio=BC:24:11:00:90:00,bridge=vmbr0',
  }
  const pve = {
    pending: async () => [{ key: 'description', value: markOf('uid-1', 10_000) }],
    replicationJobs: async () => [],
    statusCurrent: async () => ({ status: 'stopped', haManaged: false }),
    clusterStatus: async () => ({ quorate: true }),
    firewall: () => ({ rules: async () => ({ rules: [] }), aliases: async () => [], ipsets: async () => [] }),
    acl: async () => [],
    permissions: async () => ({ '/access': { 'Sys.Audit': true } }),
    destroy: async () => {
      asked++
      throw refusal
    },
  }
  const cluster = {
    name: 'fra1',
    spec: { vmids: { from: 10_000, to: 10_999 } },
    pve,
    facts: () => undefined,
    bridges: { of: async () => undefined },
    templates: {
      find: () => ({ is: 'found', copies: [{ node: 'pve1', vmid: 9000 }] }),
      config: async (at: { node: string; vmid: number }) => ({ is: 'template', facts: templateFactsOf(at, template) }),
    },
    inventory: { current: () => listing, since: async () => listing },
    cloneSlots: { release: () => undefined },
    tasks: { ended: () => undefined },
    deletions: { ask: async () => ({ is: 'granted' }) },
  } as unknown as PveCluster
  const running = { requestID: 'again', since: now, wasRunning: true, ...(destroyAt && { destroyAt }) }
  const status = { vmid: 10_000, node: 'pve1', intentAt: now, firstReadyAt: now, reinstall: { completedIDs: [], running } }
  const client = { replaceStatus: async (_: unknown, vm: object) => vm }
  const draft = new VMStatusDraft({
    vm: aVm({ status, spec: { package: { network: { bridge: 'vmbr0' } } }, metadata: { finalizers: [teardownFinalizer] } }),
    client,
    store: { put: () => undefined },
  } as unknown as ConstructorParameters<typeof VMStatusDraft>[0])
  const quiet = {
    mayAct: () => undefined,
    log: { info: () => undefined },
    kinds: { leaving: [] },
    backupsOf: () => [],
    commandsOf: () => [],
    book: { claim: async () => [], markReleasing: async () => undefined, surplus: () => [] },
  }
  const deps = { ...quietDependencies({ now }), ...quiet } as unknown as Pass['deps']
  await followReinstall({ deps, key: 'customer-7/small', draft, memory: memory() }, cluster)
  expect(asked).toBe(1)
  return draft.status.reinstall?.running?.destroyAt
}

describe('a reinstall whose deletion PVE refuses', () => {
  it('has deleted nothing where this was the only request, so it may be withdrawn', async () => {
    expect(await afterRefusal()).toBeUndefined()
  })

  it('may have deleted the VM by an earlier request whose answer was lost, and is carried out to its end', async () => {
    expect(await afterRefusal('2026-01-01T00:09:00Z')).toBe('2026-01-01T00:09:00Z')
  })
})
