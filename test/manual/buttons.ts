import { expect } from '@jest/globals'
import { proxmoxVMCommands } from '../../src/api/meta.ts'
import type { CommandName, ProxmoxVMCommand } from '../../src/api/proxmoxvmcommand.ts'
import { freshName } from '../support/kube.ts'
import { until } from '../support/until.ts'
import type { TestWorld } from '../support/world.ts'
import type { Admin } from './admin.ts'

/** Writes a ProxmoxVMCommand; its name. */
export async function press(world: TestWorld, vm: string, command: CommandName, more: object = {}): Promise<string> {
  const name = freshName(command.toLowerCase())
  await world.client.create(proxmoxVMCommands, {
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'ProxmoxVMCommand',
    metadata: { name, namespace: world.namespace },
    spec: { vmRef: { name: vm }, command, ...more },
  } as never)
  return name
}

export const commandNamed = async (world: TestWorld, name: string) =>
  await world.client.get(proxmoxVMCommands, { namespace: world.namespace, name })

export async function finished(world: TestWorld, name: string, seconds = 60): Promise<ProxmoxVMCommand> {
  let last: ProxmoxVMCommand | undefined
  return await until(
    `${name} ends`,
    async () => {
      last = await commandNamed(world, name)
      return last?.status?.finishedAt ? last : undefined
    },
    { seconds, describe: () => last?.status },
  )
}

/** Presses and waits: `Succeeded: The VM was started.` */
export async function outcomeOf(world: TestWorld, vm: string, command: CommandName, more: object = {}): Promise<string> {
  const { status } = await finished(world, await press(world, vm, command, more))
  return `${status?.phase}: ${status?.message}`
}

/** Presses Stop if the VM runs, and waits until it is Ready again. */
export async function turnOff(world: TestWorld, admin: Admin, vm: string): Promise<void> {
  if (admin.isRunning(await world.vm(vm))) expect(await outcomeOf(world, vm, 'Stop')).toBe('Succeeded: PVE cut the power.')
  await world.untilReady(vm)
}

export const reasonOf = (command: ProxmoxVMCommand) => command.status?.conditions?.find(({ type }) => type === 'Ready')?.reason
