// A paused object that is deleted stands still; it must not hold up the rest of the operator.
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { proxmoxVMCommands } from '../../src/api/meta.ts'
import type { ProxmoxVMCommand } from '../../src/api/proxmoxvmcommand.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

let world: TestWorld

beforeAll(async () => (world = await TestWorld.start({ speed: 20 })), 60_000)
afterAll(async () => await world.stop())

it('a command on a paused VM that is being deleted is refused, and other VMs go on', async () => {
  await world.born('still')
  await world.edit('still', { metadata: { annotations: { 'pve.hosting/paused': 'true' } } })
  await world.untilCondition('still', 'Paused', 'True')
  await world.delete('still')
  const key = { namespace: world.namespace, name: 'press' }
  await world.client.create(proxmoxVMCommands, {
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'ProxmoxVMCommand',
    metadata: key,
    spec: { vmRef: { name: 'still' }, command: 'Stop' },
  } as never)
  const refused = await until('the command is refused', async () => {
    const command = await world.get<ProxmoxVMCommand>(proxmoxVMCommands, key.name, key.namespace)
    return command?.status?.phase === 'Failed' ? command : undefined
  })
  expect(refused.status?.message).toContain('The VM is being deleted.')
  await world.born('other')
  expect(world.guests().map((guest) => guest.isRunning)).toEqual([true, true])
  await world.edit('still', { metadata: { annotations: { 'pve.hosting/paused': null } } })
  await world.untilGone('still')
})
