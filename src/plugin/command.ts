import { randomBytes } from 'node:crypto'
import { apiVersion } from '../api/group.ts'
import { proxmoxVMCommands } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { type CommandFacts, type CommandName, commands, type ProxmoxVMCommand, type ProxmoxVMCommandSpec } from '../api/proxmoxvmcommand.ts'
import { proxmoxVMs } from '../api/meta.ts'
import { buttonName } from './button-names.ts'
import { confirmAtTerminal, vmInQuestion } from './confirm.ts'
import { createOnce } from './create-once.ts'
import { planFor } from './plan-page.ts'
import { mustGetVM, printJson, type Session } from './session.ts'
import { PluginRefusal } from './shell.ts'
import { progressLine, waitFor } from './waiting.ts'

export interface SendOptions {
  wait: boolean
  timeout?: number
  /** Seconds. Absent: the command is kept until its VM goes. */
  ttl?: number
  reason?: string
  yes?: boolean
  output?: 'json'
  /** Further fields of the command: what only some buttons take. */
  fields?: Pick<ProxmoxVMCommandSpec, 'snapshotRef' | 'node' | 'withLocalDisks'>
}

/** Creates the ProxmoxVMCommand and waits for its end. Throws a Refusal with the operator's sentence when it fails. */
export async function sendCommand(session: Session, button: CommandName, vmName: string, o: SendOptions): Promise<void> {
  const vm = await mustGetVM(session, vmName)
  await confirmAtTerminal(session, await questionBefore(session, button, vm, o.fields), o.yes)
  const command = await createCommand(session, {
    vmRef: { name: vmName },
    command: button,
    ...o.fields,
    ...(o.reason !== undefined && { reason: o.reason }),
    ...(o.ttl !== undefined && { ttlSecondsAfterFinished: o.ttl }),
  })
  const { name } = command.metadata
  if (session.isDryRun) return sayDryRun(session, command, o)
  if (!o.wait) {
    if (o.output) printJson(session, command)
    else session.shell.out(`proxmoxvmcommand.pve.hosting/${name} created\n`)
    return
  }
  const ended = await waitForEnd(session, command, o)
  if (o.output) printJson(session, ended)
  const { phase, message = '', conditions } = ended.status ?? {}
  if (phase !== 'Succeeded') {
    const reason = conditions?.find((condition) => condition.type === 'Failed')?.reason ?? 'Failed'
    throw new PluginRefusal(`${buttonName(button)} ${vmName}: ${reason}: ${message}`)
  }
  if (!o.output) session.shell.out(`${buttonName(button)} ${vmName}: ${message}\n`)
}

/** What the button takes away from whoever uses the VM; undefined: nothing, nobody is asked. */
async function questionBefore(
  session: Session,
  button: CommandName,
  vm: ProxmoxVM,
  fields: SendOptions['fields'],
): Promise<string | undefined> {
  const which = vmInQuestion(session, vm)
  if (button === 'Rollback') return `Roll ${which} back to ${fields?.snapshotRef?.name}? Everything written since is lost.`
  if (button === 'Remove') return `Delete the VM of ${which} with its disks?`
  const isRunning = vm.status?.remoteStatus === 'running'
  if (isRunning && button in stops) return `${stops[button]} ${which}?`
  if (!isRunning || button !== 'ChangePackage') return undefined
  const needing = (await planFor(session, vm)).lines.filter((line) => line.stops && line.when === 'ChangePackage')
  return needing.length > 0 ? `Stop ${which} and start it again for: ${needing.map((line) => line.what).join('; ')}?` : undefined
}

const stops: Readonly<Partial<Record<CommandName, string>>> = {
  Stop: 'Cut the power of',
  Shutdown: 'Shut down',
  Reboot: 'Reboot',
  Reset: 'Reset',
}

function sayDryRun(session: Session, command: ProxmoxVMCommand, { output }: SendOptions): void {
  const { command: button, vmRef } = command.spec
  const { needs }: CommandFacts = commands[button]
  if (output) return printJson(session, command)
  session.shell.out(
    `${buttonName(button)} ${vmRef.name}: the API server accepts the command; the operator carries it out if this holds: ${needs}. Dry run: nothing was written.\n`,
  )
}

/** One more ProxmoxVMCommand. */
export async function createCommand(session: Session, spec: ProxmoxVMCommandSpec): Promise<ProxmoxVMCommand> {
  const { namespace } = session
  const name = `${spec.vmRef.name.slice(0, 220)}-${buttonName(spec.command)}-${randomBytes(3).toString('hex')}`
  return await createOnce(session, proxmoxVMCommands, { apiVersion, kind: 'ProxmoxVMCommand', metadata: { namespace, name }, spec })
}

async function waitForEnd(session: Session, command: ProxmoxVMCommand, o: SendOptions): Promise<ProxmoxVMCommand> {
  const { client, namespace } = session
  const { name } = command.metadata
  const later = `kubectl get pvcmd ${name} -n ${namespace}`
  return await waitFor(session, { later, ...(o.timeout !== undefined && { timeoutSeconds: o.timeout }) }, async () => {
    const now = await client.get(proxmoxVMCommands, { namespace, name })
    if (!now) throw new PluginRefusal(`${name} was deleted before it ended`)
    if (now.status?.finishedAt) return { done: now }
    const vm = await client.get(proxmoxVMs, { namespace, name: command.spec.vmRef.name })
    if (!now.status?.startedAt) return { progress: `${now.spec.command} has not begun${vm ? `; ${progressLine(vm)}` : ''}` }
    return { progress: `${now.spec.command}: ${now.status.message || (vm ? progressLine(vm) : 'under way')}` }
  })
}
