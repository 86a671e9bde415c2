import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import { type Errand, mayDestroy } from './brake.ts'
import { deleteBackup, nextBackup } from './backups.ts'
import { findRunningClone, lookUpRequests } from '../create/clone-task.ts'
import { awaitLateClones } from '../create/late-clones.ts'
import { Look } from '../look.ts'
import type { Pass } from '../pass.ts'
import { silenceOf } from '../references.ts'
import { lockObstacle, stuckLock } from '../lock-sentence.ts'
import { quorumDoubt } from '../quorum.ts'
import { nowIso } from '../dependencies.ts'
import { working } from '../status.ts'
import type { VMStatusDraft } from '../status-draft.ts'
import { type Outcome, stalled, wait, waitForTask } from '../../ladder/outcome.ts'
import { markOf } from '../../ladder/mark.ts'
import { whoseGuest } from '../whose-guest.ts'

/** What goes with the VM. Its own disks always do. */
export interface Removal {
  /** As the brake on deletions counts it. */
  readonly kind: Errand['kind']
  /** Else a running VM is an obstacle. */
  readonly cutsPower: boolean
  readonly backups: boolean
  readonly snapshots: boolean
  /** Volumes of this VMID on any storage that the configuration does not name. */
  readonly unreferencedDisks: boolean
}

export const removals = {
  terminate: { kind: 'deletion', cutsPower: true, backups: true, snapshots: true, unreferencedDisks: true },
  remove: { kind: 'Remove', cutsPower: false, backups: false, snapshots: false, unreferencedDisks: false },
  reinstall: { kind: 'reinstall', cutsPower: true, backups: false, snapshots: true, unreferencedDisks: true },
} as const satisfies Record<string, Removal>

/** Everything else (a shutdown, a resize) is overtaken by cutting the power. */
const notInterrupted: ReadonlySet<string> = new Set(['clone', 'stop', 'delete_backups', 'delete_snapshots', 'remove'])

/** `done` once the VM is proved to be gone. */
export async function removeFromPve(pass: Pass, cluster: PveCluster, what: Removal): Promise<Outcome> {
  const { draft, key } = pass
  const { status } = draft
  const vmid = status.vmid ?? 0
  cluster.cloneSlots.release(key)
  const { step } = status
  if (step?.upid && notInterrupted.has(step.name) && !cluster.tasks.ended(step.upid))
    return waitForTask(step.upid, `${step.name} of VM ${vmid} is under way.`)
  const silence = silenceOf(cluster, pass.deps.clock)
  if (silence) return silence
  const look = await freshLook(pass, cluster)
  switch (look.seen.guest) {
    case 'absent':
      return await awaitLateClones(pass, cluster)
    case 'unproved':
      return wait('Unreachable', `PVE cannot tell for certain whether VM ${vmid} is gone: ${look.doubt}.`, 10_000)
    case 'foreign':
      return await foreign(pass, cluster, look)
    case 'copying':
      return await copyingOrStuck(pass, cluster, look)
    case 'ours':
      return await takeDown(pass, cluster, look, what)
  }
}

async function freshLook({ deps, draft: { vm, status } }: Pass, cluster: PveCluster): Promise<Look> {
  const vmid = status.vmid ?? 0
  const mark = markOf(vm.metadata.uid ?? '', vmid)
  const look = new Look({ cluster, vmid, mark, ...(status.node && { expectedNode: status.node }), proofSinceMs: deps.clock.monotonicMs() })
  await look.need('presence')
  return look
}

/** The number has another owner: ours is gone, and the stranger is not touched. One that may be our VM without its mark keeps its address. */
async function foreign(pass: Pass, cluster: PveCluster, look: Look): Promise<Outcome> {
  const { vmid = 0 } = pass.draft.status
  const doubt = await quorumDoubt(cluster)
  if (doubt) return doubt
  // A VM that is being restored has neither mark nor network yet, and may be ours.
  if (look.seen.lock === 'create') return wait('Locked', `VM ${vmid} is just being created or restored in PVE.`, 10_000)
  const whose = await whoseGuest(pass, look)
  if (whose.is === 'another' || (whose.is === 'former' && whose.uses.length === 0)) return await awaitLateClones(pass, cluster)
  const why =
    whose.is === 'doubtful' ? whose.why : `carries the mark of a former object (uid ${whose.uid}) and uses ${whose.uses.join(', ')}`
  const remedy = `put the line "${markOf(pass.draft.vm.metadata.uid ?? '', vmid)}" into its description in PVE, or delete the VM there`
  return stalled(
    'VMForeign',
    `VM ${vmid} on ${look.at.node} ${why} and does not carry its mark. Nothing is touched or freed. An admin can ${remedy}.`,
  )
}

