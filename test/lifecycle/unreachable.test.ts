import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxClusters, secrets } from '../../src/api/meta.ts'
import { commandNamed, press } from '../manual/buttons.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('a PVE that is silent', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(async () => await world.stop())

  let last = ''
  const ready = async (name: string) => {
    const vm = await world.vm(name)
    const { status, reason } = world.condition(vm, 'Ready') ?? {}
    return (last = `${status}/${reason} ${vm?.status?.phase} ${vm?.status?.remoteStatus}`)
  }

  it('changes nothing of its VMs for 5 minutes; then nobody calls them Ready or Running, and the next listing brings them and their commands back', async () => {
    await world.born('kept')
    world.simulator.faults.add([{ id: 'silent', route: 'GET /cluster/resources', drop: 'before', times: 'always' }], [])
    await until('the cluster says so', async () => (await world.clusterCondition('Reachable'))?.status === 'False')
    expect(await ready('kept')).toBe('True/Running Running running')
    const waiting = await press(world, 'kept', 'Stop')
    world.clock.skip(20_000)
    await until('the command says why it waits', async () =>
      (await commandNamed(world, waiting))?.status?.message?.includes('does not answer'),
    )
    world.clock.skip(301_000)
    await until('it is unknown', async () => (await ready('kept')) === 'Unknown/ClusterUnreachable Unknown running')
    expect(world.condition(await world.vm('kept'), 'Reconciling')?.status).toBe('True')
    world.simulator.faults.remove('silent')
    await until(
      'it is back, and the command that waited is carried out',
      async () => {
        world.clock.skip(1_000)
        return (
          (await commandNamed(world, waiting))?.status?.phase === 'Succeeded' && (await ready('kept')) === 'True/Stopped Stopped stopped'
        )
      },
      { describe: () => last },
    )
  })

  it('about a wrong token takes a corrected Secret within 10 seconds, and asks no PVE before that', async () => {
    const key = { namespace: world.namespace, name: 'token' }
    await world.client.mergePatch(secrets, key, { stringData: { tokenSecret: 'wrong' } })
    await world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec: { limits: { requests: 7 } } })
    await until('the token is refused', async () => (await world.clusterCondition('Authorized'))?.reason === 'Unauthorized')
    world.simulator.requests.reset()
    world.clock.skip(6_000)
    world.clock.skip(6_000)
    const asked = world.requests().filter((line) => line.endsWith('/access/permissions') || line.endsWith('/version'))
    expect(asked).toEqual([])
    await world.client.mergePatch(secrets, key, { stringData: { tokenSecret: 'sim' } })
    world.clock.skip(10_000)
    await until('the token is taken', async () => (await world.clusterCondition('Authorized'))?.status === 'True')
  })
})
