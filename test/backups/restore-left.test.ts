/** What a restore into the place of a VM leaves in PVE when it fails or is killed, and how it goes on from there. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { setBack } from '../ownership/losing.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { aBackup, addBackupServer, backupOf, restoresWith, untilBackup } from './scene.ts'

describe('a restore', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    await addBackupServer(world)
  })
  afterAll(async () => await world.stop())

  let said = ''
  let seen: ProxmoxVM['status'] = {}
  const message = async (name: string) => {
    const vm = await world.vm(name)
    seen = vm?.status ?? {}
    return (said = world.condition(vm, 'Ready')?.message ?? '')
  }
  const soon = (what: string, look: () => Promise<boolean>) =>
    until(
      what,
      async () => {
        world.clock.skip(5_000)
        return await look()
      },
      { describe: () => [said, seen] },
    )
  /** Off, with a backup. */
  async function withBackup(name: string): Promise<ProxmoxVM> {
    const vm = await world.born(name)
    await aBackup(world, `${name}-b`, name, { storage: 'pbs' })
    await untilBackup(world, `${name}-b`, 'True')
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    await until('it is seen off', async () => (await world.vm(name))?.status?.remoteStatus === 'stopped')
    return vm
  }
  const ask = (name: string) => world.edit(name, { spec: { restore: { requestID: 'r1', backupRef: { name: `${name}-b` } } } })
  const untilDone = (name: string) =>
    soon(`${name} is restored`, async () => {
      await message(name)
      const vm = await world.vm(name)
      return vm?.status?.restore?.completedIDs.includes('r1') === true && world.condition(vm, 'Ready')?.status === 'True'
    })

  it('of a VM that was missing takes the empty guest that its failure has left for its own, and goes on', async () => {
    const vm = await withBackup('lost')
    await world.inPve('DELETE', world.pathOf(vm))
    await world.untilCondition('lost', 'Stalled', 'True', 'VMMissing', 60)
    restoresWith(world, { fail: 'vma extract failed' })
    await ask('lost')
    await world.untilCondition('lost', 'Stalled', 'True', 'RestoreFailed', 60)
    const { vmid = 0 } = vm.status ?? {}
    expect([...(world.simulator.world.guests.get(vmid)?.config.keys() ?? [])]).toEqual(['memory'])
    restoresWith(world)
    await untilDone('lost')
    expect((await world.vm('lost'))?.status?.vmid).toBe(vmid)
  })

  it('that was killed under its lock is told with its command, and goes on once an admin has run it', async () => {
    const { status } = await withBackup('killed')
    const { vmid = 0 } = status ?? {}
    restoresWith(world, { kill: true })
    await ask('killed')
    await soon('it is told', async () => (await message('killed')).includes(`qm unlock ${vmid}`))
    expect(await message('killed')).toContain('has the lock "create" and no task of PVE works on it')
    restoresWith(world)
    world.simulator.world.guests.get(vmid)?.config.delete('lock')
    for (const volume of world.simulator.world.storage.ownedBy(vmid))
      if (volume.content !== 'backup') world.simulator.world.storage.remove(volume)
    await untilDone('killed')
    expect((await world.vm('killed'))?.status?.remoteStatus).toBe('running')
  })

  it('does not begin a second time when the status is of a time at which it waited', async () => {
    const { status } = await withBackup('waited')
    await ask('waited')
    await untilDone('waited')
    const vm = (await world.vm('waited')) as ProxmoxVM
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    await until('it is seen off', async () => (await world.vm('waited'))?.status?.remoteStatus === 'stopped')
    await world.stopOperator()
    const { volume = '' } = (await backupOf(world, 'waited-b'))?.status ?? {}
    const running = { requestID: 'r1', volume, node: status?.node ?? '', since: '2026-01-01T00:00:00Z' }
    await setBack(world, 'waited', { ...status, restore: { completedIDs: [], running } })
    world.simulator.requests.reset()
    await world.startOperator()
    await soon('it is known as done', async () => {
      await message('waited')
      return seen?.restore?.running === undefined && seen?.restore?.completedIDs.includes('r1') === true
    })
    await world.untilReady('waited')
    expect(world.writes().filter((line) => /^POST \/nodes\/[^/]+\/qemu$/.test(line))).toEqual([])
  })
})
