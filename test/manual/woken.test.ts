// A VM that the operator has switched off runs again although its object cannot be carried out any more.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { hold } from '../support/hold.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'

const suspended = { suspensions: [{ by: 'abuse', reason: 'spam' }] }

describe('a VM whose package goes missing', () => {
  let world: TestWorld
  let admin: Admin
  let packageName: string
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    admin = new Admin(world)
    packageName = await world.package({ cpu: { cores: 1 }, memory: { size: '1Gi' }, network: { bridge: 'vmbr0' } })
  })
  afterAll(async () => {
    await admin.close()
    await world.stop()
  })

  const born = (name: string) => world.born(name, { package: null, packageRef: { name: packageName } })
  const losePackage = (name: string, more: object = {}) => world.edit(name, { spec: { packageRef: { name: 'nowhere' }, ...more } })
  const shutdownsOf = ({ status }: ProxmoxVM) =>
    world.simulator.world.tasks.onNode(status?.node ?? '').filter(({ type, id }) => type === 'qmshutdown' && id === `${status?.vmid}`)
  const starts = (vmid = 0) => world.writes().filter((line) => line.endsWith(`/qemu/${vmid}/status/start`)).length

  it('while it is off for a change is started again, and says what is missing', async () => {
    const vm = await born('changed')
    const letGo = hold(world, 'POST /nodes/{node}/qemu/{vmid}/status/shutdown', vm.status?.vmid)
    world.simulator.requests.reset()
    await world.edit('changed', { spec: { package: { cpu: { cores: 2 } } } })
    await until('its shutdown is noted', async () => (await world.vm('changed'))?.status?.change?.wasRunning)
    await losePackage('changed')
    letGo()
    await until('it was off', () => shutdownsOf(vm).some(({ endtime }) => endtime !== undefined))
    await admin.soon('it runs', () => admin.isRunning(vm), { seconds: 40 })
    const stalled = await world.untilCondition('changed', 'Stalled', 'True', 'PackageNotFound')
    expect(stalled.status?.remoteStatus).toBe('running')
    expect(starts(vm.status?.vmid)).toBe(1)
    await world.edit('changed', { spec: { packageRef: { name: packageName } } })
    await world.untilReady('changed')
    expect([admin.isRunning(vm), admin.config(vm).cores, starts(vm.status?.vmid)]).toEqual([true, '2', 1])
  })

  it('while it is suspended is started when the last suspension goes, once, and stays as its user leaves it', async () => {
    const vm = await born('suspended')
    await world.edit('suspended', { spec: suspended })
    await world.untilCondition('suspended', 'Suspended', 'True')
    await losePackage('suspended')
    await world.untilCondition('suspended', 'Stalled', 'True', 'PackageNotFound')
    world.simulator.requests.reset()
    await world.edit('suspended', { spec: { suspensions: null } })
    await admin.soon('it runs', () => admin.isRunning(vm), { seconds: 40 })
    await world.untilCondition('suspended', 'Suspended', 'False', 'NotSuspended')
    await world.untilCondition('suspended', 'Stalled', 'True', 'PackageNotFound')
    expect([admin.config(vm).onboot, starts(vm.status?.vmid)]).toEqual(['1', 1])
    admin.powerOff(vm)
    world.simulator.world.publishAll()
    await admin.soon('it is seen off', async () => (await world.vm('suspended'))?.status?.remoteStatus === 'stopped', { seconds: 40 })
    await world.edit('suspended', { spec: { packageRef: { name: packageName } } })
    await world.untilReady('suspended')
    expect([admin.isRunning(vm), starts(vm.status?.vmid)]).toEqual([false, 1])
  })
})
