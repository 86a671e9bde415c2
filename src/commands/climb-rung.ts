/** The commands SetCPURAM to SetCloudInit: each climbs one rung. */
import type { CommandName } from '../api/proxmoxvmcommand.ts'
import { climbLadder } from '../engine/apply/climb.ts'
import { stepOf } from '../lifecycle.ts'
import { isOutcome, type Outcome } from '../ladder/outcome.ts'
import { type FailureKind, judge } from '../proxmox/failures.ts'
import { PveError } from '../proxmox/pve-error.ts'
import type { CommandPass } from './command-pass.ts'
import { beginLook, climbOf, wantWithSlots } from '../engine/apply/ascent.ts'
import { concerns, withoutUnusable } from '../engine/apply/usable.ts'
import { prepare } from '../engine/apply/prepare.ts'
import { readTask } from './command-task.ts'
import { behindLock, isOwnLock, pauseBehindLock } from './own-lock.ts'
import { type CommandProgress, endFailed, endSucceeded } from './finish.ts'

/** Brings one setting to the package; nothing is sent if it is already so. Looked at again after a crash, so it needs no note. */
export async function climbRung(pass: CommandPass, name: CommandName): Promise<CommandProgress> {
  const { cluster } = pass
  const step = stepOf(name)
  if (!step) return endFailed(pass, 'CommandFailed', `${name} has no step.`)
  const prepared = await prepare(pass)
  if (isOutcome(prepared)) return prepared.is === 'wait' ? prepared : endFailed(pass, prepared.reason, prepared.message)
  const task = await readTask(pass)
  if (task) return typeof task === 'object' && 'failedWith' in task ? endFailed(pass, 'CommandFailed', task.failedWith) : task
  const usable = await withoutUnusable(pass, cluster, prepared)
  const left = usable.left.find((each) => concerns(each, step.name))
  if (left) return endFailed(pass, left.reason, `${left.sentence}.`)
  const pause = pauseBehindLock(pass)
  if (pause) return pause
  const look = beginLook(pass, cluster)
  const climb = climbOf(pass, cluster, look, [step], () => wantWithSlots(pass, cluster, usable.prepared, look))
  const climbed = await climbLadder(climb).catch((fault: unknown) => refused(pass, fault))
  if (climbed === 'finished') return climbed
  if (isOutcome(climbed)) {
    if (climbed.is === 'wait' && climbed.task) pass.command.status = { ...pass.command.status, upid: climbed.task }
    return climbed.is === 'stalled' ? endFailed(pass, climbed.reason, climbed.message) : climbed
  }
  const [refusal] = climbed.refusals
  if (refusal?.verdict.is === 'refused') return endFailed(pass, refusal.verdict.reason, refusal.verdict.message)
  return endSucceeded(pass, `${step.name} is as the package says.`)
}

/** What only the next look can tell, or what passes by itself. */
const passing: ReadonlySet<FailureKind> = new Set<FailureKind>(['unreachable', 'unknown-outcome', 'conflict', 'locked', 'absent'])

/** As a task that failed: the command ends with PVE's words, and the VM's own pass tries again by itself. */
async function refused(pass: CommandPass, fault: unknown): Promise<Outcome | 'finished'> {
  const failure = judge(fault)
  if (!(fault instanceof PveError) || passing.has(failure.kind)) throw fault
  if (isOwnLock(failure.message)) return await behindLock(pass, failure.message)
  return endFailed(pass, failure.reason, failure.message)
}
