/** The end of a restore: its files need no protection any more. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { judge } from '../../proxmox/failures.ts'
import { storageOf } from '../../proxmox/property-string.ts'
import { nowIso } from '../dependencies.ts'
import type { Pass } from '../pass.ts'
import { noted } from '../status.ts'
import { changeRestore, protectedFiles } from './restore-state.ts'

/** A lost answer is no answer; a storage that hangs is not waited for. */
const mostTries = 4

/** What cannot be done is told, and holds nothing up: the VM is whole. */
export async function endRestore({ draft, deps, memory }: Pick<Pass, 'draft' | 'deps' | 'memory'>, cluster: PveCluster): Promise<void> {
  const { running } = draft.status.restore ?? {}
  const files = running ? protectedFiles(running) : []
  if (files.length === 0) return
  deps.mayAct()
  for (const { volume, node } of files) {
    try {
      await cluster.pve.protectBackup(node, storageOf(volume) ?? '', volume, false)
    } catch (fault) {
      memory.unprotectTries = (memory.unprotectTries ?? 0) + 1
      if (judge(fault).kind === 'unknown-outcome' && memory.unprotectTries < mostTries) throw fault
      draft.change(noted('restore', nowIso(deps.clock), 'StaysProtected', `${volume} stays protected: ${judge(fault).message.trim()}`))
    }
  }
  delete memory.unprotectTries
  draft.change(changeRestore(({ unprotect: _a, formerFiles: _b, ...rest }) => rest))
}
