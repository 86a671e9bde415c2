/** A suspension that comes while the first start of a VM is on its way, and while something else keeps the VM from going on. */
import { afterAll, beforeAll, it } from '@jest/globals'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

let world: TestWorld
beforeAll(async () => {
  world = await TestWorld.start({ speed: 20 })
})
afterAll(async () => await world.stop())

it.each([
  ['is under way', { beginAfterMs: 1_000 }],
  ['was asked for without an answer', { drop: 'after', beginAfterMs: 3_000 }],
])(
  'a VM whose first start %s at its suspension is shut down once it runs, also while its package is missing',
  async (how, fault) => {
    const start = 'POST /nodes/{node}/qemu/{vmid}/status/start'
    const name = `early-${how.length}`
    world.simulator.requests.reset()
    world.simulator.faults.add([{ id: name, route: start, ...fault } as never], [])
    const { uid } = (await world.apply(name, { shutdownTimeout: '3s' })).metadata
    await until('its start is sent', () => world.requests().some((one) => one.includes('status/start')))
    await world.edit(name, { spec: { packageRef: { name: 'no-such-package' } } })
    await world.edit(name, { spec: { suspensions: [{ by: 'abuse', reason: 'spam' }] } })
    const guest = world.guests().find(({ config }) => config.get('description')?.includes(uid ?? ''))!
    const { tasks } = world.simulator.world
    const hasStarted = () =>
      tasks.onNode(guest.node).some(({ type, id, exitstatus }) => type === 'qmstart' && id === `${guest.vmid}` && exitstatus === 'OK')
    await until('the start has taken effect', hasStarted)
    await until('the VM is off', () => !guest.isRunning)
  },
  150_000,
)
