import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { systemClock } from '../../src/ops/clock.ts'
import { Inventory } from '../../src/proxmox/inventory.ts'
import { presenceOf } from '../../src/proxmox/presence.ts'
import { until } from '../support/until.ts'
import { type Simulated, simulated } from './simulated.ts'

const limited = {
  roles: { Few: ['VM.Audit', 'VM.Allocate'] },
  pools: [{ poolid: 'ours', vms: [9000] }],
  users: [{ userid: 'root@pam' }, { userid: 'few@pve' }],
  tokens: [
    { tokenid: 'root@pam!sim', secret: 'sim', privsep: false },
    { tokenid: 'few@pve!k8s', secret: 'few', privsep: false },
  ],
  acl: [{ path: '/pool/ours', type: 'user', ugid: 'few@pve', roleid: 'Few' }],
}

describe('the proof that a guest is gone', () => {
  let sim: Simulated
  let inventory: Inventory
  let stop: AbortController
  let running: Promise<void>
  const begin = async (o: Parameters<typeof simulated>[0] = {}) => {
    sim = await simulated({ tls: true, ...o })
    inventory = new Inventory({ pve: sim.pve, clock: systemClock })
    stop = new AbortController()
    running = inventory.run(stop.signal)
  }
  beforeEach(() => begin())
  afterEach(async () => {
    stop.abort()
    await running
    await sim.stop()
  })
  const presence = (vmid: number) => presenceOf({ pve: sim.pve, inventory }, vmid, systemClock.monotonicMs())

  it('is given by PVE itself, whose configs know every guest', async () => {
    expect(await presence(4711)).toEqual({ is: 'absent' })
    expect(await presence(9000)).toEqual({ is: 'present', node: 'pve1' })
  })

  it('does not need the nodes that are off: a guest there is known, and one that is gone is gone', async () => {
    await sim.fault({ node: { name: 'pve3', state: 'off' } })
    await until('pve3 is seen off', async () => !(await inventory.since(systemClock.monotonicMs())).allNodesOnline)
    expect(await presence(4711)).toEqual({ is: 'absent' })
    expect(await presence(9002)).toEqual({ is: 'present', node: 'pve3' })
  })

  it('is not given by a part without quorum, which shows what was before', async () => {
    await sim.fault({ noQuorum: true })
    expect(await presence(4711)).toMatchObject({ is: 'unknown', reason: 'NoQuorum' })
  })

  it('is not given by a listing that leaves out what the token may not see; the privilege is named', async () => {
    stop.abort()
    await running
    await sim.stop()
    await begin({ scenario: limited, client: { tokenID: 'few@pve!k8s', tokenSecret: 'few' } })
    expect(await presence(9001)).toMatchObject({
      is: 'unknown',
      reason: 'ListingDoubtful',
      why: expect.stringContaining('VM.Audit on /vms/9001'),
    })
  })

  it('is given to a token that has rights through a PVE pool only, which may not ask for the quorum', async () => {
    stop.abort()
    await running
    await sim.stop()
    await begin({ scenario: limited, client: { tokenID: 'few@pve!k8s', tokenSecret: 'few' } })
    expect(await presence(9000)).toEqual({ is: 'present', node: 'pve1' })
    expect(await presence(4711)).toEqual({ is: 'absent' })
    for (const name of ['pve2', 'pve3']) await sim.fault({ node: { name, state: 'off' } })
    await until(
      'two are seen off',
      async () => [...(await inventory.since(systemClock.monotonicMs())).nodes.values()].filter(({ online }) => online).length === 1,
    )
    expect(await presence(4711)).toMatchObject({ is: 'unknown', reason: 'NoQuorum' })
  })
})
