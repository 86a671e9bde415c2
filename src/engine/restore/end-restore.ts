/** The end of a restore: its file needs no protection any more. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { judge } from '../../proxmox/failures.ts'
import { storageOf } from '../../proxmox/property-string.ts'
import { nowIso } from '../dependencies.ts'
import type { Pass } from '../pass.ts'
import { noted } from '../status.ts'
import { changeRestore } from './restore-state.ts'

/** What cannot be done is told, and holds nothing up: the VM is whole. */
export async function endRestore({ draft, deps }: Pick<Pass, 'draft' | 'deps'>, cluster: PveCluster): Promise<void> {
  const { running } = draft.status.restore ?? {}
  if (!running?.unprotect) return
  deps.mayAct()
  try {
    await cluster.pve.protectBackup(running.node, storageOf(running.volume) ?? '', running.volume, false)
  } catch (fault) {
    const why = `${running.volume} stays protected: ${judge(fault).message.trim()}`
    draft.change(noted('restore', nowIso(deps.clock), 'StaysProtected', why))
  }
  draft.change(changeRestore(({ unprotect: _, ...rest }) => rest))
}
