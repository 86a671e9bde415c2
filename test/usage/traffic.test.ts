import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMCommands } from '../../src/api/meta.ts'
import { TestWorld } from '../support/world.ts'
import { until } from '../support/until.ts'
import { GB, traffic, transfer, untilMetered, untilUsage } from './scene.ts'

describe('traffic', () => {
  let world: TestWorld

  beforeAll(async () => {
    world = await TestWorld.start()
  })
  afterAll(() => world.stop())

  const power = async (name: string, is: string) =>
    await until(`${name} is ${is}`, async () => (await world.vm(name))?.status?.remoteStatus === is)

  it('is counted from the beginning of a VM, and written at 80, 90 and 100 %', async () => {
    const vm = await world.born('counted', traffic({ limit: '100G', resetDay: 1 }))
    await untilUsage(world, 'counted', 'there', () => true)
    transfer(world, vm, 50 * GB, 20 * GB)
    transfer(world, vm, 10 * GB, 5 * GB)
    const { status } = await untilUsage(world, 'counted', 'at 85 %', ({ percent }) => percent === 85)
    expect(status?.usage).toMatchObject({ receivedBytes: 60 * GB, sentBytes: 25 * GB, limitBytes: 100 * GB })
    expect(status?.usage).not.toHaveProperty('estimatedBytes')
    expect(world.condition(await world.vm('counted'), 'TrafficWithinLimit')).toMatchObject({ status: 'True', reason: 'WithinTrafficLimit' })
    transfer(world, vm, 0, 20 * GB)
    await untilUsage(world, 'counted', 'over', ({ exceeded }) => exceeded === 'Report')
    const over = await world.untilCondition('counted', 'TrafficWithinLimit', 'False', 'TrafficExceeded')
    expect(over.status).toMatchObject({ remarks: 'TrafficExceeded', remoteStatus: 'running' })
    expect(world.condition(over, 'Ready')).toMatchObject({ status: 'True' })
  })

  it('goes on over a restart of the guest and of the operator, and counts nothing twice', async () => {
    const vm = await world.born('restarted', traffic({}))
    await untilUsage(world, 'restarted', 'there', () => true)
    transfer(world, vm, 7 * GB, 0)
    await untilMetered(world, vm, 7 * GB)
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    await power('restarted', 'stopped')
    await untilUsage(
      world,
      'restarted',
      'written at the reset',
      ({ receivedBytes, counters }) => receivedBytes === 7 * GB && counters?.receivedBytes === 0,
    )
    await world.inPve('POST', `${world.pathOf(vm)}/status/start`)
    await power('restarted', 'running')
    transfer(world, vm, 3 * GB, GB)
    await untilMetered(world, vm, 10 * GB)
    await world.killOperator()
    transfer(world, vm, 2 * GB, 0)
    await world.startOperator()
    world.skip(86_400_000)
    const { status } = await untilUsage(world, 'restarted', 'written that day', ({ receivedBytes }) => receivedBytes === 12 * GB)
    expect(status?.usage).toMatchObject({ sentBytes: GB })
    expect(status?.usage).not.toHaveProperty('limitBytes')
    expect(status?.usage).not.toHaveProperty('gaps')
  })

  it('suspends the VM for everybody, whoever starts it, until the limit is raised', async () => {
    const vm = await world.born('held', traffic({ limit: '10G', onExceed: 'Suspend' }))
    await untilUsage(world, 'held', 'there', () => true)
    transfer(world, vm, 8 * GB, 3 * GB)
    await untilUsage(world, 'held', 'over', ({ exceeded }) => exceeded === 'Suspend')
    const off = await world.untilCondition('held', 'Suspended', 'True', 'TrafficExceeded', 60)
    expect(off.status).toMatchObject({ remoteStatus: 'stopped', phase: 'Suspended' })
    expect(off.spec).not.toHaveProperty('suspensions')
    await world.client.create(proxmoxVMCommands, {
      apiVersion: 'pve.hosting/v1alpha1',
      kind: 'ProxmoxVMCommand',
      metadata: { name: 'start-held', namespace: world.namespace },
      spec: { vmRef: { name: 'held' }, command: 'Start' },
    } as never)
    const ended = await until('the Start is refused', async () => {
      const command = await world.client.get(proxmoxVMCommands, { namespace: world.namespace, name: 'start-held' })
      return command?.status?.phase === 'Failed' && command
    })
    expect(ended.status?.message).toMatch(
      /^The VM is suspended by traffic \(10\.2 GiB of 9\.3 GiB used in the period that ends \S+\); the VM starts when the last suspension is removed: the one by traffic ends with the period \(\S+-01T00:00:00Z\) or with a higher limit\.$/,
    )
    await world.inPve('POST', `${world.pathOf(vm)}/status/start`)
    world.skip(12_000)
    await until('it is off again', async () => world.guestOf(vm).process === undefined || (world.skip(3_000), false))
    await world.edit('held', { spec: { package: { traffic: { limit: '20G' } } } })
    await power('held', 'running')
    expect(world.condition(await world.untilCondition('held', 'Suspended', 'False', 'NotSuspended'), 'TrafficWithinLimit')).toMatchObject({
      status: 'True',
    })
  })

  it('is taken off the record when the package has none any more, and lets go of a VM that it held off', async () => {
    const vm = await world.born('freed', traffic({ limit: '10G', onExceed: 'Suspend' }))
    await untilUsage(world, 'freed', 'there', () => true)
    transfer(world, vm, 11 * GB, 0)
    await world.untilCondition('freed', 'Suspended', 'True', 'TrafficExceeded', 60)
    await world.edit('freed', { spec: { package: { traffic: null } } })
    await until('it runs', () => world.guestOf(vm).process !== undefined)
    const freed = await world.untilCondition('freed', 'Suspended', 'False', 'NotSuspended')
    expect(freed.status).not.toHaveProperty('usage')
    expect(world.condition(freed, 'TrafficWithinLimit')).toBeUndefined()
  })

  it('puts the rate on net0 of a running VM, and takes it off with the next period', async () => {
    const vm = await world.born('slow', traffic({ limit: '10G', onExceed: 'Throttle', throttleMbit: 8, resetDay: 31 }))
    await untilUsage(world, 'slow', 'there', () => true)
    const net0 = () => world.guestOf(vm).config.get('net0') ?? ''
    const { process } = world.guestOf(vm)
    expect(net0()).not.toContain('rate=')
    transfer(world, vm, 10 * GB, 0)
    await untilUsage(world, 'slow', 'throttled', ({ throttledMbit }) => throttledMbit === 8)
    expect(net0()).toContain('rate=1')
    expect(world.guestOf(vm).process?.pid).toBe(process?.pid)
    const { status } = (await world.vm('slow')) ?? {}
    const endMs = Date.parse(status?.usage?.periodEnd ?? '')
    world.skip(endMs - world.clock.now() + 5_000)
    const after = await untilUsage(
      world,
      'slow',
      'lifted',
      ({ throttledMbit, exceeded }) => throttledMbit === undefined && exceeded === undefined,
    )
    expect(net0()).not.toContain('rate=')
    expect(after.status?.usage).toMatchObject({ previous: { receivedBytes: 10 * GB } })
    expect(after.status?.history?.filter(({ step }) => step === 'set_network').map(({ outcome }) => outcome)).not.toContain('Repaired')
  })
})