/** Nobody can be sure of a clone whose task has just been looked for under its lock. */
async function copyingOrStuck(pass: Pass, cluster: PveCluster, look: Look): Promise<Outcome> {
  const { vmid = 0 } = pass.draft.status
  const { running, mayBegin } = await lookUpRequests(pass, cluster)
  const task = running ?? (await findRunningClone(cluster, vmid))
  if (task) return waitForTask(task, `The clone to VM ${vmid} must end first.`)
  if (mayBegin || pass.draft.written.remoteLock !== 'clone') {
    pass.draft.change((status) => ({ ...status, remoteLock: 'clone' }))
    return wait('Terminating', `The clone to VM ${vmid} must end first.`, 2_000)
  }
  return stalled(
    'StuckLock',
    `${stuckLock(look.at, 'clone')} Otherwise an admin must run on ${look.at.node}: qm unlock ${vmid}. Then the operator deletes it.`,
  )
}

async function takeDown(pass: Pass, cluster: PveCluster, look: Look, what: Removal): Promise<Outcome> {
  const { deps, draft } = pass
  const { status } = draft
  const { lock, config } = look.seen
  if (lock && lock !== 'suspended') {
    const seenBefore = draft.written.remoteLock
    draft.change((before) => ({ ...before, remoteLock: lock }))
    return await lockObstacle({ cluster, at: look.at, lock, seenBefore, holdsUp: 'the VM is deleted when the lock goes' })
  }
  if (config?.values.protection === '1')
    return stalled(
      'Protected',
      `VM ${status.vmid} is protected in PVE; an admin clears that (qm set ${status.vmid} --protection 0), then it is taken down.`,
    )
  await look.need('power')
  if (look.seen.power === 'running' && !what.cutsPower) return runs(draft)
  const leave = await mayDestroy(pass, cluster, errandOf(what, status))
  if (leave.is !== 'done') return leave
  if (look.seen.power === 'running') return await cutPower(pass, cluster, look)
  const backups = what.backups ? await removeBackups(pass, cluster) : undefined
  const before = backups ?? (what.snapshots ? await removeSnapshot(pass, cluster, look) : undefined)
  if (before) return before
  deps.mayAct()
  const upid = await cluster.pve.destroy(look.at, { unreferencedDisks: what.unreferencedDisks })
  draft.change(working('remove', nowIso(deps.clock), { upid }))
  await draft.save()
  return waitForTask(upid, `VM ${status.vmid} is being deleted on ${look.seen.node}.`)
}

function errandOf({ kind }: Removal, { reinstall }: ProxmoxVMStatus): Errand {
  const id = kind === 'reinstall' ? reinstall?.running?.requestID : undefined
  return { kind, ...(id && { id }) }
}

function runs({ status }: VMStatusDraft): Outcome {
  return stalled(
    'VMRunning',
    `VM ${status.vmid} is running and only a VM that is off is removed; shut it down in the guest or in PVE, or set deletionPolicy to Terminate.`,
  )
}

async function cutPower({ deps, draft }: Pass, cluster: PveCluster, look: Look): Promise<Outcome> {
  deps.mayAct()
  draft.change(working('stop', nowIso(deps.clock)))
  return waitForTask(await cluster.pve.stop(look.at, { overruleShutdown: true }), `Power of VM ${draft.status.vmid} is being cut.`)
}

async function removeBackups({ deps, draft }: Pass, cluster: PveCluster): Promise<Outcome | undefined> {
  const found = await nextBackup(cluster, draft.status)
  if (found.is === 'none') return undefined
  if (found.is === 'unseen') return stalled('PermissionDenied', found.why)
  deps.mayAct()
  draft.change(working('delete_backups', nowIso(deps.clock)))
  const task = await deleteBackup(cluster, found.backup)
  return task
    ? waitForTask(task, `Backup ${found.backup.volid} is being deleted.`)
    : wait('Terminating', `Backup ${found.backup.volid} was deleted.`, 0)
}

async function removeSnapshot({ deps, draft }: Pass, cluster: PveCluster, look: Look): Promise<Outcome | undefined> {
  const [snapshot] = await cluster.pve.snapshots(look.at)
  if (!snapshot) return undefined
  deps.mayAct()
  draft.change(working('delete_snapshots', nowIso(deps.clock)))
  return waitForTask(await cluster.pve.deleteSnapshot(look.at, snapshot.name), `Snapshot ${snapshot.name} is being deleted.`)
}
