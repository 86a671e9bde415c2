import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { parseMark } from '../../src/ladder/mark.ts'
import { aV4Pool, vpsM } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { setBack, strip } from './losing.ts'

const isListed = (world: TestWorld): boolean => world.requests().includes('GET /cluster/resources')

describe('a VM whose status is lost', () => {
  let world: TestWorld
  let pool: string
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    pool = await world.pool(aV4Pool())
  })
  afterAll(async () => await world.stop())

  const born = (name: string, spec: object = {}): Promise<ProxmoxVM> =>
    world.born(name, { addresses: [{ name: 'main', poolRef: { name: pool } }], ...spec })
  /** Taken back, and compared with its spec. */
  const looked = (name: string) => world.untilCondition(name, 'NetworkConfigured', 'True')
  const guestsOf = ({ metadata }: ProxmoxVM) =>
    world.guests().filter((guest) => parseMark(guest.config.get('description'))?.uid === metadata.uid)
  const holderOf = async (vm: ProxmoxVM) =>
    (await world.addresses(pool)).find(({ spec }) => spec.address === vm.status?.addresses?.[0]?.address)?.spec.claimRef?.uid
  /** What belongs to the VM for life. */
  const identity = ({ status }: ProxmoxVM) => {
    const { vmid, node, interfaces, addresses, hostname, vmName } = status ?? {}
    const disks = status?.disks?.map(({ name, key, volume }) => ({ name, key, volume }))
    return { vmid, node, interfaces, addresses, hostname, vmName, disks }
  }

  it('is recognised by its mark: nothing is made, started or sent for it', async () => {
    const vm = await born('whole', { package: vpsM, cloudInit: { user: 'admin', generatePassword: true } })
    world.simulator.requests.reset()
    await strip(world, 'whole')
    const now = await looked('whole')
    expect(identity(now)).toEqual(identity(vm))
    expect(now.status?.credentialsSecretRef).toEqual(vm.status?.credentialsSecretRef)
    expect(world.writes()).toEqual([])
    expect(guestsOf(vm)).toHaveLength(1)
    expect(await holderOf(vm)).toBe(vm.metadata.uid)
  })

  it('is recognised by an operator that has started meanwhile and has not worked on the VM yet', async () => {
    const vm = await born('rested')
    await world.stopOperator()
    world.simulator.requests.reset()
    await world.startOperator()
    // At rest it is looked at by its row alone.
    await until('the VMs at rest were passed over', () => world.operator?.operator.queue.running === 0 && isListed(world))
    world.simulator.requests.reset()
    await strip(world, 'rested')
    const now = await looked('rested')
    expect(identity(now)).toEqual(identity(vm))
    expect(guestsOf(vm)).toHaveLength(1)
    expect(world.writes()).toEqual([])
  })

  it('is recognised by the operator that starts afterwards, under a pinned number as well', async () => {
    const vm = await born('pinned', { vmid: 10_500 })
    await world.stopOperator()
    await strip(world, 'pinned')
    world.simulator.requests.reset()
    await world.startOperator()
    const now = await looked('pinned')
    expect(identity(now)).toEqual(identity(vm))
    expect(world.writes()).toEqual([])
  })

  it.each([
    ['', 'dark', 0],
    [', also on a machine whose clock was set back by an hour', 'dark-early', -3_600_000],
    [', also on a machine whose clock was set forward by an hour', 'dark-late', 3_600_000],
  ])('stays off when somebody had switched it off%s', async (_, name, jumpMs) => {
    const vm = await born(name)
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    await world.untilCondition(name, 'Ready', 'True', 'Stopped')
    world.clock.jump(jumpMs)
    await strip(world, name)
    await world.untilCondition(name, 'Ready', 'True', 'Stopped')
    expect(world.guestOf(vm).isRunning).toBe(false)
    world.clock.jump(-jumpMs)
  })

  it('is taken down before its address is free, when its object is deleted meanwhile', async () => {
    const vm = await born('deleted')
    await world.stopOperator()
    await strip(world, 'deleted')
    await world.delete('deleted')
    await world.startOperator()
    await world.untilGone('deleted')
    expect(guestsOf(vm)).toEqual([])
    expect(await holderOf(vm)).toBeUndefined()
  })

  it('finishes its birth, if that was under way', async () => {
    await world.apply('young', { addresses: [{ name: 'main', poolRef: { name: pool } }], package: vpsM })
    await until('its clone is asked for', async () => (await world.vm('young'))?.status?.step?.upid !== undefined)
    await strip(world, 'young')
    const vm = await world.untilReady('young')
    expect(guestsOf(vm)).toHaveLength(1)
    expect(world.guestOf(vm).isRunning).toBe(true)
    expect(world.guests().filter((guest) => guest.config.get('name') === 'young')).toHaveLength(1)
  })

  it('is not reinstalled a second time, also when its status is that of before the reinstall', async () => {
    const before = (await born('fresh')).status
    await world.edit('fresh', { spec: { reinstall: { requestID: 'r 1,2' } } })
    await until('the reinstall is done', async () => (await world.vm('fresh'))?.status?.reinstall?.completedIDs?.includes('r 1,2'))
    const vm = await world.untilReady('fresh')
    const diskOf = (one: ProxmoxVM) => world.guestOf(one).config.get('smbios1')
    const disk = diskOf(vm)
    expect(parseMark(world.guestOf(vm).config.get('description'))?.object?.done).toEqual(['r 1,2'])
    await strip(world, 'fresh')
    expect((await world.untilReady('fresh')).status?.reinstall?.completedIDs).toEqual(['r 1,2'])
    await world.stopOperator()
    await setBack(world, 'fresh', before)
    await world.startOperator()
    await until('the request is known as done', async () => (await world.vm('fresh'))?.status?.reinstall?.completedIDs?.includes('r 1,2'))
    expect(diskOf(await world.untilReady('fresh'))).toBe(disk)
  })

  it('is not reinstalled a second time when its status is of a time at which the reinstall waited', async () => {
    const before = (await born('waited')).status
    await world.edit('waited', { spec: { reinstall: { requestID: 'r1' } } })
    await until('the reinstall is done', async () => (await world.vm('waited'))?.status?.reinstall?.completedIDs?.includes('r1'))
    const vm = await world.untilReady('waited')
    const diskOf = (one: ProxmoxVM) => world.guestOf(one).config.get('smbios1')
    const disk = diskOf(vm)
    await world.stopOperator()
    const running = { requestID: 'r1', since: new Date(world.clock.now()).toISOString() }
    await setBack(world, 'waited', { ...before, reinstall: { completedIDs: [], running } })
    await world.startOperator()
    const known = await until('the request is known as done', async () => {
      const now = await world.vm('waited')
      const { reinstall } = now?.status ?? {}
      return reinstall?.running === undefined && reinstall?.completedIDs?.includes('r1') ? now : undefined
    })
    expect(known.status?.history?.map(({ message }) => message)).toContain(
      'Reinstall r1 was carried out before: the description of the VM says so, and the status is older.',
    )
    expect(diskOf(await world.untilReady('waited'))).toBe(disk)
  })
})
