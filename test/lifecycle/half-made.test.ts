import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { press, turnOff } from '../manual/buttons.ts'
import { Admin } from '../manual/admin.ts'
import { eventsOf } from '../manual/seen.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

const cloneRoute = 'POST /nodes/{node}/qemu/{vmid}/clone'

describe('volumes that no configuration names', () => {
  let world: TestWorld
  let admin: Admin
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    admin = new Admin(world)
  })
  afterAll(async () => {
    await admin.close()
    await world.stop()
  })

  const vmidOf = (vm: ProxmoxVM) => vm.status?.vmid ?? 0
  const volumesOf = (vm: ProxmoxVM) => world.simulator.world.storage.ownedBy(vmidOf(vm)).map(({ name }) => name)
  const killNextClone = () => world.simulator.faults.add([{ id: 'killed', route: cloneRoute, task: { kill: true } }], [])
  /** Its clone was killed while it copied the system disk. */
  const halfMade = async (name: string, spec: object = {}): Promise<ProxmoxVM> => {
    killNextClone()
    await world.apply(name, { placement: { node: 'pve1' }, ...spec })
    const vm = await world.untilCondition(name, 'Stalled', 'True', 'StuckLock')
    expect(volumesOf(vm)).toContain(`vm-${vmidOf(vm)}-disk-0`)
    expect(world.guestOf(vm).config.has('scsi0')).toBe(false)
    return vm
  }
  const toldOf = async (name: string, reason: string) =>
    (await eventsOf(world, name)).filter((told) => told.reason === reason).map(({ note }) => note)
  const goesOn = () => world.skip(301_000)

  it.each(['Remove', 'Terminate'])('go with a VM that was never ready, by policy %s', async (deletionPolicy) => {
    const name = `never-ready-${deletionPolicy.toLowerCase()}`
    const vm = await halfMade(name, { deletionPolicy })
    await world.delete(name)
    await until('the end is stuck, too', async () => {
      const { message = '' } = world.condition(await world.vm(name), 'Stalled') ?? {}
      return message.includes(`qm unlock ${vmidOf(vm)}. The operator deletes the VM`)
    })
    world.simulator.world.setLock(vmidOf(vm), undefined)
    goesOn()
    await world.untilGone(name)
    expect(volumesOf(vm)).toEqual([])
  })

  it('go with a VM whose reinstall was not finished, by policy Remove', async () => {
    const vm = await world.born('reinstalled', { placement: { node: 'pve1' }, deletionPolicy: 'Remove' })
    killNextClone()
    await world.edit('reinstalled', { spec: { reinstall: { requestID: 'r1' } } })
    await world.untilCondition('reinstalled', 'Stalled', 'True', 'StuckLock')
    expect(volumesOf(vm)).toContain(`vm-${vmidOf(vm)}-disk-0`)
    world.simulator.world.setLock(vmidOf(vm), undefined)
    await world.delete('reinstalled')
    goesOn()
    await world.untilGone('reinstalled')
    expect(volumesOf(vm)).toEqual([])
  })

  it('stay by policy Remove when the VM was ready, also while the command Clone makes it again', async () => {
    const vm = await world.born('ready', { placement: { node: 'pve1' }, deletionPolicy: 'Remove' })
    const kept = `vm-${vmidOf(vm)}-disk-9`
    await world.inPve('POST', '/nodes/pve1/storage/local-lvm/content', { vmid: vmidOf(vm), filename: kept, size: '1G', format: 'raw' })
    await turnOff(world, admin, 'ready')
    await press(world, 'ready', 'Remove')
    await world.untilCondition('ready', 'Ready', 'False', 'Removed')
    killNextClone()
    await press(world, 'ready', 'Clone')
    await world.untilCondition('ready', 'Stalled', 'True', 'StuckLock')
    // An admin who only lifts the lock leaves half a VM, which does not pass for the one that was there before.
    world.simulator.world.setLock(vmidOf(vm), undefined)
    goesOn()
    await until('what is left is called half made', async () =>
      world.condition(await world.vm('ready'), 'Stalled')?.message.includes('lacks scsi0'),
    )
    await world.delete('ready')
    await world.untilGone('ready')
    expect(volumesOf(vm)).toContain(kept)
  })

  it('are named with the command that deletes them too, where an admin must delete the copy', async () => {
    const vm = await halfMade('told')
    const destroy = `qm unlock ${vmidOf(vm)} && qm destroy ${vmidOf(vm)} --destroy-unreferenced-disks 1`
    expect(world.condition(vm, 'Stalled')?.message).toContain(destroy)
    // PVE had written nothing of it yet but its first lines.
    world.guestOf(vm).config = new Map([
      ['description', ' qmclone temporary file'],
      ['lock', 'clone'],
    ])
    await world.delete('told')
    await until('the end names it', async () => {
      const { message = '' } = world.condition(await world.vm('told'), 'Stalled') ?? {}
      return message.includes(`${destroy}. The operator goes on after that.`)
    })
    world.simulator.world.setLock(vmidOf(vm), undefined)
    await world.inPve('DELETE', world.pathOf(vm), { 'destroy-unreferenced-disks': 1 })
    goesOn()
    await world.untilGone('told')
    expect(volumesOf(vm)).toEqual([])
  })

  it('are told of when PVE cannot look for them, since a storage is off', async () => {
    const vm = await halfMade('unsearched')
    world.simulator.world.setLock(vmidOf(vm), undefined)
    world.simulator.faults.add([{ id: 'off', storage: { name: 'ceph', state: 'off' } }], [])
    await until('the operator knows', () => {
      world.clock.skip(5_000)
      const listing = world.operator?.operator.clusters.directory.get(world.cluster)?.inventory.current()
      return listing?.storages.some(({ storage, node, available }) => storage === 'ceph' && node === 'pve1' && !available)
    })
    await world.delete('unsearched')
    goesOn()
    await world.untilGone('unsearched')
    world.simulator.faults.remove('off')
    expect(volumesOf(vm)).toEqual([`vm-${vmidOf(vm)}-disk-0`])
    await until('it is told', async () => (await toldOf('unsearched', 'DisksLeft')).length > 0)
    expect(await toldOf('unsearched', 'DisksLeft')).toEqual([
      expect.stringMatching(`^ceph of pve1 is off, .*pvesm list STORAGE --vmid ${vmidOf(vm)}`),
    ])
  })

  it('since high availability has moved the configuration away from them, are told of with their names', async () => {
    const vm = await world.born('recovered', { placement: { node: 'pve1' } })
    const still = await world.born('moved', { placement: { node: 'pve1' } })
    // As HA leaves a VM whose node died, and as a migration leaves one.
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    await until('it is off', () => !world.guestOf(vm).isRunning)
    world.guestOf(vm).node = 'pve2'
    await world.inPve('POST', `${world.pathOf(still)}/migrate`, { target: 'pve2', online: 1, 'with-local-disks': 1 })
    await until('it has moved', () => world.guestOf(still).node === 'pve2')
    world.simulator.world.publishAll()
    await until('both are seen there', async () => {
      world.clock.skip(5_000)
      const nodes = await Promise.all(['recovered', 'moved'].map(async (name) => (await world.vm(name))?.status?.node))
      return nodes.every((node) => node === 'pve2')
    })
    const names = volumesOf(vm)
    expect(names).toContain(`vm-${vmidOf(vm)}-disk-0`)
    for (const name of ['recovered', 'moved']) await world.delete(name)
    for (const name of ['recovered', 'moved']) await world.untilGone(name)
    expect(volumesOf(vm)).toEqual(names)
    await until('it is told', async () => (await toldOf('recovered', 'DisksLeft')).length > 0)
    const [told = ''] = await toldOf('recovered', 'DisksLeft')
    expect(told).toContain('the VM was on pve1 before')
    for (const name of names) expect(told).toContain(`local-lvm:${name}`)
    expect([volumesOf(still), await toldOf('moved', 'DisksLeft')]).toEqual([[], []])
  })
})
