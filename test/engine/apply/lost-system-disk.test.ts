import { describe, expect, it } from '@jest/globals'
import { lostSystemDisk } from '../../../src/engine/apply/lost-system-disk.ts'

const volume = 'local-lvm:vm-100-disk-0'
const told = (values: Record<string, string>, disks = [{ name: 'system', key: 'scsi0', volume }]) =>
  lostSystemDisk({ vmid: 100, node: 'pve1', disks }, { config: { values, digest: '', pending: [] } })

describe('a VM whose system disk somebody took away', () => {
  it('says where its volume is, and how an admin attaches it', () => {
    expect(told({ unused0: volume })).toMatchObject({
      is: 'stalled',
      reason: 'SystemDiskMissing',
      message: expect.stringMatching(
        /no disk at scsi0, .*local-lvm:vm-100-disk-0 is at unused0 now.*qm set 100 --scsi0 local-lvm:vm-100-disk-0/,
      ),
    })
    const elsewhere = told({ virtio0: `${volume},size=10G` })?.message
    expect(elsewhere).toContain('is at virtio0 now')
    expect(elsewhere).toContain(`qm set 100 --delete virtio0 and qm set 100 --scsi0 ${volume},`)
    expect(told({ unused0: volume })?.message).not.toContain('--delete')
    expect(told({})?.message).toContain(`its volume was ${volume}`)
  })

  it('is told from one that has it, and from one whose disk is not known', () => {
    expect(told({ scsi0: `${volume},size=10G` })).toBeUndefined()
    expect(told({}, [])).toBeUndefined()
  })
})
