import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxClusters } from '../../src/api/meta.ts'
import { outcomeOf } from '../manual/buttons.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

let world: TestWorld
beforeAll(async () => {
  world = await TestWorld.start({ speed: 20 })
})
afterAll(() => world.stop())

const mode = (is: 'Manage' | 'Observe') => world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec: { mode: is } })
const sentence = () => `ProxmoxCluster "${world.cluster}" is in mode Observe, so the operator changes nothing in PVE. In mode Manage: `
const observed = async (name: string) => {
  const vm = await world.untilCondition(name, 'Stalled', 'True', 'Observing')
  return world.condition(vm, 'Stalled')?.message.replace(sentence(), '')
}

describe('a cluster in mode Observe', () => {
  it('has everything looked at, planned and shown, and nothing written to PVE; back in mode Manage all of it is done', async () => {
    const [edited, drifted, gone] = await Promise.all(['edited', 'drifted', 'gone', 'kept'].map((name) => world.born(name)))
    await mode('Observe')
    await until('it is observed', async () => (await world.clusterCondition('Ready'))?.message.includes('mode Observe'))
    await world.inPve('PUT', `${world.pathOf(drifted!)}/config`, { onboot: 0 })
    world.simulator.requests.reset()

    await world.edit('edited', { spec: { package: { cpu: { cores: 2 }, systemDisk: { size: '25Gi' } } } })
    await world.edit('drifted', { metadata: { annotations: { 'pve.hosting/look': '1' } } })
    await world.edit('kept', { spec: { reinstall: { requestID: 'r1' } } })
    await world.delete('gone')
    await world.apply('fresh')

    expect(await observed('edited')).toBe(
      'set_cpu_ram: cores 1 → 2; set_system_disk_size: system disk (scsi0) 20Gi → 25Gi; the VM would be shut down for it and started again.',
    )
    expect(await observed('drifted')).toBe('identity: onboot 0 → 1.')
    expect(await observed('gone')).toBe(`VM ${gone?.status?.vmid} would be deleted (deletionPolicy Terminate).`)
    expect(await observed('fresh')).toBe('the VM would be made from template name=debian-13.')
    expect(await observed('kept')).toMatch(/would be reinstalled \(request r1, template name=debian-13\)\.$/)
    expect(await outcomeOf(world, 'edited', 'Stop')).toMatch(/^Failed: .* is in mode Observe: the operator writes nothing to PVE\./)
    expect(world.writes()).toEqual([])
    expect((await world.vm('fresh'))?.status?.vmid).toBeUndefined()

    await mode('Manage')
    await Promise.all([world.untilReady('edited'), world.untilReady('drifted'), world.untilReady('fresh'), world.untilGone('gone')])
    expect(world.guestOf(edited!).config.get('cores')).toBe('2')
    expect(world.guestOf(drifted!).config.get('onboot')).toBe('1')
    await until('it was reinstalled', async () => (await world.vm('kept'))?.status?.reinstall?.completedIDs?.includes('r1'))
  })
})
