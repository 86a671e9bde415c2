/** The one request of a restore: what hangs on the VM is noted, quorum and the brake are asked, the file is protected, and all of it is on record before. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { type Outcome, waitForTask, wait } from '../../ladder/outcome.ts'
import { judge } from '../../proxmox/failures.ts'
import { nowIso } from '../dependencies.ts'
import type { Pass } from '../pass.ts'
import { quorumDoubt } from '../quorum.ts'
import { mayDestroy } from '../remove/brake.ts'
import { notePossessions } from '../remove/foreign-possessions.ts'
import { RemovalLook } from '../remove/removal-look.ts'
import { pauseLeft } from '../remove/removal.ts'
import { noted, working } from '../status.ts'
import { endRestore } from './end-restore.ts'
import type { RestorePlan } from './restore-check.ts'
import { changeRestore } from './restore-state.ts'

export async function askRestore(pass: Pass, cluster: PveCluster, plan: RestorePlan): Promise<Outcome> {
  const { draft, deps, memory } = pass
  const { running } = draft.status.restore ?? {}
  const pause = pauseLeft(pass)
  if (pause) return pause
  const uid = draft.vm.metadata.uid ?? ''
  if (plan.force && !running?.isDiskless) {
    const noted = await notePossessions(pass, cluster, new RemovalLook({ cluster, status: draft.status, uid, look: plan.look }))
    if (noted.is !== 'done') return noted
    const doubt = await quorumDoubt(cluster)
    if (doubt) return doubt
    const leave = await mayDestroy(pass, cluster, { kind: 'restore', id: running?.requestID ?? '' })
    if (leave.is !== 'done') return leave
  }
  const { volume, node, force, file } = plan
  await leaveFormerFile(pass, cluster, volume)
  const isProtectedByUs = running?.unprotect === true && running.volume === volume
  draft.change(
    changeRestore(({ upid: _, unprotect: __, ...rest }) => ({
      ...rest,
      volume,
      node,
      force,
      askedAt: pveTime(deps.clock.now() + cluster.clockSkewMs),
      ...((!file.isProtected || isProtectedByUs) && { unprotect: true }),
    })),
    working('restore', nowIso(deps.clock), { ...(running?.attempts !== undefined && { attempts: running.attempts }) }),
  )
  await draft.save()
  memory.restore = { askedMs: deps.clock.monotonicMs() }
  deps.mayAct()
  if (!file.isProtected) await cluster.pve.protectBackup(node, plan.storage, volume, true)
  return await send(pass, cluster, plan)
}

/** Another file takes the place of the one that was protected. Where the disks are gone it stays so, since no other may be whole. */
async function leaveFormerFile(pass: Pass, cluster: PveCluster, next: string): Promise<void> {
  const { draft, deps } = pass
  const { running } = draft.status.restore ?? {}
  if (!running?.unprotect || running.volume === next) return
  if (!running.isDiskless) return await endRestore(pass, cluster)
  const why = `${running.volume} stays protected: the disks of VM ${draft.status.vmid} were gone when ${next} took its place`
  draft.change(noted('restore', nowIso(deps.clock), 'StaysProtected', why))
}

const pveTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`

async function send({ draft, deps, key }: Pass, cluster: PveCluster, { volume, node, force }: RestorePlan): Promise<Outcome> {
  const { vmid = 0, possessions } = draft.status
  const pool = possessions?.pool ?? (force ? undefined : cluster.spec.pvePool)
  deps.mayAct()
  deps.log.info({ vm: key, vmid, volume }, 'restore')
  try {
    const upid = await cluster.pve.restore({ node, vmid }, { archive: volume, force, ...(pool !== undefined && !force && { pool }) })
    draft.change(
      changeRestore((running) => ({ ...running, upid })),
      working('restore', nowIso(deps.clock), { upid }),
    )
    await draft.save()
    return waitForTask(upid, `VM ${vmid} is being restored from ${volume}.`)
  } catch (fault) {
    const failure = judge(fault)
    if (failure.kind === 'unknown-outcome' || failure.kind === 'other') throw fault
    // PVE refuses before it touches anything.
    draft.change(changeRestore(({ askedAt: _, upid: _b, ...running }) => running))
    await draft.save()
    if (failure.kind === 'locked')
      return wait('Locked', `PVE holds the lock "${failure.lock}" on VM ${vmid}; the restore is asked for when it goes.`, 5_000)
    throw fault
  }
}
