import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { LiveCluster } from '../../src/cluster/cluster.ts'
import { preflight } from '../../src/cluster/facts.ts'
import { simulated, type Simulated } from '../proxmox/simulated.ts'
import { TestClock } from '../support/test-clock.ts'
import { until } from '../support/until.ts'

describe('a cluster that is watched', () => {
  const clock = new TestClock()
  let pve: Simulated
  let live: LiveCluster

  beforeAll(async () => {
    pve = await simulated({})
    live = new LiveCluster({
      name: 'main',
      spec: {
        endpoints: [pve.simulator.url],
        credentialsSecretRef: { namespace: 'pve', name: 'token' },
        vmids: { from: 1000, to: 1999 },
        limits: { requests: 8, fullClonesPerNode: 4 },
      },
      credentials: { tokenID: 'root@pam!sim', tokenSecret: 'sim' },
      reservations: { read: async () => undefined, write: async () => undefined },
      deletions: { record: { read: async () => [], write: async () => undefined }, limit: () => ({ max: 10, windowMs: 60_000 }) },
      owners: {
        installation: 'here',
        isLiving: () => false,
        former: [],
        holderOf: () => undefined,
        lostMs: () => 0,
        isOfConcern: () => false,
        remembered: () => [],
      },
      identity: undefined,
      known: () => [],
      clock,
    })
    live.found = await preflight(live.pve)
    live.start()
  })
  afterAll(async () => {
    await live.stop()
    await pve.stop()
  })

  const count = async (route: string) => (await pve.requests())[route] ?? 0
  /** So many listings from now on, each waited for. */
  const passes = async (listings: number) => {
    for (let left = listings; left > 0; left -= 1) {
      const before = await count('GET /cluster/resources')
      await until('the cluster is listed', async () => {
        clock.skip(4_000)
        return (await count('GET /cluster/resources')) > before
      })
    }
  }

  it('tells its tasks as long as the listing works, and is not asked for them while the token is refused', async () => {
    await until('the tasks are looked at', async () => {
      clock.skip(4_000)
      return (await count('GET /cluster/tasks')) > 0
    })
    await pve.fault({ id: 'refused', route: 'GET /cluster/resources', status: 401, reason: 'authentication failure', times: 'always' })
    await until('the listing fails', () => {
      clock.skip(4_000)
      return live.inventory.lastFailure !== undefined
    })
    // A look at the tasks that left before is counted when it is answered, which may take longer than a listing.
    await passes(2)
    await until('PVE has answered all', () => pve.simulator.world.inFlight.size === 0)
    await passes(1)
    const before = await count('GET /cluster/tasks')
    await passes(3)
    expect(await count('GET /cluster/tasks')).toBe(before)
    await pve.clearFaults()
    await until('the tasks are looked at again', async () => {
      clock.skip(4_000)
      return (await count('GET /cluster/tasks')) > before
    })
  })

  it('reads the switch of the datacenter firewall every half minute, and tells when somebody has turned it', async () => {
    const options = pve.simulator.world.firewall.get('cluster')?.options ?? {}
    const told: (boolean | undefined)[] = []
    const end = live.firewall.subscribe(() => told.push(live.facts()?.firewallEnabled))
    for (const isOn of [false, true]) {
      options['enable'] = isOn ? 1 : 0
      await until('it is told', () => {
        clock.skip(10_000)
        return told.at(-1) === isOn
      })
    }
    end()
    expect(told).toEqual([false, true])
  })
})
