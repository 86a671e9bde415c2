import { judge, judgeExit } from '../../proxmox/failures.ts'
import { clonedFull, dropIntent, vmidTaken } from './intent-state.ts'
import { whoseGuest } from '../whose-guest.ts'
import { ofRecord } from './recognise.ts'
import {
  ageMs,
  announceRequest,
  closeRequest,
  isAnnounced,
  noteTask,
  openRequests,
  requestLeaves,
  silentWindowMs,
} from './clone-requests.ts'
import { closeEnded, findRunningClone, lookUpRequests } from './clone-task.ts'
import { halfMade, stuckCopy } from './half-made.ts'
import { observes, wouldDo } from '../observe.ts'
import { readiness } from '../conditions.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
import { quorumDoubt } from '../quorum.ts'
import { failedSentence } from '../failure-sentence.ts'
import { judged, working } from '../status.ts'
import { progressOf } from '../../api/progress.ts'
import { needsQcow2 } from '../../want/directory-storage.ts'
import { isBirth, pinnedVmidOf, templateFor } from '../../want/birth.ts'
import type { Climb } from '../climb-pass.ts'
import { type Outcome, done, retry, stalled, wait, waitForTask } from '../../ladder/outcome.ts'
import { isTrue } from '../../api/condition.ts'
import { timeInSeconds } from '../../api/time.ts'

/**
 * The rung `clone`: afterwards the VM exists, has our mark and no lock `clone`, and its configuration has been read. A request may have been
 * lost on the way there or back, so "absent" can mean "not yet": the ledger in status says which may still take effect.
 */
export async function ensureCloned(climb: Climb): Promise<Outcome> {
  const { look, draft, cluster } = climb
  const under = underWay(climb)
  if (under) return under
  if (climb.memory.clone.isUnasked) return await ask(climb)
  await look.need('presence')
  switch (look.seen.guest) {
    case 'ours':
      return await ours(climb)
    case 'copying':
      return await copying(climb)
    case 'foreign':
      return (await ofRecord(climb, cluster)) ?? (await foreign(climb))
    case 'unproved':
      return look.unproved(`The operator cannot confirm whether VM ${draft.status.vmid} exists`)
    case 'absent':
      return await absent(climb)
  }
}

/** While the task of the only open request runs there is nothing to look at. */
function underWay({ draft, cluster, key, memory }: Climb): Outcome | undefined {
  const [request, another] = openRequests(draft.status, memory)
  if (!request?.upid || another || cluster.tasks.ended(request.upid)) return undefined
  if (clonedFull(draft.vm, draft.status)) cluster.cloneSlots.hold(request.node, key)
  return waitForTask(request.upid, sentence(draft.status))
}

const sentence = (status: Climb['draft']['status']) =>
  `PVE clones template ${status.template?.vmid} to VM ${status.vmid} on ${status.node}.`

/** It is whole if a request of ours ended well. Else its disks are compared: a lock lifted by hand leaves a VM without some of them. */
async function ours(climb: Climb): Promise<Outcome> {
  const { draft, cluster, key } = climb
  cluster.cloneSlots.release(key)
  const isMade = closeEnded(climb, cluster, draft.status.vmid ?? 0)
  if (isMade || isTrue(draft.status.conditions, 'Cloned')) return done
  return (await halfMade(climb)) ?? done
}

async function absent(climb: Climb): Promise<Outcome> {
  const { draft, deps, cluster, memory } = climb
  const { status } = draft
  if (!isBirth(status) || status.restore?.running !== undefined) {
    const kept = 'Its VMID and addresses stay reserved and the operator does not create it again'
    return stalled(
      'VMMissing',
      `VM ${status.vmid} was ready and no longer exists in PVE. ${kept}: restore it in PVE, delete this object, or run the command Clone or Reinstall.`,
    )
  }
  if (cluster.deleting) return stalled('ClusterDeleting', `ProxmoxCluster ${cluster.name} is being deleted and accepts no new VMs.`)
  const { running, failed, lost, mayBegin } = await lookUpRequests(climb, cluster)
  if (running) return await follow(climb, running, lost.length > 0 ? 5_000 : undefined)
  if (failed !== undefined) return afterFailure(climb, failed)
  const isStillPossible = lost.some((request) => ageMs(request, { deps, cluster, memory }) < silentWindowMs)
  if (!mayBegin && !isStillPossible) return await ask(climb)
  return wait(
    'Retrying',
    `PVE's answer to the clone request may have been lost; if VM ${status.vmid} does not appear within a minute, the operator asks again.`,
    5_000,
  )
}

