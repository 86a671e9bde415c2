import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxClusters } from '../../src/api/meta.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { aBackup, addBackupServer, untilBackup } from '../backups/scene.ts'

describe('a node that somebody is about to work on', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(async () => await world.stop())

  const cordon = (nodes: string[] | null) => world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec: { cordon: nodes } })

  it('takes no birth and no reinstall while it is cordoned; its VMs go on, and what waits is born when the cordon goes', async () => {
    const old = await world.born('old', { placement: { node: 'pve2' } })
    await cordon(['pve2'])
    await world.apply('waits', { placement: { node: 'pve2' } })
    const waits = await world.untilCondition('waits', 'Ready', 'False', 'NoCapacity')
    expect(world.condition(waits, 'Ready')?.message).toContain('pve2 is cordoned')
    await world.edit('old', { spec: { reinstall: { requestID: 'r1' } } })
    const refused = await world.untilCondition('old', 'Stalled', 'True', 'NoCapacity')
    expect(world.condition(refused, 'Stalled')?.message).toContain('nothing was deleted')
    expect(world.guestOf(old).isRunning).toBe(true)
    expect((await world.born('elsewhere')).status?.node).not.toBe('pve2')
    await world.edit('old', { spec: { reinstall: null } })
    await world.untilReady('old')
    await cordon(null)
    expect((await world.untilReady('waits')).status?.node).toBe('pve2')
  })

  it('takes none while the HA manager has it in maintenance, and the cluster shows it', async () => {
    world.simulator.faults.add([{ id: 'work', node: { name: 'pve3', state: 'maintenance' } }], [])
    await until('the listing shows it', async () => {
      world.clock.skip(2_000)
      const { status } = (await world.client.get(proxmoxClusters, { name: world.cluster })) ?? {}
      return status?.nodes?.some(({ name, maintenance }) => name === 'pve3' && maintenance)
    })
    await world.apply('later', { placement: { node: 'pve3' } })
    const waits = await world.untilCondition('later', 'Ready', 'False', 'NoCapacity')
    expect(world.condition(waits, 'Ready')?.message).toContain('pve3 is in maintenance')
    world.simulator.faults.remove('work')
    await until('it is born', async () => {
      world.clock.skip(2_000)
      return world.condition(await world.vm('later'), 'Ready')?.status === 'True'
    })
  })

  it('takes no restore while it is cordoned or in maintenance; nothing is deleted meanwhile, and it goes on afterwards', async () => {
    await addBackupServer(world)
    const vm = await world.born('kept', { placement: { node: 'pve1' } })
    await aBackup(world, 'kept-b', 'kept', { storage: 'pbs' })
    await untilBackup(world, 'kept-b', 'True')
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    await until('it is seen off', async () => {
      world.clock.skip(2_000)
      return (await world.vm('kept'))?.status?.remoteStatus === 'stopped'
    })
    await cordon(['pve1'])
    world.simulator.requests.reset()
    await world.edit('kept', { spec: { restore: { requestID: 'r1', backupRef: { name: 'kept-b' } } } })
    const refused = await world.untilCondition('kept', 'Stalled', 'True', 'NoCapacity')
    expect(world.condition(refused, 'Stalled')?.message).toMatch(
      /^Restore r1 has not begun, and nothing was deleted. Node pve1 is cordoned/,
    )
    world.simulator.faults.add([{ id: 'work', node: { name: 'pve1', state: 'maintenance' } }], [])
    await until('it says maintenance', async () => {
      world.clock.skip(2_000)
      return world.condition(await world.vm('kept'), 'Stalled')?.message?.includes('Node pve1 is in maintenance')
    })
    await cordon(null)
    expect(world.writes().filter((line) => line.endsWith('/qemu'))).toEqual([])
    world.simulator.faults.remove('work')
    const done = await until('it is restored', async () => {
      world.clock.skip(2_000)
      const now = await world.vm('kept')
      return now?.status?.restore?.completedIDs.includes('r1') && world.condition(now, 'Ready')?.status === 'True' ? now : undefined
    })
    expect(done.status?.node).toBe('pve1')
  })

  it('brings back a missing VM on another node that reaches the backup', async () => {
    const vm = await world.born('lost', { placement: { node: 'pve2' } })
    await aBackup(world, 'lost-b', 'lost', { storage: 'pbs' })
    await untilBackup(world, 'lost-b', 'True')
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    await world.inPve('DELETE', world.pathOf(vm))
    await world.untilCondition('lost', 'Stalled', 'True', 'VMMissing', 60)
    await cordon(['pve1', 'pve2', 'pve3'])
    await world.edit('lost', { spec: { restore: { requestID: 'r1', backupRef: { name: 'lost-b' } } } })
    const refused = await world.untilCondition('lost', 'Stalled', 'True', 'NoCapacity')
    expect(world.condition(refused, 'Stalled')?.message).toContain('pve3 is cordoned')
    await cordon(['pve1', 'pve2'])
    const done = await until('it is restored', async () => {
      world.clock.skip(2_000)
      const now = await world.vm('lost')
      return now?.status?.restore?.completedIDs.includes('r1') && world.condition(now, 'Ready')?.status === 'True' ? now : undefined
    })
    expect(done.status?.node).toBe('pve3')
    await cordon(null)
  })

  it('that is off says within seconds that a restore or a reinstall asked for meanwhile waits, and that nothing was deleted', async () => {
    await world.born('asked', { placement: { node: 'pve2' } })
    world.simulator.faults.add([{ id: 'off', node: { name: 'pve2', state: 'off' } }], [])
    const says = async (words: string) =>
      await until(`it says ${words}`, async () => world.condition(await world.vm('asked'), 'Ready')?.message?.includes(words), {
        // Before the next look at a VM that nobody can see, which comes after a minute.
        seconds: 40,
      })
    await says('is offline in PVE')
    await world.edit('asked', { spec: { restore: { requestID: 'r1', backupRef: { volume: 'pbs:backup/vm/1/x' } } } })
    await says('Restore r1 has not begun and nothing was deleted')
    await world.edit('asked', { spec: { restore: null, reinstall: { requestID: 'r2' } } })
    await says('Reinstall r2 has not begun and nothing was deleted')
    await world.edit('asked', { spec: { reinstall: null } })
    world.simulator.faults.remove('off')
    await world.untilReady('asked', 60)
  })
})
