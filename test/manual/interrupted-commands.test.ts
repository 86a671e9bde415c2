import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { TestWorld } from '../support/world.ts'
import { until } from '../support/until.ts'
import { Admin } from './admin.ts'
import { commandNamed, press } from './buttons.ts'

describe('a command whose request never arrived', () => {
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

  /** Presses Start on a VM that is off; the request is lost on its way and nothing tells so. */
  async function lostStart(name: string): Promise<string> {
    await world.apply(name)
    const vm = await world.untilReady(name)
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    await admin.soon('it is off', async () => (await world.vm(name))?.status?.remoteStatus === 'stopped')
    const path = 'POST /nodes/{node}/qemu/{vmid}/status/start'
    world.simulator.faults.add([{ route: path, match: { vmid: vm.status?.vmid }, drop: 'before' }], [])
    const command = await press(world, name, 'Start')
    await until('it is noted', async () => (await commandNamed(world, command))?.status?.intentAt)
    return command
  }

  const startsOf = async (name: string) => {
    const vmid = (await world.vm(name))?.status?.vmid
    return world.simulator.world.tasks
      .onNode((await world.vm(name))?.status?.node ?? '')
      .filter(({ type, id }) => type === 'qmstart' && id === `${vmid}`)
  }

  it.each([
    ['suspended', { spec: { suspensions: [{ by: 'billing', reason: 'unpaid' }] } }, 'is suspended'],
    ['paused', { metadata: { annotations: { 'pve.hosting/paused': 'true' } } }, 'is paused'],
  ])('is not sent to a VM that is %s by now', async (name, edit, why) => {
    const command = await lostStart(name)
    await world.edit(name, edit)
    await admin.soon('it ends', async () => (await commandNamed(world, command))?.status?.finishedAt)

    const { status } = (await commandNamed(world, command)) ?? {}
    expect([status?.phase, status?.message]).toEqual(['Failed', expect.stringContaining(why)])
    // The one of its birth.
    expect(await startsOf(name)).toHaveLength(1)
  })
})
