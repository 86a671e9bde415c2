/** Create and Terminate of the manual, as sub-commands. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { TestWorld } from '../support/world.ts'
import { answering, at } from './terminal.ts'

describe('kubectl pve', () => {
  let world: TestWorld
  let pool: string
  let pkg: string
  const here = at(() => world.namespace)
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    pool = await world.pool({
      ranges: ['203.0.113.40-203.0.113.49'],
      prefixLength: 24,
      gateway: '203.0.113.1',
      network: { bridge: 'vmbr0' },
    })
    pkg = await world.package({ cpu: { cores: 1 }, memory: { size: '1Gi' }, systemDisk: { size: '20Gi' } })
  })
  afterAll(async () => await world.stop())

  const create = (...more: string[]) =>
    here('create', 'web', '--cluster', world.cluster, '--template', 'debian-13', '--package', pkg, '--address', pool, ...more)

  it('create makes the VM and tells where it is; pressed again it makes no second one, and flags are not taken for an edit', async () => {
    expect(await here('create', 'web')).toMatchObject({ code: 2, err: expect.stringContaining('name --template and --package') })
    expect(await create('--dry-run')).toMatchObject({ code: 0, out: expect.stringContaining('nothing was written') })
    expect(await world.vm('web')).toBeUndefined()
    const made = await create('--service', '5546', '--client', '142')
    expect(made.code).toBe(0)
    const vm = (await world.vm('web'))!
    expect(vm.metadata.labels).toEqual({ 'pve.hosting/client-id': '142', 'pve.hosting/service-id': '5546' })
    expect(vm.spec.addresses).toMatchObject([{ name: 'main', poolRef: { name: pool } }])
    expect(made.out).toBe(`create web: ready, running; VM ${vm.status?.vmid} on ${vm.status?.node}; web, 203.0.113.40\n`)
    expect(await here('create', 'web')).toEqual({ code: 0, out: made.out, err: '' })
    expect(await create()).toMatchObject({ code: 2, err: expect.stringContaining('is there already, and --cluster, --template') })
    expect(world.guests()).toHaveLength(1)
  })

  it('create makes a VM again that was removed by command', async () => {
    await here('shutdown', 'web', '--yes')
    await here('remove', 'web', '--yes')
    expect(world.guests()).toEqual([])
    expect(await here('create', 'web')).toMatchObject({ code: 0, out: expect.stringMatching(/^clone web: /) })
    expect(world.guests()).toHaveLength(1)
    await world.untilReady('web')
  })

  it('terminate keeps a protected VM, and asks before it deletes anything, naming what goes', async () => {
    await world.edit('web', { spec: { deletionProtection: true } })
    expect(await here('terminate', 'web', '--yes')).toMatchObject({ code: 1, err: expect.stringContaining('deletionProtection is true') })
    await world.edit('web', { spec: { deletionProtection: false } })
    await world.untilReady('web')
    const asked: string[] = []
    expect(await answering('n', asked)('terminate', 'web', '-n', world.namespace)).toMatchObject({ code: 1 })
    const { vmid, node } = (await world.vm('web'))?.status ?? {}
    expect(asked).toEqual([
      expect.stringMatching(
        `^Terminate ${world.namespace}/web \\(web\\)[?] This deletes for good: VM ${vmid} on ${node}, disk .*; given back: 203.0.113.40[.] \\[y/N\\] $`,
      ),
    ])
    expect((await world.vm('web'))?.metadata.deletionTimestamp).toBeUndefined()
    expect(await here('terminate', 'web', '--yes', '--dry-run')).toMatchObject({ code: 0, out: expect.stringContaining('Dry run') })
    expect((await world.vm('web'))?.metadata.deletionTimestamp).toBeUndefined()
  })

  it('terminate waits until the VM is gone, and tells date and addresses', async () => {
    const { vmid } = (await world.vm('web'))?.status ?? {}
    const { code, out } = await here('terminate', 'web', '--yes')
    expect(code).toBe(0)
    expect(out).toMatch(new RegExp(`^terminate web: VM ${vmid} is gone, 20[0-9T:.-]+Z; given back: 203[.]0[.]113[.]40\n$`))
    expect(world.guests()).toEqual([])
    expect(await here('terminate', 'web', '--yes')).toMatchObject({
      code: 1,
      err: expect.stringContaining('ProxmoxVM "web" does not exist'),
    })
  })

  it('terminate says what stands in the way, and a second time only what does so still', async () => {
    await world.born('kept')
    const vm = (await world.vm('kept'))!
    await world.inPve('PUT', `${world.pathOf(vm)}/config`, { protection: 1 })
    expect(await here('terminate', 'kept', '--yes')).toMatchObject({
      code: 1,
      err: expect.stringContaining('waits for a person (Protected)'),
    })
    await world.inPve('PUT', `${world.pathOf(vm)}/config`, { protection: 0 })
    expect(await here('terminate', 'kept')).toMatchObject({ code: 0, out: expect.stringContaining(`VM ${vm.status?.vmid} is gone`) })
  })

  it('terminate leaves the VM alone under Orphan, and refuses a running one under Remove', async () => {
    await world.born('orphan', { deletionPolicy: 'Orphan' })
    expect(await here('terminate', 'orphan', '--yes')).toMatchObject({ code: 0, out: expect.stringContaining('stays in PVE') })
    expect(world.guests()).toHaveLength(1)
    await world.born('removed', { deletionPolicy: 'Remove' })
    expect(await here('terminate', 'removed', '--yes')).toMatchObject({
      code: 1,
      err: expect.stringContaining('kubectl pve shutdown removed'),
    })
    expect((await world.vm('removed'))?.metadata.deletionTimestamp).toBeUndefined()
  })
})
