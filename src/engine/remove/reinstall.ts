import type { PveCluster } from '../../cluster/cluster.ts'
import { fails, standing } from '../conditions.ts'
import { deleteCredentials } from '../create/credentials.ts'
import type { Pass } from '../pass.ts'
import { anew, begun, type Running } from '../reinstall-state.ts'
import { removals, removeFromPve } from './removal.ts'
import { nowIso, tell } from '../dependencies.ts'
import { judged } from '../status.ts'
import { type Outcome, done } from '../../ladder/outcome.ts'

/** The intent is in status before anything is deleted, so that an interrupted reinstall is finished and never begun twice. */
export async function beginReinstall({ room, record }: Pass, running: Omit<Running, 'since'>): Promise<void> {
  const iso = nowIso(room.clock)
  const { verdicts, dropped } = standing('reconciling', 'Reinstalling', `Reinstall ${running.requestID} is under way.`)
  record.change(begun({ ...running, since: iso }), judged(record.vm, iso, verdicts, dropped))
  await record.save()
  const { name, vmid, tag } = running.template ?? record.vm.spec.template
  tell(room, record.vm, 'Normal', 'ReinstallStarted', `request ${running.requestID}, template ${name ?? vmid ?? tag}`)
}

/** Deletes the old VM with all its disks and snapshots. VMID, MAC, names and addresses stay, backups too; the password is made anew. */
export async function clearForReinstall(it: Pass, cluster: PveCluster, running: Running): Promise<Outcome> {
  const { record, room } = it
  const gone = await removeFromPve(it, cluster, removals.reinstall)
  if (gone.is !== 'done') return gone
  room.mayAct()
  await deleteCredentials(record.vm, room.client)
  const iso = nowIso(room.clock)
  record.change(
    anew({ ...running, removed: true }),
    judged(record.vm, iso, [fails('Cloned', 'Reinstalling', 'The old VM is gone; the new one is not made yet.')]),
  )
  await record.save()
  return done
}
