import { expect, it } from '@jest/globals'
import type { ProxmoxVM, ProxmoxVMStatus } from '../../../src/api/proxmoxvm.ts'
import type { PveCluster } from '../../../src/cluster/cluster.ts'
import type { Pass } from '../../../src/engine/pass.ts'
import { askRestore } from '../../../src/engine/restore/ask-restore.ts'
import type { RestorePlan } from '../../../src/engine/restore/restore-check.ts'
import { VMStatusDraft } from '../../../src/engine/status-draft.ts'
import { memory, quietDependencies } from '../dependencies.ts'
import { aVm } from '../vms.ts'

const volume = 'pbs:backup/vm/10000/2026-01-02T00:00:00Z'
const before: ProxmoxVMStatus = {
  vmid: 10_000,
  intentAt: '2026-01-01T00:00:00Z',
  disks: [
    { name: 'system', key: 'scsi0', volume: 'lvm:vm-10000-disk-0' },
    { name: 'data', key: 'scsi1', volume: 'lvm:vm-10000-disk-1' },
    { name: 'logs', key: 'scsi2', volume: 'lvm:vm-10000-disk-2' },
  ],
  restore: { completedIDs: [], running: { requestID: 'r1', volume, node: 'pve1', since: '2026-01-02T00:00:00Z', isDiskless: true } },
}

/** What PVE was asked, each with the disks that were on record in the API server by then. */
async function asked() {
  const trail: unknown[] = []
  let written: ProxmoxVMStatus = before
  const client = {
    replaceStatus: async (_: unknown, vm: ProxmoxVM) => {
      written = vm.status ?? {}
      return vm
    },
  }
  const draft = new VMStatusDraft({
    vm: aVm({ status: before }),
    client,
    store: { put: () => undefined },
  } as unknown as ConstructorParameters<typeof VMStatusDraft>[0])
  const note = (what: object) => trail.push({ ...what, onRecord: written.disks?.map(({ key, volume: at }) => `${key} ${at ?? 'none'}`) })
  const pve = {
    protectBackup: async (...[, , file, isProtected]: [string, string, string, boolean]) => note({ file, isProtected }),
    restore: async (_: object, options: object) => {
      note(options)
      return 'UPID:1'
    },
  }
  const deps = { ...quietDependencies({ now: '2026-01-03T00:00:00Z' }), mayAct: () => undefined, log: { info: () => undefined } }
  const pass = { deps, draft, memory: memory(), key: 'customer-7/small' } as unknown as Pass
  const plan = { volume, storage: 'pbs', node: 'pve1', file: { isProtected: false }, keys: ['scsi0', 'scsi1'], force: true }
  const outcome = await askRestore(
    pass,
    { name: 'fra1', spec: {}, clockSkewMs: 0, pve } as unknown as PveCluster,
    plan as unknown as RestorePlan,
  )
  return { outcome, trail }
}

it('forgets the volumes that PVE frees before it asks, keeps the system disk’s, and leaves the VM off at a reboot of its node', async () => {
  const onRecord = ['scsi0 lvm:vm-10000-disk-0', 'scsi1 none', 'scsi2 lvm:vm-10000-disk-2']
  const { outcome, trail } = await asked()
  expect(trail).toEqual([
    { file: volume, isProtected: true, onRecord },
    { archive: volume, force: true, onboot: false, onRecord },
  ])
  expect(outcome).toMatchObject({ is: 'wait', task: 'UPID:1' })
})
