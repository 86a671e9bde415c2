import type { PveCluster } from '../../cluster/cluster.ts'
import { fails, readiness } from '../conditions.ts'
import { deleteCredentials } from '../create/credentials.ts'
import type { Pass } from '../pass.ts'
import { forgetOldDisk, noteReinstallBegun, type Running } from '../reinstall-state.ts'
import { removals } from '../../lifecycle.ts'
import { removeFromPve } from './removal.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
import { judged } from '../status.ts'
import { type Outcome, done } from '../../ladder/outcome.ts'

/** The intent is in status before anything is deleted, so that an interrupted reinstall is finished and never begun twice. */
export async function beginReinstall({ deps, draft }: Pass, running: Omit<Running, 'since'>): Promise<void> {
  const iso = nowIso(deps.clock)
  const { verdicts, dropped } = readiness('reconciling', 'Reinstalling', `Reinstall ${running.requestID} is under way.`)
  draft.change(noteReinstallBegun({ ...running, since: iso }), judged(draft.vm, iso, verdicts, dropped))
  await draft.save()
  const { name, vmid, tag } = running.template ?? draft.vm.spec.template
  recordEvent(deps, draft.vm, 'Normal', 'ReinstallStarted', `request ${running.requestID}, template ${name ?? vmid ?? tag}`)
}

/** Deletes the old VM with all its disks and snapshots. VMID, MAC, names and addresses stay, backups too; the password is made anew. */
export async function clearForReinstall(pass: Pass, cluster: PveCluster, running: Running): Promise<Outcome> {
  const { draft, deps } = pass
  const gone = await removeFromPve(pass, cluster, { ladder: removals.clear, errand: { kind: 'reinstall', id: running.requestID } })
  if (gone.is !== 'done') return gone
  deps.mayAct()
  await deleteCredentials(draft.vm, deps.client)
  const iso = nowIso(deps.clock)
  draft.change(
    forgetOldDisk({ ...running, removed: true }),
    judged(draft.vm, iso, [fails('Cloned', 'Reinstalling', 'The old VM is gone; the new one is not made yet.')]),
  )
  await draft.save()
  return done
}
