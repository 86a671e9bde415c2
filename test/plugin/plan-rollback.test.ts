import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import type { ProxmoxVMSnapshot, ProxmoxVMSnapshotStatus } from '../../src/api/proxmoxvmsnapshot.ts'
import { rollbackLines } from '../../src/plugin/plan-rollback.ts'
import { contentsOf } from '../../src/snapshots/contents.ts'
import { aVm } from '../engine/vms.ts'

const system = { name: 'system', key: 'scsi0', volume: 'local-lvm:vm-10000-disk-0' }
const data = { name: 'data', key: 'scsi1', volume: 'local-lvm:vm-10000-disk-1' }
const address = (at: string, state?: 'Releasing') => ({
  name: 'main',
  family: 'IPv4' as const,
  address: at,
  prefixLength: 24,
  pool: 'p',
  ...(state && { state }),
})
const status = {
  remoteStatus: 'running',
  disks: [system],
  addresses: [address('192.0.2.10')],
  interfaces: [{ name: 'net0', macAddress: 'BC:24:11:00:00:01', bridge: 'vmbr0' }],
} satisfies ProxmoxVM['status']
const vm = (now: ProxmoxVM['status'] = {}, spec: Partial<ProxmoxVM['spec']> = {}) => aVm({ spec, status: { ...status, ...now } })

/** Taken when the VM had `status`. */
function aSnapshot(o: ProxmoxVMSnapshotStatus = {}): ProxmoxVMSnapshot {
  const ready = {
    type: 'Ready',
    status: 'True' as const,
    reason: 'SnapshotTaken',
    message: '',
    lastTransitionTime: '',
    observedGeneration: 1,
  }
  return {
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'ProxmoxVMSnapshot',
    metadata: { name: 's1', namespace: 'customer-7' },
    spec: { vmRef: { name: 'small' } },
    status: { name: 'op-1', createdAt: '2026-01-02T00:00:00Z', contents: contentsOf(status), conditions: [ready], ...o },
  }
}
const told = (of: ProxmoxVM, snapshot = aSnapshot()) =>
  rollbackLines(of, snapshot).map(({ when, what, because }) => `${when}: ${what} <- ${because}`)
const from = '<- snapshot s1 of 2026-01-02T00:00:00Z'

describe('the plan of a rollback', () => {
  it('says what is lost, and what becomes of the power', () => {
    expect(told(vm())).toEqual([
      `Rollback: everything written since 2026-01-02T00:00:00Z is lost; the operator starts the VM again ${from}`,
    ])
    expect(rollbackLines(vm(), aSnapshot())[0]?.stops).toBe(true)
    expect(told(vm({ remoteStatus: 'stopped' }))[0]).toContain('the VM stays off')
    expect(told(vm(), aSnapshot({ withMemory: true }))[0]).toContain('the guest continues from the memory in the snapshot')
  })

  it('names the disks that PVE detaches and the operator attaches again, and those that come back', () => {
    expect(told(vm({ disks: [system, data] }))).toContain(
      `Rollback: disk data (scsi1) is newer: PVE detaches it as an unused disk, the operator attaches it again ${from}`,
    )
    expect(told(vm(), aSnapshot({ contents: contentsOf({ ...status, disks: [system, data] }) }))).toContain(
      `Rollback: disk data (scsi1), which the VM no longer has, comes back and is kept ${from}`,
    )
    expect(
      told(
        vm({ disks: [system, { ...data, volume: 'ceph:vm-10000-disk-0' }] }),
        aSnapshot({ contents: contentsOf({ ...status, disks: [system, data] }) }),
      ),
    ).toHaveLength(3)
  })

  it('tells of another address or MAC address, and that one still in the guest is not of now', () => {
    expect(told(vm({ addresses: [address('192.0.2.11'), address('192.0.2.10', 'Releasing')] }))).toContain(
      `Rollback: addresses: then 192.0.2.10, now 192.0.2.11; today's is written before the start ${from}`,
    )
  })

  it('refuses what PVE would start with the old network, against a suspension or runStrategy Halted', () => {
    const memory = aSnapshot({ withMemory: true })
    expect(told(vm({ addresses: [] }), memory)).toEqual([
      'refused: roll back to s1 <- the memory is in the snapshot, with the old network: addresses: then 192.0.2.10, now none; use a snapshot without memory',
    ])
    expect(told(vm({}, { suspensions: [{ by: 'abuse', reason: 'spam' }] }), memory)[0]).toMatch(/^refused: .*suspended by abuse/)
    expect(told(vm({}, { runStrategy: 'Halted' }), memory)[0]).toMatch(/^refused: .*runStrategy is Halted/)
  })

  it('refuses a snapshot that is not taken, or of a former VM, and says what it does not know', () => {
    expect(told(vm(), aSnapshot({ conditions: [] }))).toEqual(['refused: roll back to s1 <- PVE has not taken the snapshot yet'])
    expect(told(vm(), aSnapshot({ vmUID: 'another' }))[0]).toContain('former VM of this name')
    const { contents: _, ...older } = aSnapshot().status ?? {}
    expect(told(vm(), { ...aSnapshot(), status: older })[1]).toMatch(/^Rollback: disks and addresses: not known here/)
  })
})
