import { describe, expect, it } from '@jest/globals'
import { movedVolumes } from '../../src/engine/apply/moved-volumes.ts'

const disk = (name: string, key: string, volume?: string) => ({ name, key, ...(volume && { volume }) })

describe('a volume that somebody moved', () => {
  it('is named with both places', () => {
    const before = [disk('system', 'scsi0', 'local-lvm:vm-1-disk-0'), disk('data', 'scsi1', 'local-lvm:vm-1-disk-1')]
    const after = [disk('system', 'scsi0', 'local-lvm:vm-1-disk-0'), disk('data', 'scsi1', 'ceph:vm-1-disk-0')]
    expect(movedVolumes(before, after)).toEqual(['disk data (scsi1): local-lvm:vm-1-disk-1 → ceph:vm-1-disk-0'])
  })

  it('is none that is seen for the first time, detached, or in another slot', () => {
    expect(movedVolumes([disk('data', 'scsi1')], [disk('data', 'scsi1', 'a:1')])).toEqual([])
    expect(movedVolumes([disk('data', 'scsi1', 'a:1')], [disk('data', 'scsi1')])).toEqual([])
    expect(movedVolumes([disk('data', 'scsi1', 'a:1')], [disk('data', 'scsi2', 'a:2')])).toEqual([])
  })
})
