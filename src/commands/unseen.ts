/** Commands on a VM that nobody can see: they say so, and those that have not begun on a dead node end there. */
import type { Outcome } from '../ladder/outcome.ts'
import { type Dependencies, nowIso } from '../engine/dependencies.ts'
import { CommandStatusDraft, isFinished } from './command-status-draft.ts'

/** Answers with `unseen`. A command that waits for a node would act hours later, when nobody expects it any more. */
export async function tellCommands(deps: Dependencies, key: string, unseen: Outcome): Promise<Outcome> {
  if (unseen.is === 'done') return unseen
  for (const command of deps.commandsOf(key).filter((each) => !isFinished(each))) {
    const draft = new CommandStatusDraft({ command, client: deps.client, store: deps.commands, observe: deps.observe })
    const isOver = unseen.reason === 'NodeOffline' && !draft.status.startedAt
    if (isOver)
      draft.finish('Failed', 'NodeOffline', `Nothing was done. ${unseen.message} Write a new command after that.`, nowIso(deps.clock))
    else draft.say(unseen.message)
    await draft.save()
  }
  return unseen
}
