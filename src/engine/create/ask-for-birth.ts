/** The one request that makes a VM, and what its answer means. */
import { progressOf } from '../../api/progress.ts'
import { timeInSeconds } from '../../api/time.ts'
import { type Outcome, isOutcome, retry, wait, waitForTask } from '../../ladder/outcome.ts'
import { judge } from '../../proxmox/failures.ts'
import { startOfUpid } from '../../proxmox/upid.ts'
import { templateFor } from '../../want/birth.ts'
import { needsQcow2 } from '../../want/directory-storage.ts'
import type { Climb } from '../climb-pass.ts'
import { readiness } from '../conditions.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
import { observes, wouldDo } from '../observe.ts'
import { judged, working } from '../status.ts'
import { makingSentence, queuedSentence } from './birth-words.ts'
import { chooseAgain } from './choose-again.ts'
import { announceRequest, closeRequest, isAnnounced, noteTask, openRequests, requestLeaves } from './clone-requests.ts'
import { clonedFull } from './intent-state.ts'
import { type BirthRequest, restoreRequest } from './restore-request.ts'

/** Writes the request into the ledger and sends it: a clone of the template of the intent, or a restore of its backup. */
export async function askForBirth(climb: Climb): Promise<Outcome> {
  const { draft, cluster, deps, key, identity, memory } = climb
  const { template, node } = draft.status
  if (observes(cluster)) return wouldDo(cluster, `${wouldMake(draft.status)} to VM ${identity.vmid} on ${node}`)
  const request = template?.volume === undefined ? await cloneRequest(climb) : await restoreRequest(climb)
  if (isOutcome(request)) return request
  if (request.slotOf !== undefined) {
    const slot = cluster.cloneSlots.take(request.slotOf, key)
    if (!slot.granted) return wait('Queued', queuedSentence(request.slotOf, slot.position), 60_000)
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
    const upid = await request.send()
    recordEvent(deps, draft.vm, 'Normal', template?.volume === undefined ? 'CloneStarted' : 'RestoreStarted', makingSentence(draft.status))
    return await follow(climb, upid)
  } catch (fault) {
    return refused(climb, fault)
  }
}

const wouldMake = ({ template }: Climb['draft']['status']): string =>
  template?.volume === undefined ? `template ${template?.vmid} would be cloned` : `backup ${template.volume} would be restored`

async function cloneRequest(climb: Climb): Promise<BirthRequest | Outcome> {
  const { draft, cluster, identity } = climb
  const { template, node } = draft.status
  const source = { node: template?.node ?? '', vmid: template?.vmid ?? 0 }
  const { storage } = templateFor(draft.vm, draft.status)
  const isFull = clonedFull(draft.vm, draft.status)
  const look = await cluster.templates.config(source)
  if (look.is === 'refused') return chooseAgain(climb, look.message, 30_000)
  const send = async () =>
    await cluster.pve.clone(source, {
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
  return { ...(isFull && { slotOf: source.node }), send }
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
export async function follow({ draft, deps, memory }: Climb, upid: string, lookAfterMs?: number): Promise<Outcome> {
  const iso = nowIso(deps.clock)
  const request = openRequests(draft.status, memory).findLast((open) => open.vmid === draft.status.vmid && (open.upid ?? upid) === upid)
  if (request) draft.change(noteTask(memory, request, upid))
  const clonedAt = timeInSeconds(startOfUpid(upid) * 1000)
  const { verdicts, dropped } = readiness('reconciling', 'TaskRunning', makingSentence(draft.status))
  draft.change(working('clone', iso, { upid }), judged(draft.vm, iso, verdicts, dropped), (status) => ({
    ...status,
    localStatus: 'clone',
    progress: progressOf('clone'),
    clonedAt: status.clonedAt ?? clonedAt,
  }))
  await draft.save()
  return waitForTask(upid, makingSentence(draft.status), lookAfterMs)
}
