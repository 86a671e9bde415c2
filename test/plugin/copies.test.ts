/** Snapshots, backups and the ways back, and the move to another node, as sub-commands. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { answering, at } from './terminal.ts'

describe('kubectl pve', () => {
  let world: TestWorld
  const here = at(() => world.namespace)
  const asked: string[] = []
  const saysNo = (...args: string[]) => answering('n', asked)(...args, '-n', world.namespace)
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    await world.born('small', { template: { name: 'debian-13', storage: 'ceph' } })
  })
  afterAll(async () => await world.stop())

  const startup = async (order?: number) => {
    const vm = (await world.vm('small'))!
    if (order !== undefined) await world.inPve('PUT', `${world.pathOf(vm)}/config`, { startup: `order=${order}` })
    return world.guestOf(vm).config.get('startup')
  }

  it('snapshot takes one and says how to go back; snapshots lists it, plan --rollback tells what that would do, rollback does it', async () => {
    await startup(3)
    expect(await here('snapshot', 'small', '--name', 's1', '--dry-run')).toMatchObject({
      code: 0,
      out: expect.stringContaining('Dry run'),
    })
    expect(await here('snapshots', 'small')).toMatchObject({ code: 0, out: 'small has no snapshots\n' })
    expect(await here('snapshot', 'small', '--name', 's1', '--description', 'before')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^snapshot small: Snapshot op-\w+ of VM \d+ is taken\. Go back to it: kubectl pve rollback small s1\n$/),
    })
    expect((await here('snapshots', 'small')).out).toMatch(/s1 +op-\w+ .* no +SnapshotTaken/)
    await startup(5)
    expect(await here('plan', 'small', '--rollback', 's1')).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /With rollback:\n.*snapshot s1 of .*\n.*everything written since .* is lost; the operator starts the VM again/,
      ),
    })
    expect(await here('plan', 'small', '--rollback', 's2')).toMatchObject({
      code: 1,
      err: expect.stringContaining('"s2" of this VM does not exist'),
    })
    expect(await saysNo('rollback', 'small', 's1')).toMatchObject({ code: 1 })
    expect(asked.at(-1)).toContain('back to s1? Everything written since is lost.')
    expect(await startup()).toBe('order=5')
    expect(await here('rollback', 'small', 's1')).toMatchObject({ code: 0, out: 'rollback small: PVE rolled the VM back to s1.\n' })
    expect(await startup()).toBe('order=3')
    expect(await here('rollback', 'small', 's2')).toMatchObject({
      code: 1,
      err: expect.stringContaining('"s2" of this VM does not exist'),
    })
  })

  it('backup makes one, backups lists its file, and restore brings the VM back once it is off', async () => {
    await startup(3)
    expect(await here('backup', 'small', '--name', 'b1', '--storage', 'local', '--notes', 'before')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^backup small: b1: .*local:backup\/vzdump-qemu-/),
    })
    expect((await here('backups', 'small')).out).toMatch(/local .*b1 +before.* local:backup\/vzdump-qemu-/)
    await startup(5)
    expect(await saysNo('restore', 'small', 'b1')).toMatchObject({ code: 1 })
    expect(asked.at(-1)).toContain('by those of b1?')
    expect(await here('shutdown', 'small')).toMatchObject({ code: 0 })
    expect(await here('restore', 'small', 'b1', '--request-id', 'r1')).toMatchObject({
      code: 0,
      out: 'restore small: request r1 is done; the VM is running\n',
    })
    expect(await startup()).toBe('order=3')
    expect(await here('restore', 'small', 'b1', '--request-id', 'r1')).toMatchObject({
      code: 1,
      err: expect.stringContaining('ran before'),
    })
  })

  it('migrate moves the VM to a node that is there, and says why not where it cannot', async () => {
    const { node } = (await world.vm('small'))?.status ?? {}
    const other = ['pve1', 'pve2', 'pve3'].find((name) => name !== node) ?? ''
    expect(await here('migrate', 'small', other)).toMatchObject({ code: 0, out: `migrate small: The VM is on ${other}.\n` })
    await until('the status shows it', async () => (await world.vm('small'))?.status?.node === other)
    expect(await here('migrate', 'small', other)).toMatchObject({
      code: 1,
      err: expect.stringContaining(`The VM is already on ${other}.`),
    })
    expect(await here('migrate', 'small')).toMatchObject({ code: 2 })
  })

  it('reinstall of a VM that was made from a backup wants a template, and writes nothing without', async () => {
    await world.apply('copy', { template: { backupRef: { name: 'b1' } } })
    await world.untilReady('copy', 60)
    expect(await here('reinstall', 'copy', '--yes')).toMatchObject({ code: 1, err: expect.stringContaining('name one with --template') })
    expect((await world.vm('copy'))?.spec.reinstall).toBeUndefined()
    expect(await here('reinstall', 'copy', '--yes', '--template', 'debian-13')).toMatchObject({ code: 0 })
  })
})
