import { describe, expect, it } from '@jest/globals'
import { restoredDisks, restoredSentence } from '../../src/engine/restore/restored-disks.ts'

const before = [
  { name: 'system', key: 'scsi0', volume: 'lvm:vm-1-disk-0', size: '20Gi' },
  { name: 'data', key: 'scsi1', volume: 'lvm:vm-1-disk-1', size: '4Gi', removalPolicy: 'Keep' },
]
const config = { digest: '', boot: 'order=scsi0', scsi0: 'lvm:vm-1-disk-2,size=10G' }

describe('after a restore', () => {
  it('a disk that the backup has too is the one in its slot, with the size it has there', () => {
    const { disks, attachedAgain, unused } = restoredDisks(before, { ...config, scsi1: 'lvm:vm-1-disk-3,size=8G' })
    expect(disks).toEqual([
      { name: 'system', key: 'scsi0', volume: 'lvm:vm-1-disk-2', size: '10Gi' },
      { name: 'data', key: 'scsi1', volume: 'lvm:vm-1-disk-3', size: '8Gi', removalPolicy: 'Keep' },
    ])
    expect([attachedAgain, unused]).toEqual([[], []])
  })

  it('a newer one keeps its name and volume where PVE has left it unused, and what is of others is named', () => {
    const restored = restoredDisks(before, { ...config, unused0: 'lvm:vm-1-disk-1', unused1: 'lvm:vm-1-disk-9' })
    expect(restored.disks[1]).toEqual(before[1])
    expect(restoredSentence('pbs:backup/vm/1/x', restored)).toBe(
      'from pbs:backup/vm/1/x; newer than the backup, attached again with their data: data; newer than the backup, left as unused disks: lvm:vm-1-disk-9',
    )
  })

  it('one that PVE has nothing of is forgotten: the package has another one made', () => {
    expect(restoredDisks(before, config).disks.map(({ name }) => name)).toEqual(['system'])
    expect(restoredSentence('f', restoredDisks(before, config))).toBe('from f')
  })
})
