import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { abandonBackupsAnnotation } from '../../src/api/group.ts'
import { eventsOf } from '../manual/seen.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { aV4Pool } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

const destroyRoute = 'DELETE /nodes/{node}/qemu/{vmid}'

describe('a removal that meets trouble', () => {
  let world: TestWorld
  let pool: string
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    pool = await world.pool(aV4Pool())
  })
  afterAll(async () => await world.stop())

  const born = (name: string, spec: object = {}): Promise<ProxmoxVM> =>
    world.born(name, { addresses: [{ name: 'main', poolRef: { name: pool } }], ...spec })
  const vmidOf = (vm: ProxmoxVM) => vm.status?.vmid ?? 0
  const holderOf = async (vm: ProxmoxVM) =>
    (await world.addresses(pool)).find(({ spec }) => spec.address === vm.status?.addresses?.[0]?.address)?.spec.claimRef?.uid
  const fault = (spec: object) => world.simulator.faults.add([spec as never], [])
  const sent = (route: string) => world.simulator.requests.report().byRoute[route] ?? 0
  /** Until the deletion that is asked for has failed that often; answers how long that took on the operator's clock, in seconds. */
  const deletedUntilTried = async (name: string, attempts: number) => {
    const startMs = world.clock.monotonicMs()
    await world.delete(name)
    let last: ProxmoxVM | undefined
    await until(
      `${name} was tried ${attempts} times`,
      async () => {
        world.clock.skip(500)
        last = await world.vm(name)
        return (last?.status?.step?.attempts ?? 0) >= attempts
      },
      { describe: () => last?.status, seconds: 60 },
    )
    return { vm: last, seconds: (world.clock.monotonicMs() - startMs) / 1000 }
  }
  const untilSays = (name: string, words: RegExp) => {
    let last: unknown
    return until(
      `${name} says ${words}`,
      async () => {
        const { status } = (last = await world.vm(name)) ?? {}
        return words.test(JSON.stringify(status?.step ?? {})) ? status : undefined
      },
      { describe: () => last },
    )
  }

  it.each([
    ['destroy', destroyRoute, 'remove'],
    ['stop', 'POST /nodes/{node}/qemu/{vmid}/status/stop', 'stop'],
  ])('by a %s that fails repeats it with growing pauses, and says why', async (what, route, step) => {
    const vm = await born(`fails-${what}`)
    fault({ id: 'f', route, match: { vmid: vmidOf(vm) }, times: 'always', task: { exitstatus: 'volume is in use', before: true } })
    world.simulator.requests.reset()
    const { vm: failing, seconds } = await deletedUntilTried(`fails-${what}`, 5)
    // Pauses of 2, 4, 8 and 16 s.
    expect(seconds).toBeGreaterThanOrEqual(30)
    expect(sent(route)).toBe(5)
    expect(failing?.status?.step).toMatchObject({ name: step, lastError: expect.stringContaining('volume is in use') })
    const history = failing?.status?.history?.filter(({ outcome }) => outcome === 'Failed')
    expect(history).toEqual([expect.objectContaining({ step, message: 'volume is in use' })])
    expect(await holderOf(vm)).toBe(vm.metadata.uid)
    world.simulator.faults.remove()
    world.clock.skip(31_000)
    await world.untilGone(`fails-${what}`)
  })

  it('by a refused destroy repeats it with growing pauses too', async () => {
    const vm = await born('refused')
    fault({ id: 'f', route: destroyRoute, match: { vmid: vmidOf(vm) }, times: 'always', status: 500, reason: 'no such luck' })
    world.simulator.requests.reset()
    const { seconds, vm: refused } = await deletedUntilTried('refused', 4)
    expect(seconds).toBeGreaterThanOrEqual(14)
    expect(refused?.status?.step?.lastError).toContain('no such luck')
    expect(sent(destroyRoute)).toBe(4)
    world.simulator.faults.remove()
    world.clock.skip(31_000)
    await world.untilGone('refused')
  })

  it('takes snapshots along in the one request that deletes the VM, broken ones too', async () => {
    const vm = await born('snapped')
    await world.inPve('POST', `${world.pathOf(vm)}/snapshot`, { snapname: 'one' })
    fault({ id: 'f', route: 'DELETE /nodes/{node}/qemu/{vmid}/snapshot/{snapname}', times: 'always', task: { exitstatus: 'broken' } })
    world.simulator.requests.reset()
    await world.delete('snapped')
    await world.untilGone('snapped')
    expect(world.writes().map((line) => line.replace(/^(\w+) .*\/qemu\/\d+/, '$1 '))).toEqual(['POST /status/stop', 'DELETE '])
    world.simulator.faults.remove()
  })

  it('costs eight requests and one for each storage with backups, polls of its tasks included', async () => {
    await born('counted')
    world.simulator.requests.reset()
    await world.delete('counted')
    await world.untilGone('counted')
    const requests = world.requests().filter((line) => !/cluster|access|version/.test(line))
    expect({ many: requests.length > 11, requests }).toMatchObject({ many: false })
  })

  it('tells the words of a destroy that ended with warnings', async () => {
    const vm = await born('warned')
    fault({ id: 'w', route: destroyRoute, match: { vmid: vmidOf(vm) }, task: { warnings: 1 } })
    await world.delete('warned')
    await world.untilGone('warned')
    await until('the warning is told', async () =>
      (await eventsOf(world, 'warned')).some(
        (told) => told.reason === 'TaskWarnings' && /injected by the simulator/.test(JSON.stringify(told)),
      ),
    )
  })

  it('names the command for a lock that somebody left behind, and goes on when it is gone', async () => {
    const vm = await born('left-lock')
    world.simulator.world.setLock(vmidOf(vm), 'snapshot-delete')
    await world.delete('left-lock')
    await world.untilCondition('left-lock', 'Ready', 'False', 'Locked')
    world.clock.skip(11_000)
    const stuck = await world.untilCondition('left-lock', 'Stalled', 'True', 'StuckLock')
    const message = world.condition(stuck, 'Stalled')?.message
    expect(message).toContain('"snapshot-delete"')
    expect(message).toContain(`qm unlock ${vmidOf(vm)}`)
    expect(message).not.toContain('qm destroy')
    world.simulator.world.setLock(vmidOf(vm), undefined)
    world.clock.skip(301_000)
    await world.untilGone('left-lock')
  })

  it('ends while another node is down', async () => {
    const vm = await born('healthy', { placement: { node: 'pve1' } })
    fault({ id: 'n', node: { name: 'pve2', state: 'off' } })
    await world.delete('healthy')
    await world.untilGone('healthy')
    expect(await holderOf(vm)).toBeUndefined()
    world.simulator.faults.remove()
  })

  it('deletes the backups of a VM that somebody removed by hand, but not those of a former holder of the number', async () => {
    const vm = await born('by-hand')
    const former = world.addBackup(vmidOf(vm), Date.parse(vm.metadata.creationTimestamp ?? '') - 86_400_000)
    world.addBackup(vmidOf(vm), Date.now() + 1000)
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    await world.inPve('DELETE', world.pathOf(vm))
    await world.delete('by-hand')
    await world.untilGone('by-hand')
    const left = world.simulator.world.storage.ownedBy(vmidOf(vm)).filter(({ content }) => content === 'backup')
    expect(left.map(({ name }) => name)).toEqual([former.name])
  })

  describe('with backups that cannot go', () => {
    it('ends the VM and frees its addresses, and the object stays and names the storage that is off', async () => {
      const vm = await born('storage-off', { placement: { node: 'pve1' } })
      world.addBackup(vmidOf(vm), Date.now() + 1000)
      fault({ id: 's', storage: { name: 'local', state: 'off' } })
      world.simulator.requests.reset()
      await until('two listings have come', () => {
        world.clock.skip(5_000)
        return sent('GET /cluster/resources') >= 2
      })
      await world.delete('storage-off')
      const stays = await world.untilCondition('storage-off', 'Stalled', 'True', 'BackupsUnseen')
      expect(world.condition(stays, 'Stalled')?.message).toContain('storage local of node pve1')
      expect(world.simulator.world.guests.has(vmidOf(vm))).toBe(false)
      expect(await holderOf(vm)).toBeUndefined()
      world.simulator.faults.remove()
      world.clock.skip(301_000)
      await until('it is asked again', async () => {
        world.clock.skip(30_000)
        return (await world.vm('storage-off')) === undefined
      })
      expect(world.simulator.world.storage.ownedBy(vmidOf(vm))).toEqual([])
    })

    it('says why a deletion fails, and gives the backup up when it is told to', async () => {
      const vm = await born('kept')
      world.addBackup(vmidOf(vm), Date.now() + 1000)
      const route = 'DELETE /nodes/{node}/storage/{storage}/content/{volume}'
      fault({ id: 'f', route, times: 'always', status: 500, reason: 'the file is on tape' })
      await world.delete('kept')
      await untilSays('kept', /delete_backups.*the file is on tape|the file is on tape.*delete_backups/)
      expect(world.simulator.world.guests.has(vmidOf(vm))).toBe(false)
      expect(await holderOf(vm)).toBeUndefined()
      await world.edit('kept', { metadata: { annotations: { [abandonBackupsAnnotation]: 'true' } } })
      world.clock.skip(31_000)
      await world.untilGone('kept')
      expect(world.simulator.world.storage.ownedBy(vmidOf(vm))).toHaveLength(1)
      world.simulator.faults.remove()
    })
  })
})
