/** The question before what cannot be taken back. */
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { Session } from './session.ts'
import { exitCodes, PluginRefusal, type Shell } from './shell.ts'

/** Asks, unless `isSure` (--yes). Throws unless the answer is yes; without a terminal nobody can answer, so --yes is needed. */
export async function confirm(shell: Shell, question: string, isSure: boolean): Promise<void> {
  if (isSure) return
  const answer = await shell.ask?.(`${question} [y/N] `)
  if (answer === undefined)
    throw new PluginRefusal('this needs a confirmation and there is no terminal: add --yes to confirm', exitCodes.usage)
  mustBeYes(answer)
}

/** The same before a stop or a deletion of one VM, for whoever sits at a terminal; a program that calls the plugin is not asked. */
export async function confirmAtTerminal({ shell, isDryRun }: Session, question: string | undefined, isSure = false): Promise<void> {
  if (question === undefined || isSure || isDryRun) return
  const answer = await shell.ask?.(`${question} [y/N] `)
  if (answer !== undefined) mustBeYes(answer)
}

/** `customer-7/web1 (web1.example.com)`. */
export const vmInQuestion = ({ namespace }: Session, { metadata, status }: ProxmoxVM): string =>
  `${namespace}/${metadata.name}${status?.hostname ? ` (${status.hostname})` : ''}`

function mustBeYes(answer: string): void {
  if (!/^y(es)?$/i.test(answer.trim())) throw new PluginRefusal('nothing was done')
}
