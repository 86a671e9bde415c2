import { judge, judgeExit } from '../../proxmox/failures.ts'
import { clonedFull, dropIntent, vmidTaken } from './intent-state.ts'
import { cloneAgeMs, findCloneTask, silentWindowMs } from './clone-task.ts'
import { readiness } from '../conditions.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
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
export async function ensureCloned(climb: Climb): Promise<Outcome> {
  const { look, draft, cluster } = climb
  const under = underWay(climb)
  if (under) return under
  if (climb.memory.clone.isUnasked) return await ask(climb)
  await look.need('presence')
  switch (look.seen.guest) {
    case 'ours':
      cluster.cloneSlots.release(climb.key)
      return isHalfMade(climb) ? halfMade(climb) : done
    case 'copying':
      return await copying(climb)
    case 'foreign':
      return foreign(climb)
    case 'unproved':
      return retry('Unreachable', `PVE cannot tell for certain whether VM ${draft.status.vmid} exists: ${look.doubt}.`)
    case 'absent':
      return await absent(climb)
  }
}

/** The receipt of a clone: while its task runs there is nothing to look at. */
function underWay({ draft, cluster, key }: Climb): Outcome | undefined {
  const { step, template } = draft.status
  if (step?.name !== 'clone' || !step.upid || cluster.tasks.ended(step.upid)) return undefined
  if (clonedFull(draft.vm, draft.status)) cluster.cloneSlots.hold(template?.node ?? '', key)
  return waitForTask(step.upid, sentence(draft.status))
}

const sentence = (status: Climb['draft']['status']) =>
  `Template ${status.template?.vmid} is being cloned to VM ${status.vmid} on ${status.node}.`

/**
 * PVE takes the lock off a clone only when it is whole, and removes one that failed. One that is there without its lock although its task
 * ended badly was unlocked by hand, with disks missing perhaps.
 */
function isHalfMade({ draft, cluster }: Climb): boolean {
  const { step, conditions } = draft.status
  if (isTrue(conditions, 'Cloned') || step?.name !== 'clone' || !step.upid) return false
  const end = cluster.tasks.ended(step.upid)
  return end?.is === 'failed' || (end?.is === 'unknown' && end.why === 'unexpected status')
}

function halfMade({ draft, look }: Climb): Outcome {
  const { vmid } = draft.status
  const remedy = `An admin must run on that node: qm destroy ${vmid}; then it is cloned anew`
  return stalled(
    'StuckLock',
    `The clone to VM ${vmid} on ${look.seen.node} never finished, and what it left was unlocked by hand. ${remedy}.`,
  )
}

async function absent(climb: Climb): Promise<Outcome> {
  const { draft, deps, cluster } = climb
  const { status } = draft
  if (!isBirth(status)) {
    const kept = 'VMID and addresses are kept; it is not cloned again by itself'
    return stalled(
      'VMMissing',
      `VM ${status.vmid} was ready and is gone from PVE. ${kept}: restore it in PVE, delete the object, or build it anew with the command Clone or Reinstall.`,
    )
  }
  if (cluster.deleting) return stalled('ClusterDeleting', `ProxmoxCluster ${cluster.name} is being deleted and takes no new VMs.`)
  const end = status.step?.upid ? cluster.tasks.ended(status.step.upid) : undefined
  if (end?.is === 'failed') return afterFailure(climb, end.exitstatus)
  const lost = await findCloneTask(cluster, status)
  if (lost?.running) return await follow(climb, lost.upid)
  const wasThere = isTrue(status.conditions, 'Cloned') && climb.memory.clone.askedMs === undefined
  if (wasThere || cloneAgeMs(deps, status, climb.memory) >= silentWindowMs) return await ask(climb)
  return wait(
    'Retrying',
    `The answer to the clone request may have been lost; if VM ${status.vmid} does not appear within a minute it is asked for again.`,
    5_000,
  )
}

/** PVE removes what a failed clone left behind, so the VMID is free again; the receipt is dropped and the next attempt asks anew. */
function afterFailure(climb: Climb, exitstatus: string): Outcome {
  const failure = judgeExit(exitstatus)
  climb.cluster.cloneSlots.release(climb.key)
  climb.draft.change(working('clone', nowIso(climb.deps.clock)))
  climb.memory.clone.isUnasked = true
  if (failure.kind === 'taken' && pinnedVmidOf(climb.draft.vm, climb.draft.status) === undefined)
    return chooseAgain(climb, `VMID ${climb.draft.status.vmid} was taken meanwhile`)
  if (failure.kind === 'no-space') return chooseAgain(climb, `The clone found no room on ${climb.draft.status.node}: ${exitstatus}`, 30_000)
  return failure.terminal
    ? stalled(failure.reason, `The clone failed: ${exitstatus}`)
    : retry(failure.reason, `The clone failed: ${exitstatus}`)
}

