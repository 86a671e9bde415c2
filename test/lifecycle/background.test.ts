/** How soon a change that no listing and no task tells is seen, and what that costs. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

const fleet = 40

describe('the background reading of a fleet', () => {
  let world: TestWorld
  const vms: ProxmoxVM[] = []
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 50 })
    const names = Array.from({ length: fleet }, (_, at) => `vm-${at}`)
    const linked = { template: { name: 'debian-13', clone: 'Linked' } }
    await Promise.all(names.map((name) => world.apply(name, linked)))
    for (const name of names) vms.push(await world.untilReady(name, 120))
  })
  afterAll(async () => await world.stop())

  const isQuiet = () => world.operator?.operator.queue.running === 0
  /** So many seconds, one after another, each until the operator has nothing more to do in it. */
  const pass = async (seconds: number, isOver: () => boolean = () => false): Promise<number> => {
    for (let second = 0; second < seconds; second += 1) {
      if (isOver()) return second
      world.skip(1_000)
      await new Promise((resolve) => setImmediate(resolve))
      await new Promise((resolve) => setTimeout(resolve, 15))
      await until('no pass is under way', isQuiet)
    }
    return seconds
  }
  const onboot = (vm: ProxmoxVM) => world.guestOf(vm).config.get('onboot')
  const background = () => world.requests().filter((line) => /^GET [/]nodes[/][^/]+[/](qemu[/]|storage[/])/.test(line))

  it('finds what was changed in every VM of it within a minute and two seconds a VM', async () => {
    await pass(60)
    for (const vm of vms) world.guestOf(vm).config.set('onboot', '0')
    const seconds = await pass(200, () => vms.every((vm) => onboot(vm) === '1'))
    expect(vms.filter((vm) => onboot(vm) !== '1').length).toBe(0)
    expect(seconds).toBeLessThanOrEqual(60 + 2 * fleet)
  })

  it('asks PVE no more than once a second, whatever there is to read', async () => {
    await pass(30)
    const beganMs = world.clock.monotonicMs()
    world.simulator.requests.reset()
    await pass(240)
    // Those seconds, and what the machine needed for them.
    const seconds = (world.clock.monotonicMs() - beganMs) / 1000
    const looks = background().filter((line) => line.endsWith('/pending'))
    expect(background().length).toBeLessThanOrEqual(seconds + 5)
    // Everybody twice at least, and nobody more often than once a minute.
    for (const vm of vms) {
      const times = looks.filter((line) => line.includes(`/qemu/${vm.status?.vmid}/`)).length
      expect(times).toBeGreaterThanOrEqual(2)
      expect(times).toBeLessThanOrEqual(seconds / 60)
    }
  })
})
