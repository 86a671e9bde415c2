/** The end of a restore, or of one that was withdrawn: its file needs no protection any more. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { judge } from '../../proxmox/failures.ts'
import { storageOf } from '../../proxmox/property-string.ts'
import { nowIso } from '../dependencies.ts'
import type { Pass } from '../pass.ts'
import { noted } from '../status.ts'
import { changeRestore } from './restore-state.ts'

/** A lost answer is no answer; a storage that hangs is not waited for. */
const mostTries = 4

/** What cannot be done is told, and holds nothing up: the VM is whole. */
export async function endRestore({ draft, deps, memory }: Pick<Pass, 'draft' | 'deps' | 'memory'>, cluster: PveCluster): Promise<void> {
  const { running } = draft.status.restore ?? {}
  if (!running?.unprotect) return
  deps.mayAct()
  try {
    await cluster.pve.protectBackup(running.node, storageOf(running.volume) ?? '', running.volume, false)
  } catch (fault) {
    memory.unprotectTries = (memory.unprotectTries ?? 0) + 1
    if (judge(fault).kind === 'unknown-outcome' && memory.unprotectTries < mostTries) throw fault
    const why = `${running.volume} stays protected: ${judge(fault).message.trim()}`
    draft.change(noted('restore', nowIso(deps.clock), 'StaysProtected', why))
  }
  delete memory.unprotectTries
  draft.change(changeRestore(({ unprotect: _, ...rest }) => rest))
}
