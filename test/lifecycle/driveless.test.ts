import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { aV4Pool } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

/** Longer than clocks may differ. */
const halfMinuteMs = 40_000

describe('the address of a VM whose cloud-init drive somebody took away', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(async () => await world.stop())

  const looked = async (name: string) => {
    const mark = `${Math.random()}`
    await world.edit(name, { metadata: { annotations: { 'pve.hosting/look': mark } } })
    await until('it was looked at', async () => (await world.vm(name))?.status?.lookedFor === mark)
  }

  it('stays held and allowed whatever restarts, as the guest learns no other, and leaves after a start with a drive', async () => {
    const pool = await world.pool(aV4Pool({ reuseAfter: '0s' }))
    const [old, next] = ['203.0.113.10', '203.0.113.15']
    const main = (address: string) => [{ name: 'main', poolRef: { name: pool }, address }]
    const stateOfOld = async () => (await world.addresses(pool)).find(({ spec }) => spec.address === old)?.spec.state
    const vm = await world.born('driveless', {
      addresses: main(old),
      package: { memory: { size: '1Gi' }, network: { firewall: true }, firewall: { enabled: true, antiSpoofing: true } },
      shutdownTimeout: '3s',
    })
    const pve = async (method: 'PUT' | 'POST', path: string, params = {}) =>
      await world.inPve(method, `${world.pathOf(vm)}/${path}`, params)
    const restarted = async (config: object) => {
      world.skip(halfMinuteMs)
      await pve('POST', 'status/stop')
      await pve('PUT', 'config', config)
      await pve('POST', 'status/start')
      world.skip(halfMinuteMs)
      await looked('driveless')
    }
    await restarted({ delete: 'ide2' })
    world.simulator.requests.reset()
    await world.edit('driveless', { spec: { addresses: main(next) } })
    const edited = await world.untilReady('driveless', 60)

    expect(edited.status?.addresses).toMatchObject([{ address: next }, { address: old, state: 'Releasing' }])
    expect(world.condition(edited, 'CloudInitConfigured')).toMatchObject({ status: 'False', reason: 'NoCloudInitDrive' })
    expect(world.writes().filter((line) => line.includes('/status/'))).toEqual([])

    await restarted({ onboot: 1 })
    expect(await stateOfOld()).toBe('Releasing')
    const allowed = (await world.inPve('GET', `${world.pathOf(vm)}/firewall/ipset/ipfilter-net0`)) as { cidr: string }[]
    expect(allowed.map(({ cidr }) => cidr).toSorted()).toEqual([old, next])

    await restarted({ ide2: 'local-lvm:cloudinit' })
    await until(
      'the old address is released',
      async () => {
        world.skip(11_000)
        return (await stateOfOld()) === 'Released'
      },
      { everyMs: 500, describe: stateOfOld },
    )
  })
})
