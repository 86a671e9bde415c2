/** What the guest agent tells, without taking anything away from Ready; and nothing of a VM without agent. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { GuestRounds } from '../../src/engine/watch/guest-rounds.ts'
import { Admin } from '../manual/admin.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('guest facts', () => {
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

  const guestOf = async (name: string) => (await world.vm(name))?.status?.guest
  const asked = (vmid: number | undefined) => world.requests().filter((line) => line.includes(`/qemu/${vmid}/agent/`))

  it('show the address of a VM with DHCP, its system and its host name', async () => {
    await world.born('dhcp')
    const guest = await admin.soon('the agent has told', async () => {
      const now = await guestOf('dhcp')
      return now?.agent === 'Answering' && now.addresses?.length ? now : undefined
    })
    expect(guest).toEqual({
      agent: 'Answering',
      hostname: 'dhcp',
      os: 'Debian GNU/Linux 13 (trixie)',
      addresses: [expect.stringMatching(/^100[.]64[.]/)],
    })
    const vm = await world.untilCondition('dhcp', 'GuestReady', 'True', 'GuestAnswers')
    expect(world.condition(vm, 'Ready')?.status).toBe('True')
  })

  it('cost the background as many requests as are sent', async () => {
    const vm = await world.born('counted')
    const { operator } = world.operator!
    const key = `${world.namespace}/counted`
    // The background itself asks 20 s after the start, and then not for ten minutes.
    await admin.soon('the agent has told', async () => (await guestOf('counted'))?.agent === 'Answering')
    await until('no pass is under way', () => !operator.queue.isRunning(key))
    world.simulator.requests.reset()
    operator.controller.askGuest(key)
    await until('it was asked', () => asked(vm.status?.vmid).length > 0 && !operator.queue.isRunning(key))
    const rounds = new GuestRounds({
      vms: operator.stores.vms,
      vmsOf: () => [operator.stores.vms.get(key)!],
      clock: world.clock,
      ask: () => undefined,
    })

    expect(asked(vm.status?.vmid)).toHaveLength(rounds.of(world.cluster).next()?.requests ?? 0)
  })

  it('say that an agent is silent, and the VM stays Ready', async () => {
    const vm = await world.born('silent')
    const { process } = world.guestOf(vm)
    if (process) delete process.agentAtMs
    await admin.soon('it is told', async () => world.condition(await world.vm('silent'), 'GuestReady')?.reason === 'AgentSilent')
    const now = await world.vm('silent')
    expect(now?.status?.guest).toEqual({ agent: 'Silent' })
    expect(world.condition(now, 'Ready')?.status).toBe('True')
  })

  it('tell that a guest has not brought its address up', async () => {
    const pool = await world.pool({ ranges: ['198.51.100.30-198.51.100.39'], prefixLength: 24, gateway: '198.51.100.1' })
    const vm = await world.born('address', { addresses: [{ name: 'main', poolRef: { name: pool } }] })
    const { process } = world.guestOf(vm)
    if (process) process.inside = { ...process.inside, addresses: new Map() }
    const reason = async () => world.condition(await world.vm('address'), 'GuestReady')
    await admin.soon('it is told', async () => (await reason())?.reason === 'GuestAddressMissing')
    expect((await reason())?.message).toBe(`The guest has not brought up ${vm.status?.addresses?.[0]?.address}: it has none.`)
  })

  it('tell what cloud-init in the guest has failed at, and the VM stays Ready', async () => {
    const vm = await world.born('setup')
    const { process } = world.guestOf(vm)
    if (process) process.inside = { ...process.inside, cloudInitErrors: ["('users_groups', 'no such group')"] }
    const reason = async () => world.condition(await world.vm('setup'), 'GuestReady')
    await admin.soon('it is told', async () => (await reason())?.reason === 'CloudInitFailed')
    expect((await reason())?.message).toContain("cloud-init in the guest failed: ('users_groups', 'no such group').")
    expect((await guestOf('setup'))?.cloudInitErrors).toEqual(["('users_groups', 'no such group')"])
    expect(world.condition(await world.vm('setup'), 'Ready')?.status).toBe('True')
  })

  it('are asked for at once when somebody asks for a look, and are gone when the VM is off', async () => {
    const vm = await world.born('look')
    await until('the agent answers', async () =>
      admin.call('POST', vm, '/agent/ping').then(
        () => true,
        () => false,
      ),
    )
    await world.edit('look', { metadata: { annotations: { 'pve.hosting/look': 'now' } } })
    await until('it is answered', async () => (await world.vm('look'))?.status?.lookedFor === 'now')
    expect((await guestOf('look'))?.agent).toBe('Answering')
    await admin.stop(vm)
    await admin.soon('it is seen off', async () => (await guestOf('look'))?.agent === 'Off')
    expect(world.condition(await world.vm('look'), 'GuestReady')).toBeUndefined()
  })

  it('cost a VM without agent nothing', async () => {
    const vm = await world.born('without')
    await admin.stop(vm)
    await admin.set(vm, { delete: 'agent' })
    await admin.start(vm)
    await world.edit('without', { metadata: { annotations: { 'pve.hosting/look': 'now' } } })
    await until('it was looked at', async () => (await world.vm('without'))?.status?.lookedFor === 'now')
    expect(await guestOf('without')).toBeUndefined()
    world.simulator.requests.reset()
    world.clock.skip(60_000)
    await world.edit('without', { metadata: { annotations: { 'pve.hosting/look': 'again' } } })
    await until('it was looked at', async () => (await world.vm('without'))?.status?.lookedFor === 'again')
    expect(asked(vm.status?.vmid)).toEqual([])
  })
})
