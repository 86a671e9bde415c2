/** A power command whose answer was lost and whose task PVE does not list: whether the guest is as it was to be, so that nothing is sent again. */
import type { Look } from '../engine/look.ts'
import type { CommandPass } from './command-pass.ts'
import type { taskTypes } from './ha-effect.ts'

/**
 * The request, PVE's clock and the age of a process are told in whole seconds: a guest that was started just before the request must not count.
 * A reboot as short as that has its task.
 */
const slackMs = 5_000

/** A reset leaves the guest in its process, so only its task tells; but one that was started since needs none. */
export async function isDoneAlready(pass: CommandPass, look: Look, button: keyof (typeof taskTypes)['own']): Promise<boolean> {
  // Another guest's power says nothing.
  if (look.seen.guest !== 'ours') return false
  await look.need('power')
  const { power } = look.seen
  switch (button) {
    case 'Start':
      return power === 'running'
    case 'Stop':
    case 'Shutdown':
      return power === 'stopped'
    case 'Reboot':
    case 'Reset':
      return isYounger(pass, look)
  }
}

/** The guest runs in a process that began after the request. */
function isYounger({ command }: CommandPass, { process }: Look): boolean {
  return process?.power === 'running' && process.startedMs > Date.parse(command.status.intentAt ?? '') + slackMs
}
