/** The command ResetPassword: the password of today's Secret, a new one if it is generated, in the guest at once or at its next start from off. */
import { capabilityOff } from '../cluster/capabilities.ts'
import { credentialsFor, rotatePassword } from '../engine/create/credentials.ts'
import { lookOf } from '../engine/apply/ascent.ts'
import { freshMemory } from '../engine/memory.ts'
import { nowIso } from '../engine/dependencies.ts'
import type { Look } from '../engine/look.ts'
import { isOutcome } from '../ladder/outcome.ts'
import { isAgentEnabled } from '../proxmox/agent-option.ts'
import { judge } from '../proxmox/failures.ts'
import { PveError } from '../proxmox/pve-error.ts'
import type { CommandPass } from './command-pass.ts'
import { goneGuest } from './gone-guest.ts'
import { type CommandProgress, endFailed, endSucceeded } from './finish.ts'

/** Each part may be repeated: the Secret remembers the command it was renewed for, and the same password is set twice without harm. */
export async function resetPassword(pass: CommandPass): Promise<CommandProgress> {
  const { command, deps, draft, memory } = pass
  const { cloudInit } = draft.vm.spec
  if (!cloudInit?.passwordSecretRef && !cloudInit?.generatePassword)
    return endFailed(pass, 'PreconditionFailed', 'spec.cloudInit has no password: write generatePassword or passwordSecretRef.')
  if (cloudInit.generatePassword) await rotatePassword(draft.vm, deps.client, command.command.metadata.uid ?? '')
  const credentials = await credentialsFor(draft.vm, deps.client)
  if (!credentials || isOutcome(credentials))
    return endFailed(
      pass,
      credentials?.reason ?? 'SecretNotFound',
      credentials?.message ?? 'The VM has no password; write generatePassword or passwordSecretRef.',
    )
  command.status = { ...command.status, intentAt: command.status.intentAt ?? nowIso(deps.clock) }
  // The VM's own steps give it to cloud-init, which sets it at the next start from off.
  if (draft.status.cloudInit?.passwordVersion !== credentials.version) {
    memory.audit.isDue = true
    await command.save()
    return 'goes on'
  }
  const look = lookOf({ ...pass, memory: freshMemory() }, pass.cluster)
  await look.need('presence')
  // Another guest under its VMID must not get it.
  const gone = goneGuest(pass, look)
  if (gone) return gone
  const why = await setNow(pass, look, credentials.password)
  if (why === undefined) return endSucceeded(pass, `The guest agent set the password of user ${cloudInit.user}.`)
  return endSucceeded(pass, `The new password takes effect at the next start from off: ${why}.`)
}

/** Undefined: it is in the guest. Else why it waits for the next start. */
async function setNow(pass: CommandPass, look: Look, password: string): Promise<string | undefined> {
  const { cluster, draft, deps } = pass
  const { user } = draft.vm.spec.cloudInit ?? {}
  await look.need('power')
  if (look.seen.power !== 'running') return 'the VM is off'
  if (!isAgentEnabled(look.seen.config?.values.agent)) return 'the guest agent is not enabled in its configuration'
  if (user === undefined) return 'spec.cloudInit.user does not say whose password it is'
  // PVE hands over the characters of a password and not their UTF-8, so that the guest would get another one (PVE::API2::Qemu::Agent).
  if (/[^\x20-\x7e]/.test(password)) return 'PVE hands only ASCII characters to the guest agent, and the password has others'
  const off = capabilityOff(cluster.facts(), 'password')
  if (off !== undefined) return off.replace(/[.]$/, '')
  deps.mayAct()
  try {
    await cluster.pve.support(look.at).setPassword({ user, password })
    return undefined
  } catch (fault) {
    if (!(fault instanceof PveError)) throw fault
    // Whether it arrived is not known: asked again, it does no harm.
    if (judge(fault).kind === 'unknown-outcome' || judge(fault).kind === 'unreachable') throw fault
    return `PVE says: ${fault.message.trim().replace(/[.]$/, '')}`
  }
}