/** PVE removes what a failed clone left behind. What was in its way is looked at before it is asked for again. */
function afterFailure(climb: Climb, exitstatus: string): Outcome {
  const failure = judgeExit(exitstatus)
  climb.cluster.cloneSlots.release(climb.key)
  climb.draft.change(working('clone', nowIso(climb.deps.clock)))
  if (failure.kind === 'no-space')
    return chooseAgain(climb, `The clone had too little space on ${climb.draft.status.node}: ${exitstatus}`, 30_000)
  const { vmid } = climb.draft.status
  const remedy =
    failure.reason === 'VolumeLeft'
      ? ` An earlier VM ${vmid} may have been deleted while its storage was off. An admin must look at the volume (pvesm list STORAGE --vmid ${vmid}) and delete it if nobody needs it (pvesm free VOLUME).`
      : ''
  const why = `The ${failedSentence('clone', exitstatus)}${remedy}`
  return failure.terminal ? stalled(failure.reason, why) : retry(failure.reason, why)
}

async function ask(climb: Climb): Promise<Outcome> {
  const { draft, cluster, deps, key, identity, memory } = climb
  const { template, node } = draft.status
  if (observes(cluster)) return wouldDo(cluster, `template ${template?.vmid} would be cloned to VM ${identity.vmid} on ${node}`)
  const source = { node: template?.node ?? '', vmid: template?.vmid ?? 0 }
  const { storage } = templateFor(draft.vm, draft.status)
  const isFull = clonedFull(draft.vm, draft.status)
  const look = await cluster.templates.config(source)
  if (look.is === 'refused') return chooseAgain(climb, look.message, 30_000)
  if (isFull) {
    const slot = cluster.cloneSlots.take(source.node, key)
    if (!slot.granted) return wait('Queued', `Waiting for a clone slot of node ${source.node}, position ${slot.position}.`, 60_000)
  }
  const ledger = { deps, cluster, memory }
  if (!isAnnounced(ledger, draft.written, identity.vmid)) {
    draft.change((status) => announceRequest(ledger, status))
    await draft.save()
  }
  deps.mayAct()
  memory.clone.isUnasked = false
  requestLeaves(ledger)
  try {
    const upid = await cluster.pve.clone(source, {
      newid: identity.vmid,
      name: identity.name,
      description: identity.description,
      full: isFull,
      ...(isFull && storage && { storage }),
      ...(isFull && isFileOn(climb, storage ?? look.facts.systemDisk?.storage) && { format: 'qcow2' }),
      ...(cluster.spec.pvePool && { pool: cluster.spec.pvePool }),
      ...(node && node !== source.node && { target: node }),
      ...(draft.status.possessions?.pool && { pool: draft.status.possessions.pool }),
    })
    recordEvent(deps, draft.vm, 'Normal', 'CloneStarted', sentence(draft.status))
    return await follow(climb, upid)
  } catch (fault) {
    return refused(climb, fault)
  }
}

/** PVE takes the format of the source as a hint, so that a clone from block storage would be a raw file, without snapshots (resolve_dst_disk_format). */
function isFileOn({ cluster }: Climb, storage: string | undefined): boolean {
  const row = cluster.inventory.current()?.storages.find((each) => each.storage === storage)
  return needsQcow2(row?.pluginType)
}

/** Where PVE may have begun, the request stays open; a clear refusal is its outcome. */
function refused(climb: Climb, fault: unknown): Outcome {
  const { draft, memory, cluster, key } = climb
  const failure = judge(fault)
  const request = openRequests(draft.status, memory).at(-1)
  if (failure.kind === 'unknown-outcome' || failure.kind === 'other' || !request) throw fault
  cluster.cloneSlots.release(key)
  draft.change(closeRequest(memory, request))
  // Perhaps by a request of ours whose answer was lost: whose the VM is, only a look can tell, and another number would make a second one.
  if (failure.kind === 'taken')
    return retry('Retrying', `PVE says that VMID ${climb.identity.vmid} is in use; the operator reads its guest.`)
  memory.clone.isUnasked = openRequests(draft.status, memory).length === 0
  throw fault
}

