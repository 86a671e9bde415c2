import { randomBytes } from 'node:crypto'
import { apiVersion } from '../api/group.ts'
import { proxmoxVMCommands } from '../api/meta.ts'
import type { CommandName, ProxmoxVMCommand, ProxmoxVMCommandSpec } from '../api/proxmoxvmcommand.ts'
import { KubeError } from '../kube/kube-error.ts'
import { proxmoxVMs } from '../api/meta.ts'
import { buttonName } from './button-names.ts'
import { mustGetVM, printJson, type Session } from './session.ts'
import { PluginRefusal } from './shell.ts'
import { progressLine, waitFor } from './waiting.ts'

export interface SendOptions {
  wait: boolean
  timeout?: number
  /** Seconds. Absent: the command is kept until its VM goes. */
  ttl?: number
  reason?: string
  output?: 'json'
}

/** Creates the ProxmoxVMCommand and waits for its end. Throws a Refusal with the operator's sentence when it fails. */
export async function sendCommand(session: Session, button: CommandName, vmName: string, o: SendOptions): Promise<void> {
  await mustGetVM(session, vmName)
  const command = await createOnce(session, {
    vmRef: { name: vmName },
    command: button,
    ...(o.reason !== undefined && { reason: o.reason }),
    ...(o.ttl !== undefined && { ttlSecondsAfterFinished: o.ttl }),
  })
  const { name } = command.metadata
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

/** The name is chosen here, so that a lost answer can be looked up instead of sending the command twice. */
async function createOnce({ client, namespace }: Session, spec: ProxmoxVMCommandSpec): Promise<ProxmoxVMCommand> {
  const name = `${spec.vmRef.name.slice(0, 220)}-${buttonName(spec.command)}-${randomBytes(3).toString('hex')}`
  try {
    return await client.create(proxmoxVMCommands, { apiVersion, kind: 'ProxmoxVMCommand', metadata: { namespace, name }, spec })
  } catch (fault) {
    const there = fault instanceof KubeError && fault.status === 0 && (await client.get(proxmoxVMCommands, { namespace, name }))
    if (there) return there
    throw fault
  }
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
    if (!now.status?.startedAt) return { progress: `${now.spec.command} waits to be taken up${vm ? `; ${progressLine(vm)}` : ''}` }
    return { progress: `${now.spec.command}: ${now.status.message || (vm ? progressLine(vm) : 'under way')}` }
  })
}
