/** The command ResetPassword: through the agent at once, else at the next start from off, and never two passwords for one command. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { secrets } from '../../src/api/meta.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { commandNamed, outcomeOf, press } from './buttons.ts'

describe('ResetPassword', () => {
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

  const generated = { cloudInit: { user: 'customer', generatePassword: true } }
  const passwordOf = async (name: string) => {
    const secret = await world.client.get(secrets, { namespace: world.namespace, name: `${name}-credentials` })
    return Buffer.from(secret?.data?.['password'] ?? '', 'base64').toString()
  }
  const calls = (vmid: number | undefined) =>
    world.requests().filter((line) => line.endsWith(`/qemu/${vmid}/agent/set-user-password`)).length

  it('makes a new password, and names why it waits for a start from off', async () => {
    const vm = await world.born('without', generated)
    await admin.stop(vm)
    await admin.set(vm, { delete: 'agent' })
    await admin.start(vm)
    const before = await passwordOf('without')
    expect(await outcomeOf(world, 'without', 'ResetPassword')).toBe(
      'Succeeded: The new password takes effect at the next start from off: the guest agent is not enabled in its configuration.',
    )
    const after = await passwordOf('without')
    expect(after).not.toBe(before)
    expect(calls(vm.status?.vmid)).toBe(0)
    expect(await outcomeOf(world, 'without', 'Stop')).toContain('Succeeded')
    expect(await outcomeOf(world, 'without', 'ResetPassword')).toContain('start from off: the VM is off.')
  })

  it('sets it at once in a guest whose agent answers', async () => {
    const vm = await world.born('agent', generated)
    await admin.stop(vm)
    await admin.set(vm, { agent: '1' })
    await admin.start(vm)
    await until('the agent answers', async () => {
      return await admin.call('POST', vm, '/agent/ping').then(
        () => true,
        () => false,
      )
    })
    world.simulator.requests.reset()
    expect(await outcomeOf(world, 'agent', 'ResetPassword')).toBe('Succeeded: The guest agent set the password of user customer.')
    expect(calls(vm.status?.vmid)).toBe(1)
    // An answer that is lost is asked for again, with the same password.
    const before = await passwordOf('agent')
    world.simulator.faults.add(
      [{ route: 'POST /nodes/{node}/qemu/{vmid}/agent/set-user-password', match: { vmid: vm.status?.vmid }, drop: 'after' }],
      [],
    )
    const name = await press(world, 'agent', 'ResetPassword')
    await admin.soon('it ends', async () => (await commandNamed(world, name))?.status?.finishedAt)
    expect((await commandNamed(world, name))?.status?.message).toContain('The guest agent set the password of user')
    expect(await passwordOf('agent')).not.toBe(before)
  })

  it.each(['before', 'after'] as const)('makes one password for one command when the operator is killed %s it is written', async (when) => {
    const vm = await world.born(`killed-${when}`, generated)
    const death = world.operator!.wire.dieAt(({ what }) => what === 'PATCH secrets', when)
    const name = await press(world, `killed-${when}`, 'ResetPassword')
    await death
    await world.killOperator()
    const written = await passwordOf(`killed-${when}`)
    await world.startOperator()
    await admin.soon('it ends', async () => (await commandNamed(world, name))?.status?.finishedAt)
    expect((await commandNamed(world, name))?.status?.phase).toBe('Succeeded')
    const isKept = (await passwordOf(`killed-${when}`)) === written
    expect(isKept).toBe(when === 'after')
    expect(vm.metadata.name).toBe(`killed-${when}`)
  })

  it('leaves to the next start from off what the agent would get wrong: characters that are not ASCII', async () => {
    await world.client.create(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: world.namespace, name: 'accents' },
      data: { word: Buffer.from('mot de passe é').toString('base64') },
    })
    const vm = await world.born('accents', { cloudInit: { user: 'customer', passwordSecretRef: { name: 'accents', key: 'word' } } })
    await admin.stop(vm)
    await admin.set(vm, { agent: '1' })
    await admin.start(vm)
    expect(await outcomeOf(world, 'accents', 'ResetPassword')).toContain('only ASCII characters')
    expect(calls(vm.status?.vmid)).toBe(0)
  })

  it('is refused where there is no password to set', async () => {
    await world.born('keys')
    expect(await outcomeOf(world, 'keys', 'ResetPassword')).toBe(
      'Failed: spec.cloudInit has no password: write generatePassword or passwordSecretRef.',
    )
  })
})