/** The receipt is in status before anybody waits for it; with it, PVE's time of the clone, from which backups are counted as this VM's. */
async function follow({ draft, deps, memory }: Climb, upid: string, lookAfterMs?: number): Promise<Outcome> {
  const iso = nowIso(deps.clock)
  const request = openRequests(draft.status, memory).findLast((open) => open.vmid === draft.status.vmid && (open.upid ?? upid) === upid)
  if (request) draft.change(noteTask(memory, request, upid))
  const clonedAt = timeInSeconds(startOf(upid) * 1000)
  const { verdicts, dropped } = readiness('reconciling', 'TaskRunning', sentence(draft.status))
  draft.change(working('clone', iso, { upid }), judged(draft.vm, iso, verdicts, dropped), (status) => ({
    ...status,
    localStatus: 'clone',
    progress: progressOf('clone'),
    clonedAt: status.clonedAt ?? clonedAt,
  }))
  await draft.save()
  return waitForTask(upid, sentence(draft.status), lookAfterMs)
}

/** Seconds since the epoch by PVE's clock (fifth field of a UPID, hexadecimal). */
const startOf = (upid: string) => Number.parseInt(upid.split(':')[4] ?? '0', 16)

/** Under lock `clone`: nobody can tell yet whose it will be. */
async function copying(climb: Climb): Promise<Outcome> {
  const { draft, cluster, look, deps, memory } = climb
  const { vmid = 0 } = draft.status
  const seenBefore = draft.written.remoteLock
  draft.change((status) => ({ ...status, remoteLock: 'clone' }))
  const { running, lost, mayBegin } = await lookUpRequests(climb, cluster)
  const task = running ?? (await findRunningClone(cluster, vmid))
  if (task) return waitForTask(task, sentence(draft.status), 5_000)
  const isStillPossible = lost.some((request) => ageMs(request, { deps, cluster, memory }) < silentWindowMs)
  if (mayBegin || isStillPossible || seenBefore !== 'clone') return wait('TaskRunning', sentence(draft.status), 2_000)
  const doubt = await quorumDoubt(cluster)
  if (doubt) return doubt
  return stalled('StuckLock', stuckCopy(look.at, cluster.inventory.current()?.guests.get(vmid)?.status === 'running'))
}

async function foreign(climb: Climb): Promise<Outcome> {
  const { draft, cluster, look } = climb
  const vmid = draft.status.vmid ?? 0
  const doubt = await quorumDoubt(cluster)
  if (doubt) return doubt
  if (isTrue(draft.status.conditions, 'Cloned'))
    return stalled(
      'VMForeign',
      `VM ${vmid} in PVE no longer belongs to this object (its description lacks the owner line); the operator does not touch it.`,
    )
  const whose = await whoseGuest(climb, look)
  if (whose.is === 'doubtful')
    return stalled(
      'VMForeign',
      `VM ${vmid} in PVE ${whose.why} and lacks the owner line in its description; the operator does not touch it and makes no other VM.`,
    )
  if (pinnedVmidOf(draft.vm, draft.status) !== undefined) return vmidTaken(vmid)
  return giveUpNumber(climb, `VMID ${vmid} belongs to another guest`, 0)
}

/** Another place, unless a request for this one may still take effect: its VM would be a second one. */
function chooseAgain(climb: Climb, why: string, lookAfterMs: number): Outcome {
  const { draft, memory } = climb
  const open = openRequests(draft.status, memory).find(({ vmid }) => vmid === draft.status.vmid)
  if (open) return wait('Retrying', `${why}; waiting for an earlier clone request for VM ${open.vmid} first.`, 5_000)
  return giveUpNumber(climb, why, lookAfterMs)
}

/** Drops the intent: the next pass forms a new one. MAC and addresses stay. */
function giveUpNumber(climb: Climb, why: string, lookAfterMs: number): Outcome {
  climb.deps.inFlight.forget(climb.draft.vm.metadata.uid ?? '')
  climb.memory.record = {}
  climb.draft.change(dropIntent)
  return wait('Provisioning', `${why}; the operator chooses another node.`, lookAfterMs)
}
