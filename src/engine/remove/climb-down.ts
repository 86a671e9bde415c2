/** The loop over a removal ladder: look, choose, act. Waiting is returning. */
import { judge } from '../../proxmox/failures.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import type { BackupsSeen, RemovalLadder, RemovalStep } from '../../ladder/removal.ts'
import { forgetLastSent, forgetSentOf, noteSent, pauseBefore } from '../apply/repeats.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
import type { Pass } from '../pass.ts'
import { quorumDoubt } from '../quorum.ts'
import { working } from '../status.ts'
import { type Obstacle, type Outcome, done, wait } from '../../ladder/outcome.ts'
import { type Errand, mayDestroy } from './brake.ts'
import { PveRemovalWriter } from './pve-removal-writer.ts'
import type { RemovalLook } from './removal-look.ts'
import { failed, failuresOf, passOver } from './removal-receipt.ts'

/** A ladder, and what goes with it. */
export interface Removal {
  readonly ladder: RemovalLadder
  /** As the brake on deletions counts it. Absent: nothing is destroyed that it counts. */
  readonly errand?: Errand
  /** Why nothing may be destroyed now. Asked before the brake, which counts. */
  readonly hindrance?: () => Promise<Obstacle | undefined>
  /** What must be in status before the request of this step. */
  readonly before?: (step: RemovalStep, look: RemovalLook) => Promise<Outcome>
  /** PVE refused to destroy the VM before anything was deleted. */
  readonly refused?: () => void
}

type Next =
  | { readonly is: 'rest' }
  | { readonly is: 'blocked'; readonly by: Obstacle; readonly step: RemovalStep }
  | { readonly is: 'step'; readonly step: RemovalStep; readonly because: string }

/** Backups that go one after another within a pass; then others have their turn. */
const mostTurns = 50

/** `done`: nothing is missing on this ladder. */
export async function climbDown(pass: Pass, cluster: PveCluster, look: RemovalLook, removal: Removal): Promise<Outcome> {
  for (let turn = 0; turn < mostTurns; turn++) {
    const next = await nextStep(pass, look, removal.ladder)
    if (next.is === 'rest') return done
    if (next.is === 'blocked') return blocked(pass, next)
    const pause = pauseBefore(pass, next.step.name, sentenceOf(next))
    if (pause && next.step.mayFail) {
      passOver(pass, next.step.name, pause)
      continue
    }
    if (pause) return paused(pass, next.step, pause)
    const doubt = await minorityDoubt(pass, cluster)
    if (doubt) return doubt
    const hindrance = await removal.hindrance?.()
    if (hindrance) return hindrance
    const leave = removal.errand ? await mayDestroy(pass, cluster, removal.errand) : done
    if (leave.is !== 'done') return leave
    const ready = await removal.before?.(next.step, look)
    if (ready && ready.is !== 'done') return ready
    const outcome = await act(pass, cluster, look, next, removal)
    if (outcome.is !== 'done') return outcome
  }
  return wait('Terminating', `VM ${pass.draft.status.vmid} has more backups; the operator deletes them one after another.`, 0)
}

/** How long an answer about quorum counts. */
const quorateForMs = 10_000

/** PVE frees the disks of a VM before it notices that it may not delete its config; and the majority may have the VM running elsewhere. */
async function minorityDoubt({ deps, memory }: Pass, cluster: PveCluster): Promise<Obstacle | undefined> {
  const nowMs = deps.clock.monotonicMs()
  const { quorateAtMs } = memory.removal
  if (quorateAtMs !== undefined && nowMs - quorateAtMs < quorateForMs) return undefined
  const doubt = await quorumDoubt(cluster)
  if (doubt === undefined) memory.removal.quorateAtMs = nowMs
  return doubt
}

/** A command that is refused leaves no trace on a VM that lives on. */
function blocked({ draft, deps }: Pass, { step, by }: Extract<Next, { is: 'blocked' }>): Obstacle {
  if (draft.vm.metadata.deletionTimestamp) draft.change(working(step.name, nowIso(deps.clock)))
  return by
}

/** The step is told with what PVE does not show of it. */
function paused({ draft, deps }: Pass, { name }: RemovalStep, pause: Obstacle): Obstacle {
  draft.change(working(name, nowIso(deps.clock), failuresOf(draft.status, name)))
  return pause
}

const sentenceOf = ({ step, because }: Extract<Next, { is: 'step' }>): string => `${step.name}: ${because}`

async function nextStep({ memory }: Pass, look: RemovalLook, ladder: RemovalLadder): Promise<Next> {
  for (const step of ladder) {
    if (step.mayFail && memory.removal.hasPassedOver) continue
    await look.need(step.needs)
    const verdict = step.check(look.seen)
    if (step.needs === 'backups') memory.removal.hasNoBackups = hasNone(look.seen.backups)
    if (step.needs === 'backups' && verdict.is === 'satisfied') forgetSentOf(memory, [step])
    if (verdict.is === 'blocked') return { ...verdict, step }
    if (verdict.is === 'missing') return { is: 'step', step, because: verdict.message }
  }
  return { is: 'rest' }
}

const hasNone = (backups: BackupsSeen | undefined) =>
  backups !== undefined && backups.found.length === 0 && backups.unseen.length === 0 && backups.missingPrivilege === undefined

async function act(
  pass: Pass,
  cluster: PveCluster,
  look: RemovalLook,
  next: Extract<Next, { is: 'step' }>,
  removal: Removal,
): Promise<Outcome> {
  const { draft, deps } = pass
  const { step, because } = next
  draft.change(working(step.name, nowIso(deps.clock), failuresOf(draft.status, step.name)))
  deps.mayAct()
  deps.log.info({ vm: pass.key, vmid: look.at.vmid, step: step.name }, because)
  noteSent(pass, sentenceOf(next))
  try {
    const tell = (message: string) => recordEvent(deps, draft.vm, 'Warning', 'DisksLeft', message)
    return await step.apply(new PveRemovalWriter(cluster, look, tell), look.seen)
  } catch (fault) {
    forgetLastSent(pass.memory)
    const failure = judge(fault)
    if (step.name === 'remove' && failure.kind !== 'unknown-outcome') removal.refused?.()
    if (!step.mayFail) return failed(pass, step.name, failure)
    passOver(pass, step.name, failure)
    return done
  }
}
