// The deletion that the command Remove asks PVE for: one at a time, and after a failure the next one comes after a pause.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { commandNamed, finished, press, turnOff } from './buttons.ts'

const route = 'DELETE /nodes/{node}/qemu/{vmid}'

describe('the deletion that Remove asks PVE for', () => {
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

  const sent = (vmid: number) =>
    world.simulator.requests.report().log.filter(({ method, path }) => method === 'DELETE' && path.endsWith(`/qemu/${vmid}`)).length

  it('is sent once while its task runs, whoever wakes the VM, and whether the operator is killed meanwhile', async () => {
    const { vmid = 0 } = (await world.born('slow')).status ?? {}
    await turnOff(world, admin, 'slow')
    world.simulator.faults.add([{ id: 'slow', route, match: { vmid }, task: { extraMs: 100_000 } }], [])
    const command = await press(world, 'slow', 'Remove')
    await until('its task is in status', async () => (await world.vm('slow'))?.status?.step?.upid?.includes(':qmdestroy:'))
    for (const run of ['1', '2', '3']) {
      await world.edit('slow', { spec: { hostname: `slow-${run}` } })
      const before = world.simulator.requests.report(0).total
      await until('the operator goes on', () => world.simulator.requests.report(0).total > before + 2)
    }
    await world.killOperator()
    await world.startOperator()
    const ended = await finished(world, command)

    expect(ended.status?.message).toMatch(/^The operator deleted VM/)
    expect(sent(vmid)).toBe(1)
  })

  it('is repeated after growing pauses when it fails, and the command and the VM say why', async () => {
    const { vmid = 0 } = (await world.born('failing')).status ?? {}
    await turnOff(world, admin, 'failing')
    const task = { exitstatus: 'the storage is busy', before: true }
    world.simulator.faults.add([{ id: 'failing', route, match: { vmid }, times: 'always', task }], [])
    const command = await press(world, 'failing', 'Remove')
    const attempts = async () => (await world.vm('failing'))?.status?.step?.attempts ?? 0
    await until('the command says why', async () =>
      /^Deleting VM \d+ failed: .*the storage is busy/.test((await commandNamed(world, command))?.status?.message ?? ''),
    )
    for (const [index, pauseMs] of [2_100, 4_100, 8_100].entries()) {
      await until('the failure is counted', async () => (await attempts()) > index)
      world.skip(pauseMs)
    }
    await until('the failure is counted', async () => (await attempts()) > 3)
    const soFar = sent(vmid)
    expect(soFar).toBeLessThanOrEqual((await attempts()) + 1)
    world.simulator.faults.remove('failing')
    world.skip(16_100)
    const ended = await finished(world, command)

    expect(ended.status?.message).toMatch(/^The operator deleted VM/)
    expect(sent(vmid)).toBeLessThanOrEqual(soFar + 1)
  })
})
