/** The node of a VM falls silent while PVE works on the VM, and high availability brings the VM up elsewhere: everything goes on there. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { aBackup, addBackupServer, backupOf, untilBackup } from '../backups/scene.ts'
import { taken } from '../snapshots/snapshots.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { commandNamed, finished, press } from './buttons.ts'
import { timePasses } from './time-passes.ts'

describe('a node that falls silent while PVE works on a VM', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    await addBackupServer(world)
  })
  afterEach(() => world.simulator.faults.remove())
  afterAll(async () => {
    await world.stop()
  })

  const slow = (vm: ProxmoxVM, route: string) =>
    world.simulator.faults.add([{ route, match: { vmid: vm.status?.vmid }, task: { extraMs: 36_000_000 } } as never], [])
  /** Nothing of that node is answered from now on. */
  const silence = (vm: ProxmoxVM) =>
    world.simulator.faults.add(
      [
        {
          id: 'silent',
          route: '* /nodes/**',
          match: { node: vm.status?.node },
          times: 'always',
          status: 595,
          reason: 'No route to host',
        } as never,
      ],
      [],
    )
  const passes = (what: string, isSo: () => Promise<unknown>) => timePasses(world, what, isSo)
  const rescue = (vm: ProxmoxVM) => {
    const guest = world.guestOf(vm)
    // The node is fenced first.
    world.simulator.world.tasks.killAllOn(guest.node)
    guest.node = guest.node === 'pve1' ? 'pve2' : 'pve1'
    guest.config.delete('lock')
    const { storage } = world.simulator.world
    for (const volume of storage.ownedBy(guest.vmid).filter(({ node }) => node === vm.status?.node)) {
      storage.remove(volume)
      storage.add({ ...volume, node: guest.node })
    }
  }
  const said = /PVE cannot report the result of/
  const command = async (name: string) => (await commandNamed(world, name))?.status
  const readyMessage = async (name: string) => world.condition(await world.vm(name), 'Ready')?.message
  const begun = async (vm: ProxmoxVM, type: string) =>
    await until(`${type} runs`, () =>
      world.simulator.world.tasks.onNode(vm.status?.node ?? '').some((task) => task.type === type && task.id === `${vm.status?.vmid}`),
    )

  const isReady = async (name: string) => world.condition(await world.vm(name), 'Ready')?.status === 'True' || (await readyMessage(name))

  it('goes on with a step', async () => {
    const vm = await world.born('grow')
    slow(vm, 'PUT /nodes/{node}/qemu/{vmid}/resize')
    await world.edit('grow', { spec: { package: { systemDisk: { size: '22Gi' } } } })
    await until('the task is on record', async () => (await world.vm('grow'))?.status?.step?.upid?.includes(':resize:'))
    silence(vm)
    await passes('the VM says so', async () => said.test((await readyMessage('grow')) ?? '') || (await readyMessage('grow')))
    rescue(vm)
    await passes('the VM is ready', () => isReady('grow'))
    expect(world.guestOf((await world.vm('grow'))!).node).not.toBe(vm.status?.node)
  })

  it('ends a Rollback', async () => {
    const vm = await world.born('back')
    const snapshot = await taken(world, 'back')
    slow(vm, 'POST /nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback')
    const pressed = await press(world, 'back', 'Rollback', { snapshotRef: { name: snapshot.metadata.name } })
    await begun(vm, 'qmrollback')
    silence(vm)
    await passes('the VM says so', async () => said.test((await readyMessage('back')) ?? '') || (await readyMessage('back')))
    rescue(vm)
    await passes('the command ends', async () => (await command(pressed))?.finishedAt !== undefined || (await command(pressed)))
    await passes('the VM is ready', () => isReady('back'))
    expect((await command(pressed))?.phase).toBe('Failed')
  })

  const backup = async (name: string) => (await backupOf(world, name))?.status?.conditions?.find(({ type }) => type === 'Ready')

  it('ends a backup to a storage that other nodes reach', async () => {
    const vm = await world.born('saved')
    world.simulator.faults.add([{ route: 'POST /nodes/{node}/vzdump', task: { extraMs: 36_000_000 } } as never], [])
    await aBackup(world, 'saved-b', 'saved', { storage: 'pbs' })
    await begun(vm, 'vzdump')
    silence(vm)
    await passes('the backup says so', async () => said.test((await backup('saved-b'))?.message ?? '') || (await backup('saved-b')))
    rescue(vm)
    await passes('it ends', async () => (await backup('saved-b'))?.reason === 'BackupFailed' || (await backup('saved-b')))
    expect((await backupOf(world, 'saved-b'))?.status?.phase).toBe('Failed')
  })

  it('tells a restore as failed, and lets the object go', async () => {
    const vm = await world.born('rest')
    await aBackup(world, 'rest-b', 'rest', { storage: 'pbs' })
    await untilBackup(world, 'rest-b', 'True')
    await finished(world, await press(world, 'rest', 'Stop'))
    world.simulator.faults.add([{ route: 'POST /nodes/{node}/qemu', task: { extraMs: 36_000_000 } } as never], [])
    await world.edit('rest', { spec: { restore: { requestID: 'r1', backupRef: { name: 'rest-b' } } } })
    await begun(vm, 'qmrestore')
    silence(vm)
    rescue(vm)
    await passes('the VM tells it', async () => /every 5 minutes/.test((await readyMessage('rest')) ?? '') || (await readyMessage('rest')))
    await world.delete('rest')
    // Its backups are looked for on the disks of every node.
    world.simulator.faults.remove('silent')
    await passes('it is gone', async () => (await world.vm('rest')) === undefined || (await readyMessage('rest')))
  })

  it('waits with a backup on its own disks until it has left the PVE cluster', async () => {
    const vm = await world.born('local')
    world.simulator.faults.add([{ route: 'POST /nodes/{node}/vzdump', task: { extraMs: 36_000_000 } } as never], [])
    await aBackup(world, 'local-b', 'local', { storage: 'local' })
    await begun(vm, 'vzdump')
    silence(vm)
    rescue(vm)
    await passes('the backup waits', async () => (await backup('local-b'))?.reason === 'NodeOffline' || (await backup('local-b')))
    world.simulator.world.nodes.delete(vm.status?.node ?? '')
    await passes('it ends', async () => (await backup('local-b'))?.reason === 'BackupFailed' || (await backup('local-b')))
    expect((await backupOf(world, 'local-b'))?.status?.phase).toBe('Failed')
  })
})
