import { describe, expect, it } from '@jest/globals'
import type { PveCluster } from '../../../src/cluster/cluster.ts'
import type { Pass } from '../../../src/engine/pass.ts'
import { followReinstall } from '../../../src/engine/remove/reinstall.ts'
import { VMStatusDraft } from '../../../src/engine/status-draft.ts'
import { markOf } from '../../../src/ladder/mark.ts'
import { PveError } from '../../../src/proxmox/pve-error.ts'
import { memory, quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

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
  const row = { vmid: 10_000, node: 'pve1', kind: 'qemu', status: 'stopped', template: false, tags: [] }
  const listing = { startedAtMs: 0, guests: new Map([[10_000, row]]), nodes: new Map(), storages: [], allNodesOnline: true }
  const pve = {
    pending: async () => [{ key: 'description', value: markOf('uid-1', 10_000) }],
    statusCurrent: async () => ({ status: 'stopped', haManaged: false }),
    clusterStatus: async () => ({ quorate: true }),
    firewall: () => ({ rules: async () => ({ rules: [] }), aliases: async () => [], ipsets: async () => [] }),
    acl: async () => [],
    permissions: async () => ({ '/access': { 'Sys.Audit': true } }),
    destroy: async () => {
      throw refusal
    },
  }
  const cluster = {
    name: 'fra1',
    spec: {},
    pve,
    inventory: { current: () => listing, since: async () => listing },
    cloneSlots: { release: () => undefined },
    tasks: { ended: () => undefined },
    deletions: { ask: async () => ({ is: 'granted' }) },
  } as unknown as PveCluster
  const running = { requestID: 'again', since: now, wasRunning: true, ...(destroyAt && { destroyAt }) }
  const status = { vmid: 10_000, node: 'pve1', intentAt: now, firstReadyAt: now, reinstall: { completedIDs: [], running } }
  const client = { replaceStatus: async (_: unknown, vm: object) => vm }
  const draft = new VMStatusDraft({ vm: aVm({ status }), client, store: { put: () => undefined } } as unknown as ConstructorParameters<
    typeof VMStatusDraft
  >[0])
  const quiet = { mayAct: () => undefined, log: { info: () => undefined }, kinds: { leaving: [] }, backupsOf: () => [] }
  const deps = { ...quietDependencies({ now }), ...quiet } as unknown as Pass['deps']
  await followReinstall({ deps, key: 'customer-7/small', draft, memory: memory() }, cluster)
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
