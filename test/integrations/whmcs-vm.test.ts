/** What the WHMCS module reads from the status of a VM, without a control plane. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { packageVerdict } from '../../src/engine/apply/left-undone.ts'
import { remarksIn } from '../../src/engine/remarks.ts'
import { draftOf } from '../engine/dependencies.ts'
import { aVm } from '../engine/vms.ts'
import { phpIsHere } from './whmcs/php.ts'

const suite = phpIsHere() ? describe : describe.skip

/** The status that the engine writes of a smaller disk that is refused and, with `outdatedBy`, of an edited VMPackage. */
function statusWith(outdatedBy?: number) {
  const message = 'system disk (scsi0) has 40Gi and does not shrink to 20Gi'
  const { status, reason, ...said } = packageVerdict({
    climbed: { refusals: [{ verdict: { is: 'refused', reason: 'DiskShrinkRefused', message } }] } as never,
    resolved: { merged: {}, source: { name: 's', generation: 1, spec: {} }, outdatedBy } as never,
    draft: draftOf(aVm()),
    pending: [],
  })
  const conditions = [{ type: 'PackageApplied', status, reason, message: said.message, lastTransitionTime: '' }]
  return { conditions, remarks: remarksIn({ conditions }) }
}

suite('the WHMCS module', () => {
  const lib = join(import.meta.dirname, '../../integrations/whmcs/modules/servers/pveoperator/lib/Vm.php')
  const php =
    "require $argv[1]; $vm = new PveOperator\\Vm(json_decode($argv[2], true)); echo json_encode($vm->says('PackageApplied', 'PackageOutdated'));"
  const saysOutdated = (status: object): unknown => {
    const { stdout, stderr } = spawnSync('php', ['-r', php, lib, JSON.stringify({ status })], { encoding: 'utf8' })
    expect(stderr).toBe('')
    return JSON.parse(stdout)
  }

  it('sees that a package was edited, also where the condition names a refused disk first', () => {
    expect(statusWith(2).conditions[0]?.reason).toBe('DiskShrinkRefused')
    expect(saysOutdated(statusWith(2))).toBe(true)
    expect(saysOutdated(statusWith())).toBe(false)
  })
})
