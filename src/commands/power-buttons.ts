import type { CommandName } from '../api/proxmoxvmcommand.ts'
import { parseDurationSeconds } from '../api/size.ts'
import type { Look } from '../engine/look.ts'
import { nowIso } from '../engine/dependencies.ts'
import { judge, judgeExit } from '../proxmox/failures.ts'
import { PveError } from '../proxmox/pve-error.ts'
import type { CommandRefusal } from './preconditions.ts'
import { noStartAfterChange, switchesOff } from './stop-in-change.ts'
import { type Outcome, wait, waitForTask } from '../ladder/outcome.ts'
import type { CommandPass } from './command-pass.ts'

/** After this long an unanswered request is known not to have reached PVE: its task would be listed. */
const lostAfterMs = 30_000

const taskTypes = { Start: 'qmstart', Stop: 'qmstop', Shutdown: 'qmshutdown', Reboot: 'qmreboot' } as const
export type PowerCommand = keyof typeof taskTypes
export const isPowerCommand = (command: CommandName): command is PowerCommand => command in taskTypes

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
  const { command } = pass
  if (command.status.upid) return await readReceipt(pass, button)
  if (command.status.intentAt) {
    const lost = await findTask(pass, look, button)
    if (lost) return await receipted(pass, lost)
    if (pass.deps.clock.now() - Date.parse(command.status.intentAt) < lostAfterMs)
      return wait('CommandRunning', 'The answer was lost; PVE is asked what became of it.', 3_000)
  }
  const refusal = await judgedAgain?.()
  if (refusal) {
    command.finish('Failed', refusal.reason, refusal.why, nowIso(pass.deps.clock))
    return 'finished'
  }
  command.status = { ...command.status, intentAt: nowIso(pass.deps.clock) }
  await command.save()
  pass.deps.mayAct()
  try {
    return await receipted(pass, await send(pass, look, button))
  } catch (fault) {
    // Not sent at all: the lead was lost on the way.
    if (!(fault instanceof PveError)) throw fault
    const failure = judge(fault)
    if (failure.kind === 'unknown-outcome') return wait('CommandRunning', 'The answer was lost; PVE is asked what became of it.', 3_000)
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
      return await cluster.pve.stop(look.at, { overruleShutdown: true })
    case 'Shutdown':
      return await cluster.pve.shutdown(look.at, { timeoutSeconds })
    case 'Reboot':
      return await cluster.pve.reboot(look.at, { timeoutSeconds })
  }
}

async function readReceipt({ command, cluster, deps, draft }: CommandPass, button: PowerCommand): Promise<Outcome | 'finished'> {
  const upid = command.status.upid ?? ''
  const end = cluster.tasks.ended(upid)
  const iso = nowIso(deps.clock)
  if (!end) return waitForTask(upid, `${button} is under way.`)
  const isDone = end.is === 'ok' || (end.is === 'failed' && button === 'Start' && judgeExit(end.exitstatus).kind === 'running')
  if (isDone && switchesOff(button)) {
    draft.change(noStartAfterChange)
    await draft.save()
  }
  if (isDone) command.finish('Succeeded', 'Succeeded', sentences[button], iso)
  else command.finish('Failed', 'CommandFailed', end.is === 'failed' ? end.exitstatus : `PVE no longer knows the task: ${end.why}`, iso)
  return 'finished'
}

const sentences: Readonly<Record<PowerCommand, string>> = {
  Start: 'The VM was started.',
  Stop: 'The power was cut.',
  Shutdown: 'The guest shut down.',
  Reboot: 'The guest was rebooted.',
}

/** A token sees its own tasks; the VMID is the task's id. One that was followed to its end has its receipt: it is another one, of moments before. */
async function findTask(
  { cluster, command, draft, deps, key }: CommandPass,
  look: Look,
  button: PowerCommand,
): Promise<string | undefined> {
  // PVE tells starts in whole seconds, so the task of a command just before this one is in the window.
  const known = new Set(deps.commandsOf(key).map((other) => other.status?.upid))
  const since = Math.floor((Date.parse(command.status.intentAt ?? '') + cluster.clockSkewMs) / 1000) - 2
  for (const source of ['active', 'archive'] as const) {
    const tasks = await cluster.pve.tasks(look.at.node, {
      source,
      typefilter: taskTypes[button],
      vmid: draft.status.vmid ?? 0,
      since,
      limit: 20,
    })
    const task = tasks.find(({ upid }) => !known.has(upid) && cluster.tasks.ended(upid) === undefined)
    if (task) return task.upid
  }
  return undefined
}
