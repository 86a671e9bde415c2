/** The one request of a restore: what hangs on the VM is noted, the brake is asked, the file is protected, and all of it is on record before. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { type Outcome, waitForTask, wait } from '../../ladder/outcome.ts'
import { judge } from '../../proxmox/failures.ts'
import { nowIso } from '../dependencies.ts'
import type { Pass } from '../pass.ts'
import { pveTime } from '../pve-time.ts'
import { mayDestroy } from '../remove/brake.ts'
import { notePossessions } from '../remove/foreign-possessions.ts'
import { RemovalLook } from '../remove/removal-look.ts'
import { pauseLeft } from '../remove/removal.ts'
import { type Change, working } from '../status.ts'
import type { RestorePlan } from './restore-check.ts'
import { changeRestore, withFile } from './restore-state.ts'

export async function askRestore(pass: Pass, cluster: PveCluster, plan: RestorePlan): Promise<Outcome> {
  const { draft, deps, memory } = pass
  const { running } = draft.status.restore ?? {}
  const pause = pauseLeft(pass)
  if (pause) return pause
  const uid = draft.vm.metadata.uid ?? ''
  if (plan.force && !running?.isDiskless) {
    const noted = await notePossessions(pass, cluster, new RemovalLook({ cluster, status: draft.status, uid, look: plan.look }))
    if (noted.is !== 'done') return noted
    const leave = await mayDestroy(pass, cluster, { kind: 'restore', id: running?.requestID ?? '' })
    if (leave.is !== 'done') return leave
  }
  const { volume, node, force, file } = plan
  draft.change(
    changeRestore(({ upid: _, ...rest }) => ({
      ...withFile(rest, { volume, node, isProtected: file.isProtected }),
      force,
      askedAt: pveTime(cluster, deps),
    })),
    withoutVolumesInFile(plan.keys),
    working('restore', nowIso(deps.clock), { ...(running?.attempts !== undefined && { attempts: running.attempts }) }),
  )
  await draft.save()
  memory.restore = { askedMs: deps.clock.monotonicMs() }
  deps.mayAct()
  if (!file.isProtected) await cluster.pve.protectBackup(node, plan.storage, volume, true)
  return await send(pass, cluster, plan)
}

/** PVE frees them, and gives their names to other volumes. The system disk keeps its own, by which an untouched VM is known. */
const withoutVolumesInFile =
  (keys: readonly string[]): Change =>
  ({ disks, ...status }) => ({
    ...status,
    ...(disks && {
      disks: disks.map(({ volume, ...disk }) =>
        volume === undefined || (disk.name !== 'system' && keys.includes(disk.key)) ? disk : { ...disk, volume },
      ),
    }),
  })

async function send({ draft, deps, key }: Pass, cluster: PveCluster, { volume, node, force }: RestorePlan): Promise<Outcome> {
  const { vmid = 0, possessions } = draft.status
  const pool = possessions?.pool ?? (force ? undefined : cluster.spec.pvePool)
  deps.mayAct()
  deps.log.info({ vm: key, vmid, volume }, 'restore')
  try {
    // A reboot of the node must not start it with the addresses of then; the first configuration sets onboot.
    const upid = await cluster.pve.restore(
      { node, vmid },
      { archive: volume, force, onboot: false, ...(pool !== undefined && !force && { pool }) },
    )
    draft.change(
      changeRestore((running) => ({ ...running, upid })),
      working('restore', nowIso(deps.clock), { upid }),
    )
    await draft.save()
    return waitForTask(upid, `PVE restores VM ${vmid} from ${volume}.`)
  } catch (fault) {
    const failure = judge(fault)
    if (failure.kind === 'unknown-outcome' || failure.kind === 'other') throw fault
    // PVE refuses before it touches anything.
    draft.change(changeRestore(({ askedAt: _, upid: _b, ...running }) => running))
    await draft.save()
    if (failure.kind === 'locked')
      return wait(
        'Locked',
        `PVE holds the lock "${failure.lock}" on VM ${vmid}; the operator asks for the restore when PVE releases the lock.`,
        5_000,
      )
    throw fault
  }
}
