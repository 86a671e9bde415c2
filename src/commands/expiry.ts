import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { ProxmoxVMCommand } from '../api/proxmoxvmcommand.ts'
import { parseDurationSeconds } from '../api/size.ts'
import { nowIso, type Dependencies } from '../engine/dependencies.ts'
import { holdersOf, isSuspended } from '../want/suspension.ts'
import { CommandStatusDraft, isFinished } from './command-status-draft.ts'

// Commands that have not begun, and must not begin any more.

const waiting = (deps: Pick<Dependencies, 'commandsOf'>, key: string): ProxmoxVMCommand[] =>
  deps.commandsOf(key).filter((command) => !isFinished(command) && !command.status?.startedAt)

const expiresAtMs = ({ metadata, spec }: ProxmoxVMCommand): number =>
  Date.parse(metadata.creationTimestamp ?? '') + parseDurationSeconds(spec.timeout ?? '10m') * 1000

/** In how many ms the first command that has not begun is too old to begin. Undefined: none waits. */
export function nextExpiryMs(deps: Pick<Dependencies, 'commandsOf' | 'clock'>, key: string): number | undefined {
  const all = waiting(deps, key).map((command) => Math.max(0, expiresAtMs(command) - deps.clock.now()))
  return all.length === 0 ? undefined : Math.min(...all)
}

/** Fails what did not begin within its spec.timeout, and a Start that a suspension overtook: it must not be carried out after that one. */
export async function failOverdue(deps: Dependencies, key: string, vm: ProxmoxVM): Promise<void> {
  for (const command of waiting(deps, key)) {
    const { command: name, timeout } = command.spec
    if (expiresAtMs(command) <= deps.clock.now()) {
      const { message } = command.status ?? {}
      const why = message ? ` It waited because: ${message.replace(/[.]$/, '')}.` : ''
      const told = `${name} did not begin within ${timeout ?? '10m'}, and nothing was done.${why} Write a new command if it is still wanted.`
      await fail(deps, command, 'CommandTimedOut', told)
    } else if (name === 'Start' && isSuspended(vm)) {
      const told = `The VM is suspended by ${holdersOf(vm)}; it starts when the last suspension is gone.`
      await fail(deps, command, 'PreconditionFailed', told)
    }
  }
}

async function fail(
  deps: Dependencies,
  command: ProxmoxVMCommand,
  reason: 'CommandTimedOut' | 'PreconditionFailed',
  why: string,
): Promise<void> {
  const draft = new CommandStatusDraft({ command, client: deps.client, store: deps.commands })
  draft.finish('Failed', reason, why, nowIso(deps.clock))
  await draft.save()
}
