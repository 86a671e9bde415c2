import type { ProxmoxVMCommand } from '../api/proxmoxvmcommand.ts'
import { parseDurationSeconds } from '../api/size.ts'
import { nowIso, type Dependencies } from '../engine/dependencies.ts'
import type { Pass } from '../engine/pass.ts'
import { isSuspended, suspendedSentence } from '../want/suspension.ts'
import { CommandStatusDraft, isFinished } from './command-status-draft.ts'

// Commands that have not begun, and must not begin any more.

type Waiting = Pick<Pass, 'deps' | 'key' | 'memory'>

const waitingOf = ({ deps, key }: Waiting): ProxmoxVMCommand[] =>
  deps.commandsOf(key).filter((command) => !isFinished(command) && !command.status?.startedAt)

/** In how many ms it is too old to begin. A clock that jumps makes no command older. */
function leftMs({ deps, memory }: Waiting, { metadata, spec }: ProxmoxVMCommand): number {
  const { waiting, isFirstLookOver } = memory.command
  const nowMs = deps.clock.monotonicMs()
  const uid = metadata.uid ?? ''
  const createdMs = Date.parse(metadata.creationTimestamp ?? '')
  const seen = waiting.get(uid) ?? { ageMs: isFirstLookOver ? 0 : Math.max(0, deps.clock.now() - createdMs), monotonicMs: nowMs }
  waiting.set(uid, seen)
  return parseDurationSeconds(spec.timeout ?? '10m') * 1000 - seen.ageMs - (nowMs - seen.monotonicMs)
}

/** When the first command that has not begun is too old to begin. Undefined: none waits. */
export function nextExpiryMs(pass: Waiting): number | undefined {
  const all = waitingOf(pass).map((command) => Math.max(0, leftMs(pass, command)))
  return all.length === 0 ? undefined : Math.min(...all)
}

/** Fails what did not begin within its spec.timeout, and a Start that a suspension overtook: it must not be carried out after that one. */
export async function failOverdue(pass: Pass): Promise<void> {
  const { deps, memory, draft } = pass
  for (const command of waitingOf(pass)) {
    const { command: name, timeout } = command.spec
    if (leftMs(pass, command) <= 0) {
      const { message } = command.status ?? {}
      const why = message ? ` It waited because: ${message.replace(/[.]$/, '')}.` : ''
      const told = `${name} did not begin within ${timeout ?? '10m'}, and nothing was done.${why} Write a new command if you still want it.`
      await fail(deps, command, 'CommandTimedOut', told)
    } else if (name === 'Start' && isSuspended(draft.vm)) {
      await fail(deps, command, 'PreconditionFailed', suspendedSentence(draft.vm))
    }
  }
  const left = new Set(waitingOf(pass).map(({ metadata }) => metadata.uid))
  for (const uid of memory.command.waiting.keys()) if (!left.has(uid)) memory.command.waiting.delete(uid)
  memory.command.isFirstLookOver = true
}

async function fail(
  deps: Dependencies,
  command: ProxmoxVMCommand,
  reason: 'CommandTimedOut' | 'PreconditionFailed',
  why: string,
): Promise<void> {
  const draft = new CommandStatusDraft({ command, client: deps.client, store: deps.commands, observe: deps.observe })
  draft.finish('Failed', reason, why, nowIso(deps.clock))
  await draft.save()
}
