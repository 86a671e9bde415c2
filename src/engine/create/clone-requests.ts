import type { AskedClone } from '../../api/clone-request.ts'
import type { ProxmoxVMStatus } from '../../api/proxmoxvm-status.ts'
import { isTrue } from '../../api/condition.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Memory } from '../memory.ts'
import { pveNowMs } from '../pve-time.ts'
import type { Change } from '../status.ts'

// The ledger of clone requests in status: each is written before it leaves, and closed only by its own outcome.

/** A clone may appear this late after its request: that is checked and forked, and only the worker creates the file (qemu-server clone_vm). */
export const silentWindowMs = 60_000
/** Nothing of a request whose answer was lost can come any more. */
export const lostAfterMs = 300_000
/** A request in status that has not left may leave this long after it was written, before it is written again. */
const announcedForMs = 5_000

export interface LedgerPass {
  readonly deps: Pick<Dependencies, 'clock'>
  readonly cluster: Pick<PveCluster, 'clockSkewMs'>
  readonly memory: Pick<Memory, 'clone'>
}

const keyOf = ({ vmid, askedAt }: AskedClone) => `${vmid} ${askedAt}`
const isSame = (a: AskedClone, b: AskedClone) => keyOf(a) === keyOf(b)

/** Requests of ours that may still take effect, oldest first. Not the one that is in status and has not left. */
export function openRequests(status: ProxmoxVMStatus, memory: Pick<Memory, 'clone'>): AskedClone[] {
  const written = status.cloneRequests ?? beforeTheLedger(status)
  return written.filter((request) => !request.ended && keyOf(request) !== memory.clone.announced?.key)
}

/** A clone under way that an operator without a ledger has begun. */
function beforeTheLedger({ step, conditions, vmid, template, intentAt: askedAt }: ProxmoxVMStatus): AskedClone[] {
  if (step?.name !== 'clone' || isTrue(conditions, 'Cloned') || vmid === undefined || !template || !askedAt) return []
  return [{ vmid, node: template.node, template: template.vmid, askedAt, ...(step.upid && { upid: step.upid }) }]
}

/** How long ago it may have left, in ms: by the clock that never jumps if this process knows, else by PVE's. */
export function ageMs(request: AskedClone, { deps, cluster, memory }: LedgerPass): number {
  const nowMs = deps.clock.monotonicMs()
  const key = keyOf(request)
  const seen = memory.clone.seen.get(key) ?? { monotonicMs: nowMs, isOwn: false }
  memory.clone.seen.set(key, seen)
  const sinceMs = nowMs - seen.monotonicMs
  // One of a former process left before this one saw it, whatever the clocks say.
  return seen.isOwn ? sinceMs : Math.max(sinceMs, pveNowMs(cluster, deps) - Date.parse(request.askedAt))
}

/** Puts the request for the clone of the present intent into the ledger, in place of one that has not left. The caller writes it before it sends. */
export function announceRequest(pass: LedgerPass, status: ProxmoxVMStatus): ProxmoxVMStatus {
  const { deps, cluster, memory } = pass
  const { vmid, template } = status
  if (vmid === undefined || !template) return status
  const { announced } = memory.clone
  const left = (status.cloneRequests ?? []).filter((request) => keyOf(request) !== announced?.key)
  const askedAt = new Date(pveNowMs(cluster, deps)).toISOString()
  const isRestore = template.volume !== undefined
  const request = { vmid, node: template.node, template: template.vmid, ...(isRestore && { isRestore }), askedAt }
  memory.clone.announced = { key: keyOf(request), monotonicMs: deps.clock.monotonicMs() }
  return { ...status, cloneRequests: [...left, request] }
}

/** Whether the ledger says, as written, that a request for that VMID is about to leave. */
export function isAnnounced({ deps, memory }: LedgerPass, written: ProxmoxVMStatus, vmid: number): boolean {
  const { announced } = memory.clone
  if (!announced || deps.clock.monotonicMs() - announced.monotonicMs > announcedForMs) return false
  return written.cloneRequests?.some((request) => request.vmid === vmid && keyOf(request) === announced.key) === true
}

/** A restore of ours into that number has failed, and left an empty guest there (qemu-server: `state is NOT cleaned up`). */
const noteLeft: Change = ({ template, ...status }) => (template ? { ...status, template: { ...template, isLeft: true } } : status)

/** Afterwards the failed request is out of the ledger. */
export const closeFailed =
  (memory: Pick<Memory, 'clone'>, request: AskedClone): Change =>
  (status) => {
    const closed = closeRequest(memory, request)(status)
    return request.isRestore && request.vmid === status.vmid ? noteLeft(closed) : closed
  }

/** It leaves now: from here on it is open. */
export function requestLeaves({ deps, memory }: LedgerPass): void {
  const { announced } = memory.clone
  if (!announced) return
  memory.clone.seen.set(announced.key, { monotonicMs: deps.clock.monotonicMs(), isOwn: true })
  delete memory.clone.announced
}

/** Those that have ended are kept as long as the task of another one is looked for: theirs must not be taken for it. */
const changed =
  (memory: Pick<Memory, 'clone'>, change: (all: AskedClone[]) => AskedClone[]): Change =>
  (status) => {
    const all = change(status.cloneRequests ?? openRequests(status, memory))
    const isAnyLost = all.some(({ upid }) => upid === undefined)
    return { ...status, cloneRequests: all.filter(({ ended }) => isAnyLost || !ended) }
  }

/** Tasks that are known to be of one of the requests. */
export const knownTasks = ({ cloneRequests }: ProxmoxVMStatus, { clone }: Pick<Memory, 'clone'>): ReadonlySet<string | undefined> =>
  new Set([...(cloneRequests ?? []).map(({ upid }) => upid), clone.endedTask])

/** Its task is known. */
export const noteTask = (memory: Pick<Memory, 'clone'>, request: AskedClone, upid: string): Change =>
  changed(memory, (open) => open.map((other) => (isSame(other, request) ? { ...other, upid } : other)))

/** Its outcome is known, or it can have none any more. */
export const closeRequest = (memory: Pick<Memory, 'clone'>, request: AskedClone): Change => {
  memory.clone.seen.delete(keyOf(request))
  if (request.upid !== undefined) memory.clone.endedTask = request.upid
  return changed(memory, (all) =>
    all.flatMap((other) => {
      if (!isSame(other, request)) return [other]
      return other.upid === undefined ? [] : [{ ...other, ended: true }]
    }),
  )
}

/** The ledger of a VM without open requests is left out of its status. */
export const withoutEmptyLedger: Change = ({ cloneRequests, ...status }) =>
  cloneRequests && cloneRequests.length > 0 ? { ...status, cloneRequests } : status
