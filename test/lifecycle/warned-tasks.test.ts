/** A task of PVE that ends with warnings is told with PVE's own words, whatever it was asked for by. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { coreEvents } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { Admin } from '../manual/admin.ts'
import { finished, press, turnOff } from '../manual/buttons.ts'
import { ask, deleteSnapshot, taken, untilNoObject, untilSays } from '../snapshots/snapshots.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('a task that ended with warnings is told with their words', () => {
  let world: TestWorld
  let admin: Admin
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    admin = new Admin(world)
  })
  afterAll(async () => {
    await admin.close()
    await world.stop()
  })

  const pressed = (command: 'Start' | 'Reboot') => async (vm: ProxmoxVM) => {
    if (command === 'Start') await turnOff(world, admin, vm.metadata.name)
    return async () => await finished(world, await press(world, vm.metadata.name, command))
  }
  const rows: readonly [string, string, string, (vm: ProxmoxVM) => Promise<() => Promise<unknown>>][] = [
    ['the command Start', 'qmstart', 'POST /nodes/{node}/qemu/{vmid}/status/start', pressed('Start')],
    ['the command Reboot', 'qmreboot', 'POST /nodes/{node}/qemu/{vmid}/status/reboot', pressed('Reboot')],
    [
      'a snapshot',
      'qmsnapshot',
      'POST /nodes/{node}/qemu/{vmid}/snapshot',
      async (vm) => async () => await untilSays(world, await ask(world, vm.metadata.name), 'True/SnapshotTaken'),
    ],
    [
      'the deletion of a snapshot',
      'qmdelsnapshot',
      'DELETE /nodes/{node}/qemu/{vmid}/snapshot/{snapname}',
      async (vm) => {
        const snapshot = await taken(world, vm.metadata.name)
        return async () => {
          await deleteSnapshot(world, snapshot)
          await untilNoObject(world, snapshot)
        }
      },
    ],
    [
      'a rollback',
      'qmrollback',
      'POST /nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback',
      async (vm) => {
        const { metadata } = await taken(world, vm.metadata.name)
        return async () => await finished(world, await press(world, vm.metadata.name, 'Rollback', { snapshotRef: { name: metadata.name } }))
      },
    ],
  ]

  const told = async (name: string, type: string) => {
    const events = await world.client.list(coreEvents, { namespace: world.namespace })
    const notes = events
      .filter(({ reason, regarding }) => reason === 'TaskWarnings' && regarding.name === name)
      .map(({ note }) => note ?? '')
    return notes.filter((note) => note.includes('injected by the simulator') && note.includes(`:${type}:`))
  }

  it.each(rows)('of %s', async (_, type, route, prepare) => {
    const vm = await world.born(type)
    const act = await prepare(vm)
    world.simulator.faults.add([{ route, match: { vmid: vm.status?.vmid }, task: { warnings: 1 } }], [])
    await act()
    await until('it is told', async () => (await told(type, type)).length > 0)
    expect(await told(type, type)).toHaveLength(1)
    await until('it is in history', async () => (await world.vm(type))?.status?.history?.some(({ outcome }) => outcome === 'Warnings'))
  })

  it('of the clone of a birth', async () => {
    world.simulator.faults.add([{ route: 'POST /nodes/{node}/qemu/{vmid}/clone', task: { warnings: 1 } }], [])
    await world.born('newborn')
    await until('it is told', async () => (await told('newborn', 'qmclone')).length > 0)
    expect(await told('newborn', 'qmclone')).toHaveLength(1)
  })
})
