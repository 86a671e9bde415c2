/** The command Rollback: all is checked first, then it stands in the status of the VM, and ends when the VM is as declared again. */
import { nowIso, recordEvent } from '../engine/dependencies.ts'
import { checkRollback, rollbackSentence } from '../snapshots/rollback-check.ts'
import type { CommandPass } from './command-pass.ts'
import { type CommandProgress, endFailed, endSucceeded } from './finish.ts'

export async function rollBack(pass: CommandPass, isNew: boolean): Promise<CommandProgress> {
  const { draft, command, deps, cluster } = pass
  const requestID = `command/${command.command.metadata.uid}`
  const { completedID, running, failed } = draft.status.rollback ?? {}
  const object = command.command.spec.snapshotRef?.name ?? ''
  if (failed?.requestID === requestID) return endFailed(pass, 'CommandFailed', failed.message)
  if (running?.requestID === requestID) return 'goes on'
  if (completedID === requestID) return draft.status.change ? 'goes on' : endSucceeded(pass, `PVE rolled the VM back to ${object}.`)
  if (!isNew && running) return endFailed(pass, 'AnotherCommand', `Another rollback (to ${running.object}) took its place.`)
  const plan = await checkRollback(pass, cluster, object)
  if ('why' in plan) return endFailed(pass, 'PreconditionFailed', plan.why)
  const sentence = rollbackSentence(object, plan)
  const { snapshot, isRunning, withMemory } = plan
  const since = nowIso(deps.clock)
  const begun = { requestID, object, snapshot, since, ...(isRunning && { wasRunning: true }), ...(withMemory && { withMemory: true }) }
  draft.change(({ rollback, ...status }) => ({ ...status, rollback: { ...rollback, running: begun } }))
  await draft.save()
  recordEvent(deps, draft.vm, 'Normal', 'RollbackStarted', sentence)
  command.say(sentence)
  await command.save()
  return 'goes on'
}
