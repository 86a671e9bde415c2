import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMs } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { Store } from '../../src/kube/store.ts'
import { Reflector } from '../../src/kube/watch.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { Admin } from '../manual/admin.ts'
import { outcomeOf } from '../manual/buttons.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('a VM says of its guest what PVE says', () => {
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

  const ready = async (name: string) => {
    const vm = await world.vm(name)
    const { status, reason } = world.condition(vm, 'Ready') ?? {}
    return `${status}/${reason} ${vm?.status?.phase} ${vm?.status?.remoteStatus}`
  }
  /** The operator's clock runs ahead meanwhile, so that listings are not waited for. */
  const becomes = async (name: string, expected: string) =>
    await admin.soon(`${name} is ${expected}`, async () => (await ready(name)) === expected, { describe: () => ready(name) })

  it('so one that stands still is not Ready, has power all the same, and is Ready again when it goes on', async () => {
    const vm = await world.born('still')
    const process = admin.guest(vm).process
    if (!process) throw new Error('it does not run')
    process.run = 'io-error'
    await becomes('still', 'False/GuestIOError Running running')
    process.run = 'paused'
    await becomes('still', 'False/GuestPaused Running running')
    const paused = await world.vm('still')
    expect(world.condition(paused, 'Stalled')?.message).toContain(`qm resume ${vm.status?.vmid}`)
    // A thorough look does not take it back.
    await world.edit('still', { metadata: { annotations: { 'pve.hosting/look': 'now' } } })
    await admin.soon('it was looked at', async () => (await world.vm('still'))?.status?.lookedFor === 'now')
    expect(await ready('still')).toBe('False/GuestPaused Running running')
    process.run = 'running'
    await becomes('still', 'True/Running Running running')
    expect(world.condition(await world.vm('still'), 'Stalled')).toBeUndefined()
  })

  it('so one whose network card somebody disconnected is not Ready, through a restart as well, and is when it is connected', async () => {
    const vm = await world.born('pulled')
    const net0 = admin.config(vm)['net0'] ?? ''
    await admin.set(vm, { net0: `${net0},link_down=1` })
    await world.edit('pulled', { metadata: { annotations: { 'pve.hosting/look': 'now' } } })
    await becomes('pulled', 'False/LinkDown Running running')
    admin.powerOff(vm)
    await becomes('pulled', 'True/Stopped Stopped stopped')
    expect(await outcomeOf(world, 'pulled', 'Start')).toBe('Succeeded: PVE started the VM.')
    await becomes('pulled', 'False/LinkDown Running running')
    expect(admin.config(vm)['net0']).toContain('link_down=1')
    await admin.set(vm, { net0 })
    world.clock.skip(61_000)
    await becomes('pulled', 'True/Running Running running')
  })

  it('so one whose system disk somebody detached is not Ready, and is once it is attached again', async () => {
    const vm = await world.born('diskless', { package: { memory: { size: '1Gi' }, network: { bridge: 'vmbr0' } }, runStrategy: 'Halted' })
    const scsi0 = admin.config(vm)['scsi0'] ?? ''
    await admin.set(vm, { delete: 'scsi0' })
    await world.edit('diskless', { metadata: { annotations: { 'pve.hosting/look': '1' } } })
    const told = await world.untilCondition('diskless', 'Stalled', 'True', 'SystemDiskMissing', 60)
    expect(world.condition(told, 'Ready')).toMatchObject({ status: 'False', message: expect.stringContaining('is at unused0 now') })
    await admin.set(vm, { scsi0 })
    await world.edit('diskless', { metadata: { annotations: { 'pve.hosting/look': '2' } } })
    await becomes('diskless', 'True/Stopped Stopped stopped')
  })

  it('so a hibernated one is off, and a Start resumes it', async () => {
    const vm = await world.born('asleep')
    await admin.call('POST', vm, '/status/suspend', { todisk: 1 })
    await becomes('asleep', 'True/Hibernated Stopped stopped')
    expect((await world.vm('asleep'))?.status?.remoteLock).toBe('suspended')
    expect(await outcomeOf(world, 'asleep', 'Start')).toBe('Succeeded: PVE started the VM.')
    await becomes('asleep', 'True/Running Running running')
  })

  it('so what PVE refuses of a hibernated one waits for its start, is told once, and a suspension is complete without it', async () => {
    const vm = await world.born('dozing')
    await admin.call('POST', vm, '/status/suspend', { todisk: 1 })
    await becomes('dozing', 'True/Hibernated Stopped stopped')
    world.simulator.requests.reset()
    await world.edit('dozing', { spec: { package: { systemDisk: { size: '24Gi' } } } })
    const told = await admin.soon('it is told', async () => {
      const now = await world.vm('dozing')
      return world.condition(now, 'Stalled')?.reason === 'MustResume' ? now : undefined
    })
    const message = world.condition(told, 'Stalled')?.message
    expect(message).toContain('20Gi → 24Gi')
    expect(message).toContain(`kubectl pve start dozing -n ${world.namespace}`)
    expect(world.writes()).toEqual([])

    await world.edit('dozing', { spec: { suspensions: [{ by: 'billing', reason: 'unpaid' }] } })
    await admin.soon('it is suspended', async () => world.condition(await world.vm('dozing'), 'Suspended')?.status === 'True')
    expect(world.writes()).toEqual([])
    await world.edit('dozing', { spec: { suspensions: [] } })
    await becomes('dozing', 'True/Running Running running')
    expect((await world.vm('dozing'))?.status?.disks?.[0]?.size).toBe('24Gi')

    await admin.call('POST', vm, '/status/suspend', { todisk: 1 })
    await becomes('dozing', 'True/Hibernated Stopped stopped')
    await world.edit('dozing', { spec: { package: { systemDisk: { size: '25Gi' } } } })
    await admin.soon('it waits', async () => world.condition(await world.vm('dozing'), 'Stalled')?.reason === 'MustResume')
    expect(await outcomeOf(world, 'dozing', 'Start')).toBe('Succeeded: PVE started the VM.')
    await becomes('dozing', 'True/Running Running running')
    expect((await world.vm('dozing'))?.status?.disks?.[0]?.size).toBe('25Gi')
  })

  it('so one that somebody turned into a template is told and not touched', async () => {
    const vm = await world.born('mould', { runStrategy: 'Always' })
    await admin.stop(vm)
    await admin.call('POST', vm, '/template')
    world.simulator.requests.reset()
    const told = await admin.soon('it is told', async () => {
      const now = await world.vm('mould')
      return world.condition(now, 'Stalled')?.reason === 'BecameTemplate' ? now : undefined
    })
    expect(told?.status?.remoteStatus).toBe('stopped')
    expect(world.writes().filter((line) => line.includes(`/${vm.status?.vmid}/config`))).toEqual([])
    expect(await outcomeOf(world, 'mould', 'Start')).toContain('Failed: VM')
    await world.delete('mould')
    await world.untilGone('mould', 60)
  })

  it('so a disk that somebody moved is found where it is', async () => {
    const vm = await world.born('moved')
    const [system] = vm.status?.disks ?? []
    await admin.call('POST', vm, '/move_disk', { disk: system?.key ?? '', storage: 'ceph', delete: 1 })
    await world.edit('moved', { metadata: { annotations: { 'pve.hosting/look': 'moved' } } })
    const now = await admin.soon('the status follows', async () => {
      const seen = await world.vm('moved')
      return seen?.status?.disks?.[0]?.volume?.startsWith('ceph:') ? seen : undefined
    })
    expect(now?.status?.history?.at(-1)).toMatchObject({
      outcome: 'VolumeMoved',
      message: expect.stringContaining(`${system?.volume} → ceph:`),
    })
  })

  it('so it keeps its state while no figures come, the cluster says so, and the power of a command counts', async () => {
    const vm = await world.born('silent', { placement: { node: 'pve3' } })
    world.simulator.faults.add([{ id: 'mute', pvestatd: { node: 'pve3', state: 'off' } }], [])
    world.skip(301_000)
    const said = async () => (await world.clusterCondition('FiguresFresh'))?.message
    await admin.soon('the cluster names the node', async () => (await said())?.startsWith('No figures come from pve3, with '), {
      describe: said,
    })
    expect((await world.clusterCondition('NodesOnline'))?.status).toBe('True')
    expect(await ready('silent')).toBe('True/Running Running running')
    expect(await outcomeOf(world, 'silent', 'Stop')).toBe('Succeeded: PVE cut the power.')
    await becomes('silent', 'True/Stopped Stopped stopped')
    expect(admin.isRunning(vm)).toBe(false)
    world.simulator.faults.remove('mute')
    await admin.soon('figures are back', async () => (await world.clusterCondition('FiguresFresh'))?.status === 'True')
  })

  it('so its lock and power are told before it is ready, and while it is off for a change and a deletion', async () => {
    const seen = new Set<string>()
    // Every version that the API server has.
    const store = new Store<ProxmoxVM>()
    store.subscribe(({ new: vm }) => {
      const { remoteLock, remoteStatus, localStatus } = vm?.status ?? {}
      if (vm?.metadata.name === 'shown')
        seen.add(`${vm.metadata.deletionTimestamp ? 'terminating' : localStatus} ${remoteStatus} ${remoteLock}`)
    })
    const watching = new AbortController()
    const { client, namespace } = world
    const watch = new Reflector({ client, resource: proxmoxVMs, store, clock: systemClock, selection: { namespace } }).run(watching.signal)
    await store.synced
    await world.apply('shown')
    const vm = await world.untilReady('shown')
    expect(vm.status?.remoteLock).toBeUndefined()
    await world.edit('shown', { spec: { package: { cpu: { cores: 2, sockets: 2 } } } })
    await admin.soon('it is changed', async () => (await world.vm('shown'))?.status?.package?.cpu?.sockets === 2)
    await world.untilReady('shown')
    await world.delete('shown')
    await world.untilGone('shown')
    await until('the end is seen', () => store.list().every(({ metadata }) => metadata.name !== 'shown'))
    watching.abort()
    await watch
    expect([...seen]).toEqual(expect.arrayContaining(['change_package stopped undefined', 'ready running undefined']))
    expect([...seen].filter((line) => line.startsWith('ready') && line.includes('clone'))).toEqual([])
  })
})
