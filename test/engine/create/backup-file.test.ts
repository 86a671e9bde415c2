import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../../src/api/proxmoxvm.ts'
import type { ProxmoxVMBackup } from '../../../src/api/proxmoxvmbackup.ts'
import type { PveCluster } from '../../../src/cluster/cluster.ts'
import { findBackupFile, vmidIn } from '../../../src/engine/create/backup-file.ts'
import type { Pass } from '../../../src/engine/pass.ts'
import type { Listing } from '../../../src/proxmox/listing.ts'
import { aVm } from '../vms.ts'

const now = '2026-01-02T00:00:00Z'
const seconds = (iso: string) => Date.parse(iso) / 1000
const volume = 'pbs:backup/vm/100/2026-01-02T00:00:00Z'
const owner = (over: { metadata?: object; status?: object } = {}) =>
  aVm({
    metadata: { name: 'shop', uid: 'uid-shop', ...over.metadata },
    status: { vmid: 100, intentAt: '2026-01-01T00:00:00Z', clonedAt: '2026-01-01T00:00:00Z', ...over.status },
  })
const object = (status: object = {}, metadata: object = {}): ProxmoxVMBackup => ({
  apiVersion: 'pve.hosting/v1alpha1',
  kind: 'ProxmoxVMBackup',
  metadata: { name: 'b1', namespace: 'customer-7', uid: 'uid-b1', ...metadata },
  spec: { vmRef: { name: 'shop' } },
  status: { volume, vmid: 100, vmUID: 'uid-shop', cluster: 'fra1', createdAt: now, finishedAt: now, ...status },
})

/** A backup server that two of three nodes reach, one of them off, with the file `volume`. */
async function searched(o: {
  ref: { name?: string; volume?: string }
  vms?: ProxmoxVM[]
  backups?: ProxmoxVMBackup[]
  file?: { ctime?: number; notes?: string } | 'none'
  /** uid in the mark of the guest that has the number now. */
  guest?: string
}): Promise<string> {
  const row = (node: string) => ({ storage: 'pbs', node, shared: true, content: ['backup'], available: true })
  const listing = {
    storages: [row('pve1'), row('pve2')],
    guests: new Map(o.guest === undefined ? [] : [[100, {}]]),
    nodes: new Map(['pve1', 'pve2', 'pve3'].map((node) => [node, { node, online: node !== 'pve2' }])),
  }
  const file = {
    volid: volume,
    vmid: 100,
    isProtected: false,
    isEncrypted: false,
    ctime: seconds(now),
    ...(o.file === 'none' ? {} : o.file),
  }
  const guests = { look: () => Promise.resolve({ mark: { uid: o.guest } }) }
  const cluster = { name: 'fra1', clockSkewMs: 0, guests, pve: { backups: () => Promise.resolve(o.file === 'none' ? [] : [file]) } }
  const deps = { vms: { list: () => o.vms ?? [] }, backups: { list: () => o.backups ?? [] } }
  const pass = { deps, draft: { vm: aVm({ metadata: { name: 'copy', uid: 'uid-copy' } }), status: {} } } as unknown as Pass
  const found = await findBackupFile(pass, cluster as unknown as PveCluster, listing as unknown as Listing, o.ref)
  if ('is' in found) return `${found.reason}: ${found.message}`
  return `${found.volume} of ${found.owner?.metadata.name ?? 'nobody'} by ${found.nodes.join()}`
}

