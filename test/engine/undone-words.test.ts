import { describe, expect, it } from '@jest/globals'
import { undoneIn } from '../../src/engine/undone-words.ts'

describe('the reasons in a verdict on a package', () => {
  it.each([
    [
      'The system disk (scsi0) has 20Gi and does not shrink to 10Gi. Takes effect only at the next start from off: cores.',
      'DiskShrinkRefused',
    ],
    ['Disk data (unused0) was detached; its data stays until the last snapshot of the VM is deleted.', 'DiskKept'],
    ['Disk data (scsi1) is no longer in the package and was kept.', 'DiskKept'],
    ['Disk data (scsi1) was not removed, because the VM is protected in PVE.', 'DiskKept'],
  ])('are found beside the first one in: %s', (message, other) => {
    expect(undoneIn({ reason: 'RestartRequired', message })).toEqual(['RestartRequired', other])
  })
})
