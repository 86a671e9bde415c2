import { describe, expect, it } from '@jest/globals'
import { remarksIn } from '../../src/engine/remarks.ts'
import { packageVerdict } from '../../src/engine/apply/left-undone.ts'
import { draftOf } from './dependencies.ts'
import { aVm } from './vms.ts'

const condition = (type: string, status: 'True' | 'False', reason: string, message = '') => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: '',
})

describe('the remarks on a VM', () => {
  it('name every thing of the package that was left undone, as its condition lists them', () => {
    const draft = draftOf(aVm({ status: { disks: [{ name: 'data', key: 'scsi1', size: '50Gi', removalPolicy: 'Keep' }] } }))
    const refusal = {
      is: 'refused',
      reason: 'DiskShrinkRefused',
      message: 'system disk (scsi0) has 40Gi and does not shrink to 20Gi',
    } as const
    const verdict = packageVerdict({
      climbed: { refusals: [{ verdict: refusal }] } as never,
      resolved: { merged: {}, source: { name: 's', generation: 1, spec: {} }, outdatedBy: 2 } as never,
      draft,
      pending: [],
    })
    const conditions = [condition('PackageApplied', 'False', verdict.reason, verdict.message)]

    expect(remarksIn({ conditions })).toBe('DiskShrinkRefused,PackageOutdated,DiskKept')
  })

  it('name a restart that is due once, DNS that needs somebody, and what high availability says', () => {
    const conditions = [
      condition('Ready', 'True', 'Running'),
      condition('CloudInitConfigured', 'True', 'RestartRequired'),
      condition('RestartRequired', 'True', 'RestartRequired'),
      condition('DNSSynced', 'False', 'RecordTaken'),
    ]
    expect(remarksIn({ conditions, haState: 'ignored' })).toBe('RestartRequired,RecordTaken,HA:ignored')
  })

  it('say nothing of what is well or passes by itself', () => {
    const conditions = [
      condition('PackageApplied', 'False', 'ChangingPackage'),
      condition('DNSSynced', 'False', 'Synchronising'),
      condition('RestartRequired', 'False', 'NoRestartRequired'),
      condition('FirewallConfigured', 'True', 'Succeeded'),
    ]
    expect(remarksIn({ conditions })).toBeUndefined()
  })
})