async function ask(climb: Climb): Promise<Outcome> {
  const { draft, cluster, deps, key, identity } = climb
  const { template, node } = draft.status
  const source = { node: template?.node ?? '', vmid: template?.vmid ?? 0 }
  const { storage } = templateFor(draft.vm, draft.status)
  const isFull = clonedFull(draft.vm, draft.status)
  const look = await cluster.templates.config(source)
  if (look.is === 'refused') return chooseAgain(climb, look.message, 30_000)
  if (isFull) {
    const slot = cluster.cloneSlots.take(source.node, key)
    if (!slot.granted) return wait('Queued', `Waits for a clone slot of node ${source.node}, position ${slot.position}.`, 60_000)
  }
  deps.mayAct()
  const isFirst = climb.memory.clone.isUnasked
  climb.memory.clone.isUnasked = false
  climb.memory.clone.askedMs = deps.clock.now()
  try {
    const upid = await cluster.pve.clone(source, {
      newid: identity.vmid,
      name: identity.name,
      description: identity.description,
      full: isFull,
      ...(isFull && storage && { storage }),
      ...(node && node !== source.node && { target: node }),
    })
    recordEvent(deps, draft.vm, 'Normal', 'CloneStarted', sentence(draft.status))
    return await follow(climb, upid)
  } catch (fault) {
    return refused(climb, fault, isFirst)
  }
}

/** Where PVE may have begun, the next pass looks for the task before it asks again; a clear refusal leaves nothing behind. */
function refused(climb: Climb, fault: unknown, isFirst: boolean): Outcome {
  const failure = judge(fault)
  if (failure.kind === 'unknown-outcome') throw fault
  climb.cluster.cloneSlots.release(climb.key)
  delete climb.memory.clone.askedMs
  // Perhaps by a request of ours whose answer was lost: whose the VM is, only a look can tell, and another number would make a second one.
  if (failure.kind === 'taken' && !isFirst) return retry('Retrying', `VMID ${climb.identity.vmid} has just been taken.`)
  climb.memory.clone.isUnasked = true
  if (failure.kind !== 'taken') throw fault
  if (pinnedVmidOf(climb.draft.vm, climb.draft.status) === undefined)
    return chooseAgain(climb, `VMID ${climb.identity.vmid} was taken meanwhile`)
  return vmidTaken(climb.identity.vmid)
}

/** The receipt is in status before anybody waits for it; with it, PVE's time of the clone, from which backups are counted as this VM's. */
async function follow({ draft, deps, memory }: Climb, upid: string): Promise<Outcome> {
  delete memory.clone.askedMs
  const iso = nowIso(deps.clock)
  const clonedAt = `${new Date(startOf(upid) * 1000).toISOString().slice(0, 19)}Z`
  const { verdicts, dropped } = readiness('reconciling', 'TaskRunning', sentence(draft.status))
  draft.change(working('clone', iso, { upid }), judged(draft.vm, iso, verdicts, dropped), (status) => ({
    ...status,
    localStatus: 'clone',
    progress: progressOf('clone'),
    clonedAt: status.clonedAt ?? clonedAt,
  }))
  await draft.save()
  return waitForTask(upid, sentence(draft.status))
}

/** Seconds since the epoch by PVE's clock (fifth field of a UPID, hexadecimal). */
const startOf = (upid: string) => Number.parseInt(upid.split(':')[4] ?? '0', 16)

async function copying({ draft, cluster, look, deps, memory }: Climb): Promise<Outcome> {
  const { status } = draft
  const hasEnded = status.step?.upid !== undefined && cluster.tasks.ended(status.step.upid) !== undefined
  // Also after the end of the task we know: it may have failed because one whose answer was lost was first.
  const task = await findCloneTask(cluster, status)
  if (task?.running) return waitForTask(task.upid, sentence(status))
  // What was judged stuck stays so: the receipt is no longer shown, and its task has not come back.
  const isStuck = conditionOf(status.conditions, 'Stalled')?.reason === 'StuckLock'
  if (!hasEnded && !isStuck && cloneAgeMs(deps, status, memory) < silentWindowMs) return wait('TaskRunning', sentence(status), 2_000)
  return stalled(
    'StuckLock',
    `VM ${status.vmid} on ${look.seen.node} has lock "clone" and no task is running. The copy is half made: an admin must run on that node: qm unlock ${status.vmid} && qm destroy ${status.vmid}. It is cloned anew then, with the same VMID and addresses.`,
  )
}

function foreign(climb: Climb): Outcome {
  const { draft } = climb
  const vmid = draft.status.vmid ?? 0
  if (isTrue(draft.status.conditions, 'Cloned'))
    return stalled('VMForeign', `VM ${vmid} in PVE does not carry this object's mark any more; it is not touched.`)
  return pinnedVmidOf(draft.vm, draft.status) === undefined ? chooseAgain(climb, `VMID ${vmid} belongs to another guest`) : vmidTaken(vmid)
}

/** Drops the intent: the next pass forms a new one. MAC and addresses stay. */
function chooseAgain(climb: Climb, why: string, lookAfterMs = 0): Outcome {
  climb.deps.inFlight.forget(climb.draft.vm.metadata.uid ?? '')
  climb.draft.change(dropIntent)
  return wait('Provisioning', `${why}; another place is chosen.`, lookAfterMs)
}
