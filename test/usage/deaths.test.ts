import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMs } from '../../src/api/meta.ts'
import { partOf } from '../../src/usage/due.ts'
import { TestWorld } from '../support/world.ts'
import { until } from '../support/until.ts'
import { GB, traffic, transfer, untilMetered, untilUsage } from './scene.ts'

const minute = 60_000

describe('traffic while the operator is away, or the clock is wrong', () => {
  let world: TestWorld

  beforeAll(async () => {
    world = await TestWorld.start()
  })
  afterAll(() => world.stop())

  it('is filled from rrddata where the VM was restarted meanwhile, and marked as estimated', async () => {
    const vm = await world.born('unseen', traffic({}))
    await untilUsage(world, 'unseen', 'there', () => true)
    await world.killOperator()
    world.skip(10 * minute)
    transfer(world, vm, 4 * GB, GB)
    // Averages are by the minute: that of the restart is shared by both processes.
    world.skip(5 * minute)
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    await until('it is off', () => world.guestOf(vm).process === undefined)
    await world.inPve('POST', `${world.pathOf(vm)}/status/start`)
    await until('it is on', () => world.guestOf(vm).process !== undefined)
    world.skip(10 * minute)
    transfer(world, vm, 2 * GB, 0)
    await world.startOperator()
    const { status } = await untilUsage(
      world,
      'unseen',
      'filled',
      ({ gaps, estimatedBytes }) => gaps === undefined && (estimatedBytes ?? 0) > 0,
    )
    const { receivedBytes = 0, sentBytes = 0, estimatedBytes = 0 } = status?.usage ?? {}
    expect(Math.abs(receivedBytes - 6 * GB)).toBeLessThan(100)
    expect(Math.abs(sentBytes - GB)).toBeLessThan(100)
    expect(Math.abs(estimatedBytes - 5 * GB)).toBeLessThan(100)
    const asked = world.requests().filter((line) => line.endsWith(`/qemu/${status?.vmid}/rrddata`))
    expect(asked).toHaveLength(1)
  })

  it('holds a VM off although the operator died between the record and the shutdown, and lets it go in the next period', async () => {
    const vm = await world.born('dies', traffic({ limit: '10G', onExceed: 'Suspend' }))
    const { vmid = 0 } = vm.status ?? {}
    await untilUsage(world, 'dies', 'there', () => true)
    world.simulator.world.setLock(vmid, 'backup')
    transfer(world, vm, 11 * GB, 0)
    await untilUsage(world, 'dies', 'over', ({ exceeded }) => exceeded === 'Suspend')
    await world.killOperator()
    expect(world.guestOf(vm).process).toBeDefined()
    world.simulator.world.setLock(vmid, undefined)
    await world.startOperator()
    const held = await world.untilCondition('dies', 'Suspended', 'True', 'TrafficExceeded', 60)
    await world.killOperator()
    world.skip(Date.parse(held.status?.usage?.periodEnd ?? '') - world.clock.now() + minute)
    await world.startOperator()
    await until('it runs again', async () => (await world.vm('dies'))?.status?.remoteStatus === 'running' || (world.skip(2_500), false), {
      seconds: 60,
      everyMs: 150,
    })
    const { status } = await untilUsage(world, 'dies', 'of the new period', ({ exceeded }) => exceeded === undefined)
    expect(status?.usage?.previous).toMatchObject({ receivedBytes: 11 * GB })
  })

  it('opens no period because a clock was set wrong, and loses nothing when it is set right', async () => {
    const vm = await world.born('clocks', traffic({ limit: '100G' }))
    const before = await untilUsage(world, 'clocks', 'there', () => true)
    transfer(world, vm, GB, 0)
    await untilMetered(world, vm, GB)
    world.clock.jump(45 * 86_400_000)
    transfer(world, vm, GB, 0)
    expect(await untilMetered(world, vm, 2 * GB)).toMatchObject({ periodStart: before.status?.usage?.periodStart })
    world.clock.jump(-45 * 86_400_000)
    transfer(world, vm, GB, 0)
    expect(await untilMetered(world, vm, 3 * GB)).toMatchObject({ periodStart: before.status?.usage?.periodStart })
  })

  it('writes nothing while a VM that is well sends and receives, until its moment of the day', async () => {
    const vm = await world.born('quiet', traffic({ limit: '100G' }))
    await untilUsage(world, 'quiet', 'there', () => true)
    const sinceTurnMs = (world.clock.now() - Math.floor(partOf(vm.metadata.uid ?? '') * 86_400_000)) % 86_400_000
    if (sinceTurnMs > 86_400_000 - 60 * minute) world.skip(90 * minute)
    await until(
      'its guest has told',
      async () => (await world.vm('quiet'))?.status?.guest?.agent === 'Answering' || (world.skip(2_500), false),
    )
    // What a birth leaves to say is said within minutes: what its guest was given, for one.
    for (let times = 1; times <= 10; times++) {
      world.skip(minute)
      transfer(world, vm, 1, 0)
      await untilMetered(world, vm, times)
    }
    transfer(world, vm, GB, 0)
    const metered = await untilMetered(world, vm, GB + 10)
    const before = await world.vm('quiet')
    for (let times = 1; times <= 20; times++) {
      transfer(world, vm, GB, 0)
      world.skip(20_000)
      await untilMetered(world, vm, (1 + times) * GB + 10)
    }
    const after = await world.vm('quiet')
    expect(after?.status).toEqual(before?.status)
    expect(after?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion)
    world.skip(86_400_000)
    const { status } = await untilUsage(world, 'quiet', 'written', ({ receivedBytes }) => receivedBytes === 21 * GB + 10)
    expect(status?.usage?.measuredAt).not.toBe(metered.measuredAt)
  })

  it('continues when etcd was set back, without a new beginning', async () => {
    const vm = await world.born('setback', traffic({ limit: '100G' }))
    const old = await untilUsage(world, 'setback', 'there', () => true)
    transfer(world, vm, 85 * GB, 0)
    const { status } = await untilUsage(world, 'setback', 'at 85 %', ({ percent }) => percent === 85)
    await world.killOperator()
    const now = await world.vm('setback')
    const usage = old.status?.usage
    if (!now?.status || !usage) throw new Error('setback has no record')
    await world.client.replaceStatus(proxmoxVMs, { ...now, status: { ...now.status, usage } })
    await world.startOperator()
    const again = await untilUsage(world, 'setback', 'at 85 % again', ({ percent }) => percent === 85)
    expect(again.status?.usage).toMatchObject({ receivedBytes: 85 * GB, periodStart: status?.usage?.periodStart })
  })
})
