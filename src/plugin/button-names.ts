import { type CommandFacts, type CommandName, commands } from '../api/proxmoxvmcommand.ts'

/** `SetCPURAM` → `set-cpu-ram`: the words of the manual, as sub-commands are written. */
export const buttonName = (command: CommandName): string =>
  [...command.matchAll(/CPU|RAM|DNS|IP|[A-Z][a-z]+/g)].map(([word]) => word.toLowerCase()).join('-')

/** `set-cpu-ram **`, as the manual marks it. */
export const markedName = (command: CommandName): string => {
  const { mark }: CommandFacts = commands[command]
  return mark ? `${buttonName(command)} ${mark}` : buttonName(command)
}

/** What it does, when, and where it leads: one line of the help. */
export function buttonHelp(command: CommandName): string {
  const { does, needs, leadsTo }: CommandFacts = commands[command]
  const next = leadsTo === undefined ? '' : ` → ${leadsTo in commands ? buttonName(leadsTo as CommandName) : leadsTo}`
  return `${does}${needs === 'nothing' ? '' : ` [${needs}]`}${next}`
}
