import { bridgeSentence } from '../engine/failure-sentence.ts'
import type { CommandName } from '../api/proxmoxvmcommand.ts'
import { parseDurationSeconds } from '../api/size.ts'
import type { Look } from '../engine/look.ts'
import { findLostTask, tasksBefore } from '../engine/lost-task.ts'
import { pveTime } from '../engine/pve-time.ts'
import { mayBeginMs, unansweredForMs } from '../engine/unanswered.ts'
import { isLongUnlocked, unlockedMs, unreportedEnd } from '../engine/unreported-end.ts'
import { nowIso } from '../engine/dependencies.ts'
import { judge, judgeExit } from '../proxmox/failures.ts'
import { PveError } from '../proxmox/pve-error.ts'
import type { CommandRefusal } from './preconditions.ts'
import { goneGuest } from './gone-guest.ts'
import { haEffect, isOfHa, taskTypes } from './ha-effect.ts'
import { behindLock, isOwnLock, pauseBehindLock } from './own-lock.ts'
import { rebootEnd } from './reboot.ts'
import { isDoneAlready } from './done-already.ts'
import { noStartAfter, switchesOff } from './stop-in-change.ts'
import { type Outcome, wait, waitForTask } from '../ladder/outcome.ts'
import { type CommandPass, requestOf } from './command-pass.ts'

export type PowerCommand = keyof (typeof taskTypes)['own']
export const isPowerCommand = (command: CommandName): command is PowerCommand => command in taskTypes.own

/**
 * One request to PVE, sent once: noted before it, its receipt noted after it, and a lost receipt looked for in PVE's list of tasks.
 * `judgedAgain`: of a command that was allowed in an earlier pass; much may have happened since.
 */
export async function runPowerCommand(
  pass: CommandPass,
  look: Look,
  button: PowerCommand,
  judgedAgain?: () => Promise<CommandRefusal | undefined>,
): Promise<Outcome | 'finished'> {
  const { command, memory } = pass
  if (command.status.upid) return await readReceipt(pass, look, button)
  if (command.status.intentAt) {
    const lost = await findTask(pass, look, button)
    if (lost) return await receipted(pass, lost)
    if (unansweredForMs(pass, requestOf(pass)) < mayBeginMs)
      return wait('CommandRunning', "PVE's answer was lost; the operator asks PVE for the result.", 3_000)
    if (await isDoneAlready(pass, look, button)) return await concludeDone(pass, button, `${doneAlready[button]} PVE's answer was lost.`)
  }
  const refusal = await judgedAgain?.()
  if (refusal) {
    command.finish('Failed', refusal.reason, refusal.why, nowIso(pass.deps.clock))
    return 'finished'
  }
  const pause = pauseBehindLock(pass)
  if (pause) return pause
  delete memory.command.downSinceMs
  // Known before it is sent: PVE takes other options for a VM that HA looks after.
  await look.need('power')
  const { earlierTasks: _, ...status } = command.status
  const earlierTasks = tasksBefore(pass.cluster, pass.deps, look.at.vmid, isOf(button, look))
  command.status = { ...status, intentAt: pveTime(pass.cluster, pass.deps), ...(earlierTasks.length > 0 && { earlierTasks }) }
  await command.save()
  pass.deps.mayAct()
  unansweredForMs(pass, requestOf(pass))
  try {
    return await receipted(pass, await send(pass, look, button))
  } catch (fault) {
    // Not sent at all: the lead was lost on the way.
    if (!(fault instanceof PveError)) throw fault
    const failure = judge(fault)
    if (failure.kind === 'unknown-outcome')
      return wait('CommandRunning', "PVE's answer was lost; the operator asks PVE for the result.", 3_000)
    if (isOwnLock(failure.message)) return await behindLock(pass, failure.message)
    command.finish('Failed', failure.reason, failure.message, nowIso(pass.deps.clock))
    return 'finished'
  }
}

async function receipted(pass: CommandPass, upid: string): Promise<Outcome> {
  pass.command.status = { ...pass.command.status, upid }
  await pass.command.save()
  return waitForTask(upid, `${pass.command.command.spec.command} is under way.`)
}

async function send({ cluster, draft }: CommandPass, look: Look, button: PowerCommand): Promise<string> {
  const timeoutSeconds = Math.max(1, Math.round(parseDurationSeconds(draft.vm.spec.shutdownTimeout)))
  switch (button) {
    case 'Start':
      return await cluster.pve.start(look.at)
    case 'Stop':
      return await cluster.pve.stop(look.at, { overruleShutdown: look.seen.isHaManaged !== true })
    case 'Shutdown':
      return await cluster.pve.shutdown(look.at, { timeoutSeconds })
    case 'Reset':
      return await cluster.pve.support(look.at).reset()
    case 'Reboot':
      return await cluster.pve.reboot(look.at, { timeoutSeconds })
  }
}

