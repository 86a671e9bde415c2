import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

const sizeOf = (drive: string | undefined) => /size=(\w+)/.exec(drive ?? '')?.[1]

describe('a request that ends well and whose effect does not show', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(async () => await world.stop())

  const sent = (vm: ProxmoxVM, tail: string) =>
    world.simulator.requests
      .report()
      .log.filter(({ method, path }) => method !== 'GET' && path.includes(`/qemu/${vm.status?.vmid}/`) && path.endsWith(tail)).length
  const grow = (name: string, size: string) => world.edit(name, { spec: { package: { systemDisk: { size } } } })

  it('is not sent at all for a size that is true beside a pending setting, and that setting brings no old size back', async () => {
    const vm = await world.born('pending')
    const drive = world.guestOf(vm).config.get('scsi0') ?? ''
    await world.inPve('PUT', `${world.pathOf(vm)}/config`, { scsi0: `${drive},cache=writeback` })
    expect(world.guestOf(vm).pending.get('scsi0')).toBeDefined()
    world.simulator.requests.reset()
    await grow('pending', '30Gi')
    await until('the size is applied', async () => (await world.vm('pending'))?.status?.change === undefined && sent(vm, '/resize') > 0)
    await world.untilReady('pending')

    expect(sent(vm, '/resize')).toBe(1)
    const { config, pending } = world.guestOf(vm)
    expect([sizeOf(config.get('scsi0')), sizeOf(pending.get('scsi0') ?? config.get('scsi0'))]).toEqual(['30G', '30G'])
  })

  it('is repeated after growing pauses, and told with what was sent', async () => {
    const vm = await world.born('stubborn')
    const guest = world.guestOf(vm)
    // Somebody's hook undoes it each time.
    const set = guest.config.set.bind(guest.config)
    guest.config.set = (key, value) => set(key, key === 'cores' ? '1' : value)
    guest.pending.set = () => guest.pending
    world.simulator.requests.reset()
    await world.edit('stubborn', { spec: { package: { cpu: { cores: 3 } } } })
    const told = await world.untilCondition('stubborn', 'Ready', 'False', 'NotConverging')
    expect(world.condition(told, 'Ready')?.message).toMatch(
      /PVE accepted this once and does not show the change: .*cores 1 → 3.*again after 2 s/,
    )
    const before = sent(vm, '/config')
    for (const pauseMs of [2_100, 4_100, 8_100]) {
      const soFar = sent(vm, '/config')
      world.skip(pauseMs)
      await until('it is sent again', () => sent(vm, '/config') > soFar)
    }
    await world.untilCondition('stubborn', 'Ready', 'False', 'NotConverging')

    expect([before, sent(vm, '/config')]).toEqual([1, 4])
    guest.config.set = set
  })

  it('is repeated after growing pauses to a VM that is suspended, whose suspension is looked at first each time', async () => {
    const vm = await world.born('suspended')
    await world.edit('suspended', { spec: { suspensions: [{ by: 'abuse', reason: 'spam' }] } })
    await world.untilCondition('suspended', 'Suspended', 'True', undefined, 60)
    await world.untilReady('suspended')
    const route = 'PUT /nodes/{node}/qemu/{vmid}/resize'
    world.simulator.faults.add(
      [{ id: 'none', route, match: { vmid: vm.status?.vmid ?? 0 }, times: 'always', task: { noEffect: true } }],
      [],
    )
    world.simulator.requests.reset()
    await grow('suspended', '30Gi')
    const writes = () => sent(vm, '/resize') + sent(vm, '/config')
    await world.untilCondition('suspended', 'Ready', 'False', 'NotConverging')
    expect(writes()).toBe(1)
    for (const pauseMs of [2_100, 4_100]) {
      const before = writes()
      world.skip(pauseMs)
      await until('the next one is sent', () => writes() > before)
      await until('and its pause is told', async () => {
        const { reason, message = '' } = world.condition(await world.vm('suspended'), 'Ready') ?? {}
        return reason === 'NotConverging' && message.includes(`accepted this ${before + 1} times`)
      })
      expect(writes()).toBe(before + 1)
    }
    world.simulator.faults.remove('none')
    world.skip(8_100)
    await world.untilReady('suspended', 60)
  })

  it('is sent once to a guest that HA stops and starts in its own time', async () => {
    const vm = await world.born('highly-available')
    await world.inPve('POST', '/cluster/ha/resources', { sid: `vm:${vm.status?.vmid}`, state: 'started' })
    world.simulator.requests.reset()
    await world.edit('highly-available', { spec: { suspensions: [{ by: 'abuse', reason: 'spam' }] } })
    await until('it is off', () => !world.guestOf(vm).isRunning)
    await world.untilCondition('highly-available', 'Suspended', 'True', undefined, 60)
    expect(sent(vm, '/status/shutdown')).toBeLessThanOrEqual(2)
    await world.edit('highly-available', { spec: { suspensions: [] } })
    await until('it runs', () => world.guestOf(vm).isRunning)
    expect(sent(vm, '/status/start')).toBeLessThanOrEqual(2)
  })
})
