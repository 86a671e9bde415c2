import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { PveClient } from '../../src/proxmox/client.ts'
import { Pve } from '../../src/proxmox/endpoints.ts'
import { Inventory } from '../../src/proxmox/inventory.ts'
import { TestClock } from '../support/test-clock.ts'
import { until } from '../support/until.ts'
import { type Simulated, simulated } from './simulated.ts'

let sim: Simulated
const clock = new TestClock()
let client: PveClient
beforeAll(async () => {
  sim = await simulated()
  const o = { endpoints: [sim.simulator.url], tokenID: 'root@pam!sim', tokenSecret: 'sim', tls: {}, requestsInFlight: 8 }
  client = new PveClient(o, { clock })
})
afterAll(async () => {
  await client.close()
  await sim.stop()
})

it('a machine whose clock is set back by an hour lists PVE as often as before', async () => {
  const inventory = new Inventory({ pve: new Pve(client), clock })
  const stop = new AbortController()
  const running = inventory.run(stop.signal)
  const before = await inventory.since(0)
  clock.jump(-3_600_000)
  clock.skip(11_000)

  await until('the next listing', () => (inventory.current()?.startedAtMs ?? 0) > before.startedAtMs)
  stop.abort()
  await running
})

it('a machine whose clock jumps still knows what time it is in PVE, before PVE answers again', async () => {
  await new Pve(client).version()
  const before = clock.now() + client.skewMs
  clock.jump(3_600_000)

  expect(Math.abs(clock.now() + client.skewMs - before)).toBeLessThan(2_500)
})