describe('the file that spec.template.backupRef names', () => {
  it('is found by its object, also when the VM it is of is gone, and read by the nodes that are online', async () => {
    expect(await searched({ ref: { name: 'b1' }, backups: [object()], vms: [owner()] })).toBe(`${volume} of shop by pve1`)
    expect(await searched({ ref: { name: 'b1' }, backups: [object()] })).toBe(`${volume} of nobody by pve1`)
    expect(await searched({ ref: { volume }, backups: [object()] })).toBe(`${volume} of nobody by pve1`)
  })

  it('is found by its volume where a VM of the namespace has the number and the file is no older than it, or has its mark', async () => {
    expect(await searched({ ref: { volume }, vms: [owner()] })).toBe(`${volume} of shop by pve1`)
    const old = { ctime: seconds('2025-12-31T00:00:00Z') }
    expect(await searched({ ref: { volume }, vms: [owner()], file: old })).toContain('BackupNotFound: pbs:backup/vm/100/')
    const marked = { ...old, notes: 'pve.hosting/backup uid=x vm=uid-shop' }
    expect(await searched({ ref: { volume }, vms: [owner()], file: marked })).toBe(`${volume} of shop by pve1`)
  })

  it('is not found by its volume where another guest has the number now, whatever its time', async () => {
    expect(await searched({ ref: { volume }, vms: [owner()], guest: 'uid-shop' })).toContain(`${volume} of shop`)
    expect(await searched({ ref: { volume }, vms: [owner()], guest: 'uid-of-another' })).toBe(
      `BackupNotFound: ${volume} belongs to another guest with VMID 100.`,
    )
  })

  it.each([
    ['another namespace has the VM', { vms: [owner({ metadata: { namespace: 'customer-8' } })] }],
    ['another namespace has the object', { backups: [object({}, { namespace: 'customer-8' })] }],
    ['another cluster has the VM', { vms: [{ ...owner(), spec: { ...owner().spec, clusterRef: { name: 'ams' } } }] }],
    ['nobody has the number', {}],
  ])('is refused when %s', async (_, of) => {
    expect(await searched({ ref: { volume }, ...of })).toMatch(
      /^BackupNotFound: No ProxmoxVM of namespace customer-7 has VMID 100, and only/,
    )
    expect(await searched({ ref: { name: 'b1' }, ...of })).toBe(
      'BackupNotFound: ProxmoxVMBackup "b1" does not exist in namespace customer-7.',
    )
  })

  it('is refused when the object has no file, is going, is in another cluster, or another file has the name', async () => {
    const said = async (status: object, metadata: object = {}, file: { notes?: string; ctime?: number } = {}) =>
      await searched({ ref: { name: 'b1' }, backups: [object(status, metadata)], file })
    expect(await said({ volume: undefined, finishedAt: undefined })).toBe('BackupRunning: ProxmoxVMBackup b1 is not ready yet.')
    expect(await said({ volume: undefined })).toContain('BackupNotFound: ProxmoxVMBackup b1 has no file')
    expect(await said({}, { deletionTimestamp: now })).toBe('BackupNotFound: ProxmoxVMBackup b1 is being deleted.')
    expect(await said({ cluster: 'ams' })).toContain('is in ProxmoxCluster ams, not in fra1')
    expect(await said({}, {}, { notes: 'pve.hosting/backup uid=other vm=uid-shop' })).toContain('another guest with VMID 100')
    expect(await said({}, {}, { ctime: seconds(now) + 1 })).toContain('another guest with VMID 100')
  })

  it('is refused when PVE does not list it, with the rights that would show it', async () => {
    expect(await searched({ ref: { name: 'b1' }, backups: [object()], file: 'none' })).toMatch(
      /^BackupNotFound: PVE lists no backup .*VM.Backup on \/vms\/100/,
    )
  })
})

it('the VM of a file is in its name, on a directory and on a backup server', () => {
  expect(vmidIn('local:backup/vzdump-qemu-100-2026_01_31-02_00_00.vma.zst')).toBe(100)
  expect(vmidIn('pbs:backup/vm/20000/2026-01-31T02:00:00Z')).toBe(20_000)
  expect(vmidIn('pbs:backup/ct/100/2026-01-31T02:00:00Z')).toBeUndefined()
  expect(vmidIn('local:backup/vzdump-lxc-100-2026_01_31-02_00_00.tar.zst')).toBeUndefined()
})
