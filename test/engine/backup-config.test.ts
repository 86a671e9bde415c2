import { describe, expect, it } from '@jest/globals'
import { parseBackupConfig, sizesByStorage } from '../../src/engine/restore/backup-config.ts'

const text = `#pve.hosting/owner uid=6d0c vmid=100
boot: order=scsi0
efidisk0: local-lvm:vm-100-disk-2,size=4M
ide2: local-lvm:vm-100-cloudinit,media=cdrom
name: shop
net0: virtio=BC:24:11:00:00:01,bridge=vmbr0
scsi0: local-lvm:vm-100-disk-0,size=20G
scsi1: fast:vm-100-disk-1,size=512M,backup=0
scsi2: fast:vm-100-disk-3,size=1536M
#vzdump#snapshot
#qmdump#map:efidisk0:drive-efidisk0:local-lvm:raw:
#qmdump#map:scsi0:drive-scsi0:slow:raw:

[before]
scsi0: local-lvm:vm-100-disk-0,size=99G
`

describe('the configuration in a backup', () => {
  const { values, disks } = parseBackupConfig(text)

  it('is that of the guest, without those of its snapshots', () => {
    expect(values).toMatchObject({ name: 'shop', boot: 'order=scsi0', scsi0: 'local-lvm:vm-100-disk-0,size=20G' })
  })

  it('has the disks that PVE is going to make, where the archive says they were, without drives that were left out', () => {
    expect(disks.map(({ key }) => key)).toEqual(['efidisk0', 'scsi0', 'scsi2'])
    expect([...sizesByStorage(disks)]).toEqual([
      ['local-lvm', 4],
      ['slow', 20 * 1024],
      ['fast', 1536],
    ])
  })
})
