/** Commands that have left their work to the engine, once that fails or the VM waits for a person: the engine has no other way to tell them that it cannot go on. */
import { conditionOf } from '../api/condition.ts'
import type { CommandName, ProxmoxVMCommand } from '../api/proxmoxvmcommand.ts'
import type { ProxmoxVMStatus } from '../api/proxmoxvm-status.ts'
import { nowIso } from '../engine/dependencies.ts'
import type { Pass } from '../engine/pass.ts'
import { mayBeWithdrawn, requestedReinstall } from '../engine/reinstall-state.ts'
import { requestedRestore } from '../engine/restore/restore-state.ts'
import type { Outcome } from '../ladder/outcome.ts'
import { CommandStatusDraft } from './command-status-draft.ts'
import { openCommands, tellFinished } from './run-commands.ts'

type Stalled = Extract<Outcome, { readonly is: 'stalled' }>

const leftToEngine: ReadonlySet<CommandName> = new Set<CommandName>(['ChangePackage', 'Rollback', 'ResetPassword', 'Clone', 'Reinstall'])

/**
 * The pass over the VM has ended with a person who must act: a command that waits for its work ends with that sentence, and the VM goes on by
 * itself once somebody acted; but a reinstall that has destroyed nothing ends with its command (heedChangeOfMind), and so does a rollback that PVE has not begun.
 */
export async function endStuck(pass: Pass, outcome: Outcome): Promise<void> {
  const { draft, deps } = pass
  const stuck = stuckOf(pass, outcome)
  delete pass.memory.command.stuckBeside
  // A removal that waits looks after no command of the VM.
  const isLeft = stuck !== undefined && isDeleted(pass)
  for (const each of openCommands(pass).filter(({ spec, status }) => status?.startedAt && (isLeft || leftToEngine.has(spec.command)))) {
    const command = new CommandStatusDraft({ command: each, client: deps.client, store: deps.commands, observe: deps.observe })
    if (stuck === undefined) {
      command.sayRetries(outcome.is === 'retry' ? outcome.message : undefined)
      await command.save()
      continue
    }
    const ends = endOf(each, draft.status, stuck)
    if (ends === undefined) continue
    if (ends.is === 'waits') command.say(stuck.message)
    else command.finish('Failed', stuck.reason, ends.why, nowIso(deps.clock))
    await command.save()
    if (ends.is === 'failed') tellFinished(pass, command)
  }
}

const isDeleted = ({ draft }: Pass): boolean => draft.vm.metadata.deletionTimestamp !== undefined

/** A request of the spec that cannot begin holds up nothing else, and its sentence is none about a command; a removal looks at no such request. */
function stuckOf(pass: Pass, outcome: Outcome): Stalled | undefined {
  const { memory, draft } = pass
  const { vm, status } = draft
  const isBeside = !isDeleted(pass) && (requestedReinstall(vm, status) !== undefined || requestedRestore(vm, status) !== undefined)
  const stuck = memory.command.stuckBeside ?? (isBeside && !status.reinstall?.running ? undefined : outcome)
  return stuck?.is === 'stalled' ? stuck : undefined
}

type End = { readonly is: 'waits' } | { readonly is: 'failed'; readonly why: string }

/** Undefined: it has its own end, which is not known yet. */
function endOf({ metadata, spec }: ProxmoxVMCommand, status: ProxmoxVMStatus, { reason, message }: Stalled): End | undefined {
  const { reinstall, rollback, conditions } = status
  const failed = (before = '', after = 'The operator continues when that is over.'): End => ({
    is: 'failed',
    why: `${before}${message} ${after}`.trim(),
  })
  if (!leftToEngine.has(spec.command))
    return failed(`The VM is being deleted, so the operator no longer follows ${spec.command}; PVE may still carry it out. `, '')
  if (reinstall?.running?.requestID === `command/${metadata.uid}`) {
    // The brake on deletions lets it go on later.
    if (reason === 'TooManyDeletions') return { is: 'waits' }
    if (mayBeWithdrawn(status)) return failed('', `${spec.command} ends here, and the operator deletes nothing for it.`)
    if (spec.command === 'Clone') return failed()
    return failed(reinstall.running.removed ? 'The old VM is gone. ' : 'The operator has asked PVE to delete the old VM. ')
  }
  if (spec.command === 'Rollback' && rollback?.running)
    return rollback.running.askedAt === undefined ? failed('', 'The rollback ends here; PVE has not begun it.') : { is: 'waits' }
  if (spec.command === 'Reinstall') return undefined
  // What PVE refuses of a package is applied but for that (tellLeft).
  if (conditionOf(conditions, 'PackageApplied')?.message === message) return undefined
  return failed(spec.command === 'Rollback' ? 'PVE rolled the VM back. ' : '')
}
