import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { rootCall } from '../../src/simulator/guests/guest-task.ts'
import { startNow, stopNow } from '../../src/simulator/guests/power.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('what somebody else does by a task of PVE', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(async () => await world.stop())

  /** As root@pam at the web interface, whose token is not ours. */
  const byHand = async (vm: ProxmoxVM, work: typeof startNow) => {
    const pve = world.simulator.world
    await pve.tasks.get(work(rootCall(pve, vm.status?.node ?? '', vm.status?.vmid ?? 0, {})))?.done
  }
  const soon = async (what: string, look: () => Promise<boolean>) =>
    await until(
      what,
      async () => {
        const isSo = await look()
        if (!isSo) world.clock.skip(1_000)
        return isSo
      },
      { everyMs: 150 },
    )

  it('is in the status although no listing tells it: by the task list, and one question to the VM', async () => {
    const vm = await world.born('watched')
    await until('the task list was read once', () => world.requests().includes('GET /cluster/tasks'))
    world.simulator.faults.add(
      ['pve1', 'pve2', 'pve3'].map((node) => ({ id: node, pvestatd: { node, state: 'off' } })),
      [],
    )
    world.simulator.requests.reset()
    await byHand(vm, stopNow)
    await soon('it is stopped', async () => (await world.vm('watched'))?.status?.remoteStatus === 'stopped')
    expect(world.condition(await world.vm('watched'), 'Ready')?.reason).toBe('Stopped')
    await byHand(vm, startNow)
    await soon('it runs', async () => (await world.vm('watched'))?.status?.remoteStatus === 'running')
    for (const node of ['pve1', 'pve2', 'pve3']) world.simulator.faults.remove(node)
  })

  it('to the configuration is looked at soon, long before the background look comes round', async () => {
    const vm = await world.born('strange')
    const { vmid = 0 } = vm.status ?? {}
    await world.inPve('PUT', `/nodes/${vm.status?.node}/qemu/${vmid}/config`, { description: 'taken over' })
    await byHand(vm, stopNow)
    await world.edit('strange', { metadata: { annotations: { 'pve.hosting/look': 'now' } } })
    const told = await world.untilCondition('strange', 'Stalled', 'True', 'VMForeign')
    const mark = `pve.hosting/owner uid=${vm.metadata.uid} vmid=${vmid}`
    const next = `owner line); the operator does not touch it. If it is the VM of this object, put the line "${mark}" into its description`
    expect(world.condition(told, 'Stalled')?.message).toContain(next)
    await world.inPve('PUT', `/nodes/${vm.status?.node}/qemu/${vmid}/config`, { description: mark })
    world.clock.skip(31_000)
    await until('it is ours again', async () => world.condition(await world.vm('strange'), 'Ready')?.status === 'True')
  })
})
