import type { AskedClone } from '../../api/clone-request.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import { hasLeft } from '../../cluster/has-left.ts'
import type { TaskRow } from '../../proxmox/answers.ts'
import { endOf, isTaskOver, type TaskEnd } from '../../proxmox/task-end.ts'
import { isOfPerson, nodeOfUpid } from '../../proxmox/upid.ts'
import { noteSent } from '../apply/repeats.ts'
import type { Pass } from '../pass.ts'
import { ageMs, closeFailed, closeRequest, knownTasks, lostAfterMs, noteTask, openRequests } from './clone-requests.ts'

/** Clones of one template that ran since a request; a fleet of a thousand is cloned from one template within minutes. */
const mostTasks = 500
/** PVE tells starts in whole seconds, and its answer to the question for the time was on the way. */
const slackMs = 5_000

/** What became of the open requests, as PVE's lists of tasks tell it. */
export interface RequestOutcomes {
  /** The task of one of them that runs. */
  readonly running?: string
  /** Why PVE cannot be asked how the task of one of them ended: that one stays open. */
  readonly unknown?: string
  /** Exit status of the last one that ended badly. */
  readonly failed?: string
  /** Requests without a known task, oldest first. */
  readonly lost: readonly AskedClone[]
  /** A clone runs whose log does not say yet which VM it makes: perhaps the task of a lost request. */
  readonly mayBegin: boolean
}

/** What is missing while a request for the VM has ended well and PVE does not show it. */
export const madeNothing = (vmid: number): string => `clone: PVE does not have VM ${vmid}, although the task that makes it ended OK`

/** Looks for the outcome of each open request, and closes those that have one or can have none any more. */
export async function lookUpRequests(pass: Pass, cluster: PveCluster): Promise<RequestOutcomes> {
  const { draft, memory, deps } = pass
  const ledger = { deps, cluster, memory }
  let running: string | undefined
  let unknown: string | undefined
  let failed: string | undefined
  let mayBegin = false
  const close = (request: AskedClone, end: TaskEnd) => {
    if (!isTaskOver(end)) return
    // A VM under a number that was given up since: it stays in the ledger until it is taken down with the object.
    if (end.is === 'ok' && request.vmid !== draft.status.vmid) return
    if (end.is === 'ok') noteSent(pass, madeNothing(request.vmid))
    else failed = end.is === 'failed' ? end.exitstatus : end.why
    draft.change(end.is === 'ok' ? closeRequest(memory, request) : closeFailed(memory, request))
  }
  for (const request of openRequests(draft.status, memory)) {
    const { upid } = request
    const end = upid === undefined ? undefined : cluster.tasks.ended(upid)
    if (end && !isTaskOver(end) && upid !== undefined) {
      // Followed so that PVE is asked again; nobody listens.
      cluster.tasks.follow(upid, () => undefined)()
      // A node that has left the PVE cluster makes nothing in it any more.
      if (hasLeft(cluster, nodeOfUpid(upid))) draft.change(closeFailed(memory, request))
      else if (end.is === 'unknown') unknown = end.why
    } else if (end) close(request, end)
    else if (upid !== undefined) {
      // Followed so that PVE is asked for its end; nobody listens.
      cluster.tasks.follow(upid, () => undefined)()
      running = upid
    } else {
      const found = await findTask(pass, cluster, request)
      mayBegin ||= found.mayBegin
      if (!found.task) continue
      draft.change(noteTask(memory, request, found.task.upid))
      if (found.task.status === 'RUNNING') running = found.task.upid
      else close({ ...request, upid: found.task.upid }, endOf(found.task.status))
    }
  }
  for (const request of openRequests(draft.status, memory))
    if (request.upid === undefined && !mayBegin && ageMs(request, ledger) >= lostAfterMs) draft.change(closeRequest(memory, request))
  const lost = openRequests(draft.status, memory).filter(({ upid }) => upid === undefined)
  return { ...(running && { running }), ...(unknown && { unknown }), ...(failed && { failed }), lost, mayBegin }
}

/** Closes those of whose task the end is known, without a request to PVE. True: one of them made that VM. */
export function closeEnded({ draft, memory }: Pass, cluster: PveCluster, vmid: number): boolean {
  let isMade = false
  for (const request of openRequests(draft.status, memory)) {
    const end = request.upid === undefined ? undefined : cluster.tasks.ended(request.upid)
    if (request.vmid !== vmid || !end || !isTaskOver(end)) continue
    isMade ||= end.is === 'ok'
    draft.change(end.is === 'ok' ? closeRequest(memory, request) : closeFailed(memory, request))
  }
  return isMade
}

/** The task whose receipt was lost: it lists the template's VMID, and its log names the VM. The list starts at the request, by PVE's clock. */
async function findTask(
  { draft, deps, memory }: Pass,
  cluster: PveCluster,
  { vmid, node, template, askedAt, isRestore }: AskedClone,
): Promise<{ readonly task?: TaskRow; readonly mayBegin: boolean }> {
  if (hasLeft(cluster, node)) return { mayBegin: false }
  const since = Math.floor((Date.parse(askedAt) - slackMs) / 1000)
  const known = knownTasks(draft.status, memory)
  let mayBegin = false
  for (const source of isRestore ? (['active', 'archive'] as const) : []) {
    const tasks = await cluster.pve.tasks(node, { source, typefilter: 'qmrestore', vmid, since, limit: mostTasks })
    // It carries the number of the VM that it makes.
    const task = tasks.find(({ upid }) => !known.has(upid) && !isOfPerson(upid))
    if (task) return { task, mayBegin }
  }
  for (const source of isRestore ? [] : (['active', 'archive'] as const)) {
    const tasks = await cluster.pve.tasks(node, { source, typefilter: 'qmclone', vmid: template, since, limit: mostTasks })
    for (const task of tasks.filter(({ upid }) => !known.has(upid))) {
      const target = await cluster.cloneTargets.of(task.upid)
      if (target === vmid) return { task, mayBegin }
      mayBegin ||= target === undefined && task.status === 'RUNNING' && !isAnothers(deps, draft.vm.metadata.uid, task.upid)
    }
  }
  return { mayBegin }
}

const isAnothers = ({ vms }: Pass['deps'], uid: string | undefined, upid: string) =>
  vms.list().some(({ metadata, status }) => metadata.uid !== uid && status?.step?.upid === upid)

/** A clone to that VMID that runs anywhere, whoever asked for it. */
export async function findRunningClone(cluster: PveCluster, vmid: number): Promise<string | undefined> {
  for (const node of cluster.inventory.current()?.nodes.values() ?? []) {
    if (!node.online) continue
    const tasks = await cluster.pve.tasks(node.node, { source: 'active', typefilter: 'qmclone', limit: mostTasks })
    for (const { upid } of tasks) if ((await cluster.cloneTargets.of(upid)) === vmid) return upid
  }
  return undefined
}
