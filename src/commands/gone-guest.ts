/** A command that asks the guest itself whether it is done, and finds that the guest is not there any more: nothing more can be learned from it. */
import type { Look } from '../engine/look.ts'
import type { Obstacle } from '../ladder/outcome.ts'
import type { CommandPass } from './command-pass.ts'
import { endFailed } from './finish.ts'

/**
 * Undefined: it is there, as `look` shows it. `finished`: it was deleted in PVE, or another guest has its VMID now, and that one is not asked.
 * An obstacle: nobody can see it, which passes.
 */
export function goneGuest(pass: CommandPass, look: Look): 'finished' | Obstacle | undefined {
  const { guest } = look.seen
  const { vmid } = look.at
  const { command: name } = pass.command.command.spec
  switch (guest) {
    case 'ours':
      return undefined
    case 'unproved':
      return look.unproved(`The operator cannot see whether VM ${vmid} still exists, so it does not know yet whether ${name} is done`)
    case 'absent':
      return endFailed(pass, 'VMMissing', `VM ${vmid} was deleted in PVE before the operator could see that ${name} was done.`)
    case 'foreign':
    case 'copying':
      return endFailed(pass, 'VMForeign', `${name} was not seen to be done: VM ${vmid} in PVE is not the VM of this object any more.`)
  }
}
