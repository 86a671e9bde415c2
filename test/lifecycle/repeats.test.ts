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
  /** What the operator says of it: how often it had been sent by then, how often the sentence says, and the pause. Each pause passes at once. */
  const tellings = (name: string, sentSoFar: () => number) => {
    const told = new Map<string, { words: string; atMs: number; pauseMs: number }>()
    world.operator?.operator.stores.vms.subscribe(({ key, new: now }) => {
      const { message = '' } = key === `${world.namespace}/${name}` ? (world.condition(now, 'Ready') ?? {}) : {}
      const [, often, pause] = /accepted this (\w+|\d+ times) and .* sends it again after (\d+) s/.exec(message) ?? []
      if (!often || told.has(often)) return
      const words = `${sentSoFar()} sent: ${often}, pause ${pause} s`
      told.set(often, { words, atMs: world.clock.monotonicMs(), pauseMs: Number(pause) * 1_000 })
    })
    let skipped = 0
    /** Once it has said so many things. A pause that was over before it could be told is none of them. */
    return async (things: number) => {
      const look = () => {
        if (told.size >= things) return true
        if (told.size > skipped) world.skip(([...told.values()].at(-1)?.pauseMs ?? 0) + 100)
        skipped = told.size
        return false
      }
      await until(`${things} pauses are told`, look, { seconds: 120, describe: () => [...told] })
      const all = [...told.values()]
      return { told: all.map(({ words }) => words), lastedMs: (all.at(-1)?.atMs ?? 0) - (all[0]?.atMs ?? 0) }
    }
  }
  const growing = [
    '1 sent: once, pause 2 s',
    '2 sent: 2 times, pause 4 s',
    '3 sent: 3 times, pause 8 s',
    '4 sent: 4 times, pause 16 s',
    '5 sent: 5 times, pause 30 s',
    '6 sent: 6 times, pause 30 s',
  ]
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
    const untilTold = tellings('stubborn', () => sent(vm, '/config'))
    await world.edit('stubborn', { spec: { package: { cpu: { cores: 3 } } } })
    const { told, lastedMs } = await untilTold(4)
    const said = world.condition(await world.untilCondition('stubborn', 'Ready', 'False', 'NotConverging'), 'Ready')?.message

    expect(growing).toEqual(expect.arrayContaining(told))
    expect(lastedMs).toBeGreaterThan(10_000)
    expect(said).toMatch(/PVE accepted this .* and does not show the change: .*cores 1 → 3/)
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
    const untilTold = tellings('suspended', () => sent(vm, '/resize') + sent(vm, '/config'))
    await grow('suspended', '30Gi')
    const { told, lastedMs } = await untilTold(3)
    expect(growing).toEqual(expect.arrayContaining(told))
    expect(lastedMs).toBeGreaterThan(4_000)
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