async function readReceipt(pass: CommandPass, look: Look, button: PowerCommand): Promise<Outcome | 'finished'> {
  const { command, cluster, deps } = pass
  const upid = command.status.upid ?? ''
  const end = cluster.tasks.ended(upid)
  const iso = nowIso(deps.clock)
  if (!end) return waitForTask(upid, `${button} is under way.`)
  if (end.is === 'failed' && isOwnLock(end.exitstatus)) return await behindLock(pass, end.exitstatus)
  // Of these the task says only that they have begun.
  const isOnlyBegun = end.is === 'ok' && (button === 'Reboot' || isOfHa(upid))
  const gone = isOnlyBegun ? goneGuest(pass, look) : undefined
  if (gone) return gone
  if (isOnlyBegun) return button === 'Reboot' ? await concludeReboot(pass, look, upid) : await readHaEffect(pass, look, button, upid)
  const isDone = end.is === 'ok' || (end.is === 'failed' && button === 'Start' && judgeExit(end.exitstatus).kind === 'running')
  if (isDone) return await concludeDone(pass, button)
  if (end.is === 'unknown') return await concludeUnknown(pass, look, button, end.why)
  command.finish('Failed', 'CommandFailed', startWords(pass, end.exitstatus), iso)
  return 'finished'
}

/** PVE does not say how the task ended: the guest may show it. */
async function concludeUnknown(pass: CommandPass, look: Look, button: PowerCommand, why: string): Promise<Outcome | 'finished'> {
  const { command, cluster, deps, draft } = pass
  const gone = goneGuest(pass, look)
  if (gone) return gone
  if (await isDoneAlready(pass, look, button))
    return await concludeDone(pass, button, `${doneAlready[button]} PVE has no result of the task.`)
  const { upid = '' } = command.status
  const mostMs = unlockedMs + parseDurationSeconds(draft.vm.spec.shutdownTimeout) * 1000
  const unreported = unreportedEnd(cluster, upid, { of: button, isShown: isLongUnlocked(pass, upid, mostMs) })
  if (unreported) return unreported
  const told = `PVE has no result of ${button} (${why.trim().replace(/[.]$/, '')}), and VM ${look.at.vmid} does not show that it was done. Look at the VM, and write a new command if you still want it.`
  command.finish('Failed', 'CommandFailed', told, nowIso(deps.clock))
  return 'finished'
}

/** After a Stop or Shutdown the VM stays off, also where what is under way would have started it. */
async function concludeDone({ command, draft, deps }: CommandPass, button: PowerCommand, told = sentences[button]): Promise<'finished'> {
  if (switchesOff(button)) {
    draft.change(noStartAfter(draft.vm, nowIso(deps.clock)))
    await draft.save()
  }
  command.finish('Succeeded', 'Succeeded', told, nowIso(deps.clock))
  return 'finished'
}

async function readHaEffect(pass: CommandPass, look: Look, button: PowerCommand, upid: string): Promise<Outcome | 'finished'> {
  const effect = await haEffect(pass, look, button === 'Start' ? 'running' : 'stopped', upid)
  if (effect.is === 'there') return await concludeDone(pass, button)
  if (effect.is === 'waits') return effect.wait
  pass.command.finish('Failed', effect.reason, effect.why, nowIso(pass.deps.clock))
  return 'finished'
}

const startWords = ({ draft }: CommandPass, words: string): string =>
  bridgeSentence({ spec: draft.vm.spec, status: draft.status }, words) ?? words

async function concludeReboot(pass: CommandPass, look: Look, upid: string): Promise<Outcome | 'finished'> {
  const { command, deps, memory } = pass
  const end = await rebootEnd(pass, look, upid)
  if (end.is !== 'succeeded' && end.is !== 'failed') return end
  delete memory.command.downSinceMs
  if (end.is === 'succeeded') command.finish('Succeeded', 'Succeeded', sentences.Reboot, nowIso(deps.clock))
  else command.finish('Failed', 'CommandFailed', end.why, nowIso(deps.clock))
  return 'finished'
}

const sentences: Readonly<Record<PowerCommand, string>> = {
  Start: 'PVE started the VM.',
  Stop: 'PVE cut the power.',
  Shutdown: 'The guest shut down.',
  Reboot: 'PVE rebooted the guest.',
  Reset: 'PVE reset the guest.',
}

/** Nobody knows who did it. */
const doneAlready: Readonly<Record<PowerCommand, string>> = {
  Start: 'The VM runs.',
  Stop: 'The VM is off.',
  Shutdown: 'The VM is off.',
  Reboot: 'The guest was started after this command.',
  Reset: 'The guest was started after this command.',
}

const isOf = (button: PowerCommand, look: Look): string => taskTypes[look.seen.isHaManaged ? 'ofHa' : 'own'][button]

async function findTask(
  { cluster, command, draft, deps, key }: CommandPass,
  look: Look,
  button: PowerCommand,
): Promise<string | undefined> {
  const known = new Set([...deps.commandsOf(key).map((other) => other.status?.upid), ...(command.status.earlierTasks ?? [])])
  // Its task may tell the end of a guest that is gone.
  if (look.seen.guest === 'ours') await look.need('power')
  const { node, vmid } = { node: look.at.node, vmid: draft.status.vmid ?? 0 }
  return await findLostTask(cluster, {
    node,
    vmid,
    type: isOf(button, look),
    askedAt: command.status.intentAt ?? '',
    known,
  })
}
