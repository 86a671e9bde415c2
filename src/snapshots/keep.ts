/** The snapshots of one VM within its pass: one at a time, and never beside other work on the VM. */
import type { PveCluster } from '../cluster/cluster.ts'
import { conditionOf, isTrue } from '../api/condition.ts'
import { proxmoxVMSnapshots } from '../api/meta.ts'
import type { ProxmoxVMSnapshot } from '../api/proxmoxvmsnapshot.ts'
import type { Reason } from '../api/reasons.ts'
import { isPaused } from '../engine/after-pass.ts'
import { pauseLeftMs } from '../engine/apply/repeats.ts'
import { isKindLeaving } from '../engine/kind-leaving.ts'
import { observes } from '../engine/observe.ts'
import type { Pass } from '../engine/pass.ts'
import { pveNowMs } from '../engine/pve-time.ts'
import { isSettled } from '../engine/status.ts'
import type { Outcome } from '../ladder/outcome.ts'
import { inOrder, isOf, isOpen, isPending, takesPlace } from './life.ts'
import { auditSnapshots } from './listed.ts'
import { orTold } from './obstacles.ts'
import { removeSnapshot } from './remove.ts'
import { SnapshotDraft } from './snapshot-draft.ts'
import { passOf, tell } from './snapshot-pass.ts'
import { beginSnapshot, followTaking } from './take.ts'

const ofVM = ({ deps, key, draft }: Pass): ProxmoxVMSnapshot[] =>
  inOrder(deps.snapshotsOf(key).filter((snapshot) => isOf(snapshot, draft.vm.metadata.uid ?? '')))

/** An open request of a snapshot, followed before anything else is begun on the VM. Undefined: there is none. */
export async function followSnapshot(pass: Pass, cluster: PveCluster): Promise<Outcome | undefined> {
  const open = ofVM(pass).find((snapshot) => isOpen(snapshot) && snapshot.metadata.deletionTimestamp === undefined)
  return open && taskOnly(await orTold(passOf(pass, cluster, open), followTaking))
}

/** Only what PVE works on holds up the VM; any other obstacle is told at the snapshot, which is looked at again (`nextSnapshotMs`). */
const taskOnly = (outcome: Outcome): Outcome | undefined =>
  outcome.is === 'wait' && outcome.reason === 'TaskRunning' ? outcome : undefined

/** Deletes what is to go, one after another; also while the VM has a trouble of its own, which may be a snapshot. Undefined: nothing is. */
export async function removeSnapshots(pass: Pass, cluster: PveCluster): Promise<Outcome | undefined> {
  await expire(pass, cluster)
  const { reinstall, restore } = pass.draft.status
  if (reinstall?.running !== undefined || restore?.running !== undefined) return undefined
  for (const snapshot of ofVM(pass).filter(({ metadata }) => metadata.deletionTimestamp !== undefined)) {
    const one = passOf(pass, cluster, snapshot)
    if (!one.snapshot.hasFinalizer) continue
    if (await isKindLeaving(pass.deps, snapshot, proxmoxVMSnapshots.plural)) await one.snapshot.dropFinalizer()
    else if (pass.draft.status.removedAt !== undefined || pass.draft.status.intentAt === undefined) await one.snapshot.dropFinalizer()
    else {
      const outcome = await orTold(one, removeSnapshot)
      // One at a time: PVE has one operation on a VM.
      if (outcome.is !== 'done') return taskOnly(outcome)
    }
  }
  return undefined
}

/** Takes what is asked for, of a VM that is as declared; `isThorough`: this pass has looked at the VM itself. Undefined: nothing waits. */
export async function takeSnapshots(pass: Pass, cluster: PveCluster, isThorough: boolean): Promise<Outcome | undefined> {
  const { draft } = pass
  const pending = ofVM(pass).filter(isPending)
  if (isThorough) await auditSnapshots(pass, cluster)
  if (!isSettled({ ...draft.vm, status: draft.status })) return undefined
  for (const snapshot of pending) {
    const outcome = await orTold(passOf(pass, cluster, snapshot), beginSnapshot)
    if (outcome.is !== 'done') return taskOnly(outcome)
  }
  return undefined
}

const waits: ReadonlySet<string> = new Set<Reason>(['SnapshotPending', 'Paused', 'VMNotFound'])

/** What the VM waits for is what those wait for that have not begun. */
export async function sayWaiting({ deps, key, draft }: Pass, reason: Reason, why: string): Promise<void> {
  for (const object of deps.snapshotsOf(key).filter((snapshot) => isPending(snapshot) && isOf(snapshot, draft.vm.metadata.uid ?? ''))) {
    const snapshot = new SnapshotDraft({ snapshot: object, deps })
    // One that was judged keeps its own verdict: a quota, a lock.
    const said = conditionOf(object.status?.conditions, 'Ready')?.reason
    if (said !== undefined && !waits.has(said)) continue
    snapshot.say('reconciling', reason, `The snapshot waits for the VM: ${why}`)
    await snapshot.save()
  }
}

/** Changes when a snapshot of the VM has come further, or somebody wants another or one less. */
export const snapshotProgress = ({ deps, key }: Pick<Pass, 'deps' | 'key'>): string =>
  deps
    .snapshotsOf(key)
    .map(({ metadata, status }) => `${metadata.uid} ${metadata.deletionTimestamp} ${status?.intentAt} ${status?.upid} ${status?.createdAt}`)
    .join()

async function expire(pass: Pass, cluster: PveCluster): Promise<void> {
  if (isPaused(pass.draft.vm) || observes(cluster)) return
  const nowMs = pveNowMs(cluster, pass.deps)
  for (const snapshot of ofVM(pass)) {
    const { metadata, status } = snapshot
    if (status?.expiresAt === undefined || metadata.deletionTimestamp !== undefined || Date.parse(status.expiresAt) > nowMs) continue
    const one = passOf(pass, cluster, snapshot)
    await one.snapshot.deleteObject()
    tell(one, 'Normal', 'SnapshotExpired', `The time of the snapshot ended at ${status.expiresAt}.`)
  }
}

/** Refused ones are judged again this often, should what has changed have woken nobody. */
const refusedAgainMs = 60_000
const obstacleAgainMs = 10_000

/** When a snapshot of the VM next wants a pass; times are of PVE, whose clock is not known before the cluster is. Undefined: none does. */
export function nextSnapshotMs(
  { deps, key, memory }: Pick<Pass, 'deps' | 'key' | 'memory'>,
  cluster: PveCluster | undefined,
): number | undefined {
  const nowMs = cluster ? pveNowMs(cluster, deps) : deps.clock.now()
  const all = deps.snapshotsOf(key).flatMap((snapshot) => {
    const { metadata, status } = snapshot
    if (isPending(snapshot)) return [isTrue(status?.conditions, 'Stalled') ? refusedAgainMs : obstacleAgainMs]
    if (metadata.deletionTimestamp !== undefined || isOpen(snapshot)) {
      const deletion = memory.snapshots.deletions.get(metadata.uid ?? '')
      const leftMs = deletion === undefined ? 0 : pauseLeftMs(deletion, deps.clock.monotonicMs())
      return [leftMs > 0 ? Math.min(leftMs, obstacleAgainMs) : obstacleAgainMs]
    }
    if (status?.expiresAt === undefined || !takesPlace(snapshot)) return []
    return [Math.max(1_000, Date.parse(status.expiresAt) - nowMs)]
  })
  // A timer takes no more than 24 days.
  return all.length === 0 ? undefined : Math.min(...all, 86_400_000)
}
