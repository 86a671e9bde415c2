import { judge, judgeExit } from '../../proxmox/failures.ts'
import { clonedFull, dropIntent } from './intent-state.ts'
import { cloneAgeMs, findCloneTask, silentWindowMs } from './clone-task.ts'
import { standing } from '../conditions.ts'
import { nowIso, tell } from '../dependencies.ts'
import { judged, working } from '../status.ts'
import { progressOf } from '../../api/progress.ts'
import { isBirth, pinnedVmidOf, templateFor } from '../../want/birth.ts'
import type { Climb } from '../climb-pass.ts'
import { type Outcome, done, retry, stalled, wait, waitForTask } from '../../ladder/outcome.ts'
import { conditionOf, isTrue } from '../../api/condition.ts'

/**
 * The rung `clone`: afterwards the VM exists, has our mark and no lock `clone`, and its configuration has been read. A request may have been
 * lost on the way there or back, so "absent" can mean "not yet": a second one is made only when the first is known to have had no effect.
 */
export async function ensureCloned(it: Climb): Promise<Outcome> {
  const { look, record, cluster } = it
  const under = underWay(it)
  if (under) return under
  if (it.memory.cloneUnasked) return await ask(it)
  await look.need('presence')
  switch (look.seen.guest) {
    case 'ours':
      cluster.cloneSlots.release(it.key)
      return isHalfMade(it) ? halfMade(it) : done
    case 'copying':
      return await copying(it)
    case 'foreign':
      return foreign(it)
    case 'unproved':
      return retry('Unreachable', `PVE cannot tell for certain whether VM ${record.status.vmid} exists: ${look.doubt}.`)
    case 'absent':
      return await absent(it)
  }
}

/** The receipt of a clone: while its task runs there is nothing to look at. */
function underWay({ record, cluster, key }: Climb): Outcome | undefined {
  const { step, template } = record.status
  if (step?.name !== 'clone' || !step.upid || cluster.tasks.ended(step.upid)) return undefined
  if (clonedFull(record.vm, record.status)) cluster.cloneSlots.hold(template?.node ?? '', key)
  return waitForTask(step.upid, sentence(record.status))
}

const sentence = (status: Climb['record']['status']) =>
  `Template ${status.template?.vmid} is being cloned to VM ${status.vmid} on ${status.node}.`

/**
 * PVE takes the lock off a clone only when it is whole, and removes one that failed. One that is there without its lock although its task
 * ended badly was unlocked by hand, with disks missing perhaps.
 */
function isHalfMade({ record, cluster }: Climb): boolean {
  const { step, conditions } = record.status
  if (isTrue(conditions, 'Cloned') || step?.name !== 'clone' || !step.upid) return false
  const end = cluster.tasks.ended(step.upid)
  return end?.is === 'failed' || (end?.is === 'unknown' && end.why === 'unexpected status')
}

function halfMade({ record, look }: Climb): Outcome {
  const { vmid } = record.status
  const remedy = `An admin must run on that node: qm destroy ${vmid}; then it is cloned anew`
  return stalled(
    'StuckLock',
    `The clone to VM ${vmid} on ${look.seen.node} never finished, and what it left was unlocked by hand. ${remedy}.`,
  )
}

async function absent(it: Climb): Promise<Outcome> {
  const { record, room, cluster } = it
  const { status } = record
  if (!isBirth(status)) {
    const kept = 'VMID and addresses are kept; it is not cloned again by itself'
    return stalled(
      'VMMissing',
      `VM ${status.vmid} was ready and is gone from PVE. ${kept}: restore it in PVE, delete the object, or build it anew with the command Clone or Reinstall.`,
    )
  }
  if (cluster.deleting) return stalled('ClusterDeleting', `ProxmoxCluster ${cluster.name} is being deleted and takes no new VMs.`)
  const end = status.step?.upid ? cluster.tasks.ended(status.step.upid) : undefined
  if (end?.is === 'failed') return afterFailure(it, end.exitstatus)
  const lost = await findCloneTask(cluster, status)
  if (lost?.running) return await follow(it, lost.upid)
  const wasThere = isTrue(status.conditions, 'Cloned') && it.memory.cloneAskedMs === undefined
  if (wasThere || cloneAgeMs(room, status, it.memory) >= silentWindowMs) return await ask(it)
  return wait(
    'Retrying',
    `The answer to the clone request may have been lost; if VM ${status.vmid} does not appear within a minute it is asked for again.`,
    5_000,
  )
}

/** PVE removes what a failed clone left behind, so the VMID is free again; the receipt is dropped and the next attempt asks anew. */
function afterFailure(it: Climb, exitstatus: string): Outcome {
  const failure = judgeExit(exitstatus)
  it.cluster.cloneSlots.release(it.key)
  it.record.change(working('clone', nowIso(it.room.clock)))
  it.memory.cloneUnasked = true
  if (failure.kind === 'taken' && pinnedVmidOf(it.record.vm, it.record.status) === undefined)
    return chooseAgain(it, `VMID ${it.record.status.vmid} was taken meanwhile`)
  if (failure.kind === 'no-space') return chooseAgain(it, `The clone found no room on ${it.record.status.node}: ${exitstatus}`, 30_000)
  return failure.terminal
    ? stalled(failure.reason, `The clone failed: ${exitstatus}`)
    : retry(failure.reason, `The clone failed: ${exitstatus}`)
}

