/** Nobody may watch Secrets, and yet a changed one is seen soon, while the former one still works. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { secrets } from '../../src/api/meta.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('a Secret that is changed', () => {
  let world: TestWorld
  beforeAll(async () => {
    const tokens = ['sim', 'next'].map((name) => ({ tokenid: `root@pam!${name}`, secret: name, privsep: false }))
    world = await TestWorld.start({ speed: 20, scenario: { tokens } })
  })
  afterAll(async () => await world.stop())

  const write = async (name: string, stringData: Record<string, string>) =>
    await world.client.mergePatch(secrets, { namespace: world.namespace, name }, { stringData })
  const tokensUsed = () => world.simulator.requests.report().log.map(({ token }) => token)

  it('is the token of a ProxmoxCluster: PVE is asked with the new one within 30 s', async () => {
    await until('the cluster is asked', () => tokensUsed().includes('root@pam!sim'))
    await write('token', { tokenID: 'root@pam!next', tokenSecret: 'next' })
    world.clock.skip(30_000)
    await until('the new token is used', () => tokensUsed().includes('root@pam!next'))
  })

  it('is the password of a VM: PVE gets it, and the VM says that its guest gets it at its next start', async () => {
    await world.client.create(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'login', namespace: world.namespace },
      stringData: { password: 'first-Passw0rd' },
    })
    const vm = await world.born('secretive', { cloudInit: { user: 'admin', passwordSecretRef: { name: 'login', key: 'password' } } })
    const { passwordVersion } = vm.status?.cloudInit ?? {}
    expect(passwordVersion).toBeDefined()
    world.simulator.requests.reset()
    await write('login', { password: 'second-Passw0rd' })
    world.clock.skip(60_000)
    await until('PVE has the password', async () => {
      world.clock.skip(1_000)
      return (await world.vm('secretive'))?.status?.cloudInit?.passwordVersion !== passwordVersion
    })
    expect(world.writes().some((line) => line.endsWith(`${world.pathOf(vm)}/config`))).toBe(true)
    const told = await world.untilCondition('secretive', 'RestartRequired', 'True')
    expect(world.condition(told, 'RestartRequired')?.message).toContain('password')
  })
})
