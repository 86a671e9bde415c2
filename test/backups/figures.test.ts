import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { at } from '../plugin/terminal.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { aBackup, addBackupServer, untilBackup } from './scene.ts'

describe('the backups of a VM in its status', () => {
  let world: TestWorld
  let vm: ProxmoxVM
  const here = at(() => world.namespace)
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    await addBackupServer(world)
    vm = await world.born('shop')
  })
  afterAll(async () => await world.stop())

  it('are counted whoever made them, without those of a former holder of the number', async () => {
    const { vmid = 0 } = vm.status ?? {}
    const nowMs = world.simulator.world.clock.now()
    world.addBackup(vmid, nowMs - 86_400_000)
    world.addBackup(vmid, nowMs + 2_000)
    world.addBackup(vmid, nowMs + 4_000)
    let last: ProxmoxVM | undefined
    await until(
      'both files of the VM are counted',
      async () => {
        world.clock.skip(10_000)
        last = await world.vm('shop')
        return last?.status?.backups?.count === 2
      },
      { describe: () => last?.status },
    )
    const timeAt = (ms: number) => `${new Date(nowMs + ms).toISOString().slice(0, 19)}Z`
    expect(last?.status?.backups).toMatchObject({ newest: timeAt(4_000), oldest: timeAt(2_000) })
    await aBackup(world, 'ours', 'shop', { storage: 'pbs', notes: 'by hand' })
    await untilBackup(world, 'ours', 'True')
    await until('ours is counted at once', async () => (await world.vm('shop'))?.status?.backups?.count === 3)
  })

  it('are listed by kubectl pve backups: where, how large, whose', async () => {
    const { code, out, err } = await here('backups', 'shop')
    expect({ code, err, lines: out.split('\n').length }).toMatchObject({ code: 0, lines: 5 })
    expect(out).toMatch(/^CREATED +STORAGE +SIZE/)
    expect(out).toMatch(/pbs +1Gi .* ours +by hand +pbs:backup\/vm\//)
    expect(out).toMatch(/local \(pve1\) +1Mi/)
  })
})
