import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { aV4Pool } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

const names = ['a', 'b', 'c', 'd', 'e']

/** The token loses its sight of guests: PVE answers as before and leaves them out. */
describe('a listing without most of the VMs', () => {
  let world: TestWorld
  let pool: string
  let vms: ProxmoxVM[]
  const others = ['Datastore.AllocateSpace', 'Datastore.Audit', 'SDN.Use', 'Sys.Audit', 'VM.Allocate', 'VM.Clone', 'VM.PowerMgmt']
  beforeAll(async () => {
    world = await TestWorld.start({
      speed: 20,
      scenario: {
        roles: { Blind: others },
        users: [{ userid: 'root@pam' }, { userid: 'blind@pve' }],
        tokens: [
          { tokenid: 'root@pam!sim', secret: 'sim', privsep: false },
          { tokenid: 'blind@pve!k8s', secret: 'blind', privsep: false },
        ],
        acl: [{ path: '/', type: 'user', ugid: 'blind@pve', roleid: 'Blind' }],
      },
    })
    pool = await world.pool(aV4Pool())
    vms = await Promise.all(names.map((name) => world.born(name, { addresses: [{ name: 'main', poolRef: { name: pool } }] })))
  })
  afterAll(async () => await world.stop())

  it('calls none missing and frees nothing, names the privilege, and says so on the cluster', async () => {
    await world.login('blind@pve!k8s', 'blind')
    for (const name of names) {
      const vm = await world.untilCondition(name, 'Stalled', 'True', 'ListingDoubtful', 60)
      expect(world.condition(vm, 'Stalled')?.message).toContain(`VM.Audit on /vms/${vm.status?.vmid}`)
    }
    await until('the cluster says so', async () => (await world.clusterCondition('Ready'))?.reason === 'ListingDoubtful')
    expect((await world.clusterCondition('Ready'))?.message).toContain("5 of 5 VMs are missing from PVE's listing at once")
    await world.delete('a')
    await world.untilCondition('a', 'Stalled', 'True', 'ListingDoubtful', 60)
    const held = (await world.addresses(pool)).flatMap(({ spec }) => spec.claimRef?.name ?? [])
    expect(held.toSorted()).toEqual(names)
    expect(world.guests()).toHaveLength(names.length)
  })

  it('is forgotten when the privilege is back', async () => {
    await world.login('root@pam!sim', 'sim')
    for (const name of names.slice(1)) await world.untilReady(name, 60)
    await world.untilGone('a', 60)
    expect(vms.map((vm) => world.simulator.world.guests.has(vm.status?.vmid ?? 0))).toEqual([false, true, true, true, true])
  })
})
