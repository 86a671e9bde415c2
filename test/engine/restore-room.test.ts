import { describe, expect, it } from '@jest/globals'
import type { StorageRow } from '../../src/proxmox/listing.ts'
import { roomFor } from '../../src/engine/restore/restore-room.ts'
import { draftOf } from './dependencies.ts'
import { aVm } from './vms.ts'

const gib = 1024 ** 3
const row = (storage: string, more: Partial<StorageRow> = {}): StorageRow => ({
  storage,
  node: 'pve1',
  shared: false,
  content: ['images'],
  available: true,
  usedBytes: 0,
  totalBytes: 100 * gib,
  pluginType: 'lvmthin',
  ...more,
})
const told = (storages: StorageRow[]) =>
  roomFor(draftOf(aVm()), { storages }, 'pve1', { disks: [{ key: 'scsi0', storage: 'nvme', sizeMiB: 20 * 1024 }] })

describe('the place of the disks of a backup', () => {
  it('is told to be missing, with what there is, when the node does not have the storage; room is not the trouble', () => {
    expect(told([row('local-lvm'), row('nvme', { node: 'pve2' })])).toEqual({
      is: 'stalled',
      reason: 'StorageNotFound',
      message:
        'The backup has disks on storage "nvme", which node pve1 does not have; there are local-lvm. An admin adds the storage to the node, or write another backup into spec.restore.backupRef.',
    })
    expect(told([row('nvme', { content: ['backup'] })])).toMatchObject({ reason: 'StorageNotFound' })
  })

  it('is waited for while the storage is off', () => {
    expect(told([row('nvme', { available: false })])).toMatchObject({ is: 'wait', reason: 'StorageOff' })
  })

  it('is short of room, or is there', () => {
    expect(told([row('nvme', { usedBytes: 90 * gib })])).toMatchObject({ is: 'stalled', reason: 'NoCapacity' })
    expect(told([row('nvme')])).toBeUndefined()
  })
})