async function ask(it: Climb): Promise<Outcome> {
  const { record, cluster, room, key, identity } = it
  const { template, node } = record.status
  const source = { node: template?.node ?? '', vmid: template?.vmid ?? 0 }
  const { storage } = templateFor(record.vm, record.status)
  const isFull = clonedFull(record.vm, record.status)
  const look = await cluster.templates.config(source)
  if (look.is === 'refused') return chooseAgain(it, look.message, 30_000)
  if (isFull) {
    const slot = cluster.cloneSlots.take(source.node, key)
    if (!slot.granted) return wait('Queued', `Waits for a clone slot of node ${source.node}, position ${slot.position}.`, 60_000)
  }
  room.mayAct()
  const isFirst = it.memory.cloneUnasked
  it.memory.cloneUnasked = false
  it.memory.cloneAskedMs = room.clock.now()
  try {
    const upid = await cluster.pve.clone(source, {
      newid: identity.vmid,
      name: identity.name,
      description: identity.description,
      full: isFull,
      ...(isFull && storage && { storage }),
      ...(node && node !== source.node && { target: node }),
    })
    tell(room, record.vm, 'Normal', 'CloneStarted', sentence(record.status))
    return await follow(it, upid)
  } catch (fault) {
    return refused(it, fault, isFirst)
  }
}

/** Where PVE may have begun, the next pass looks for the task before it asks again; a clear refusal leaves nothing behind. */
function refused(it: Climb, fault: unknown, isFirst: boolean): Outcome {
  const failure = judge(fault)
  if (failure.kind === 'unknown-outcome') throw fault
  it.cluster.cloneSlots.release(it.key)
  delete it.memory.cloneAskedMs
  // Perhaps by a request of ours whose answer was lost: whose the VM is, only a look can tell, and another number would make a second one.
  if (failure.kind === 'taken' && !isFirst) return retry('Retrying', `VMID ${it.identity.vmid} has just been taken.`)
  it.memory.cloneUnasked = true
  if (failure.kind !== 'taken') throw fault
  if (pinnedVmidOf(it.record.vm, it.record.status) === undefined) return chooseAgain(it, `VMID ${it.identity.vmid} was taken meanwhile`)
  return stalled('VMIDTaken', takenSentence(it.identity.vmid))
}

/** The receipt is in status before anybody waits for it; with it, PVE's time of the clone, from which backups are counted as this VM's. */
async function follow({ record, room, memory }: Climb, upid: string): Promise<Outcome> {
  delete memory.cloneAskedMs
  const iso = nowIso(room.clock)
  const clonedAt = `${new Date(startOf(upid) * 1000).toISOString().slice(0, 19)}Z`
  const { verdicts, dropped } = standing('reconciling', 'TaskRunning', sentence(record.status))
  record.change(working('clone', iso, { upid }), judged(record.vm, iso, verdicts, dropped), (status) => ({
    ...status,
    localStatus: 'clone',
    progress: progressOf('clone'),
    clonedAt: status.clonedAt ?? clonedAt,
  }))
  await record.save()
  return waitForTask(upid, sentence(record.status))
}

/** Seconds since the epoch by PVE's clock (fifth field of a UPID, hexadecimal). */
const startOf = (upid: string) => Number.parseInt(upid.split(':')[4] ?? '0', 16)

async function copying({ record, cluster, look, room, memory }: Climb): Promise<Outcome> {
  const { status } = record
  const hasEnded = status.step?.upid !== undefined && cluster.tasks.ended(status.step.upid) !== undefined
  // Also after the end of the task we know: it may have failed because one whose answer was lost was first.
  const task = await findCloneTask(cluster, status)
  if (task?.running) return waitForTask(task.upid, sentence(status))
  // What was judged stuck stays so: the receipt is no longer shown, and its task has not come back.
  const isStuck = conditionOf(status.conditions, 'Stalled')?.reason === 'StuckLock'
  if (!hasEnded && !isStuck && cloneAgeMs(room, status, memory) < silentWindowMs) return wait('TaskRunning', sentence(status), 2_000)
  return stalled(
    'StuckLock',
    `VM ${status.vmid} on ${look.seen.node} has lock "clone" and no task is running. The copy is half made: an admin must run on that node: qm unlock ${status.vmid} && qm destroy ${status.vmid}. It is cloned anew then, with the same VMID and addresses.`,
  )
}

const takenSentence = (vmid: number) =>
  `VMID ${vmid} belongs to another guest, which is never adopted; free it, or make another ProxmoxVM with another vmid.`

function foreign(it: Climb): Outcome {
  const { record } = it
  const vmid = record.status.vmid ?? 0
  if (isTrue(record.status.conditions, 'Cloned'))
    return stalled('VMForeign', `VM ${vmid} in PVE does not carry this object's mark any more; it is not touched.`)
  return pinnedVmidOf(record.vm, record.status) === undefined
    ? chooseAgain(it, `VMID ${vmid} belongs to another guest`)
    : stalled('VMIDTaken', takenSentence(vmid))
}

/** Drops the intent: the next pass forms a new one. MAC and addresses stay. */
function chooseAgain(it: Climb, why: string, lookAfterMs = 0): Outcome {
  it.room.intents.forget(it.record.vm.metadata.uid ?? '')
  it.record.change(dropIntent)
  return wait('Provisioning', `${why}; another place is chosen.`, lookAfterMs)
}
