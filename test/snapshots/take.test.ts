/** A ProxmoxVMSnapshot from its object to PVE and back: taken once, listed, bounded by the package, and gone with its object or its VM. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { ask, deleteSnapshot, inPve, packageWith, saidOf, snapshotNamed, taken, tasksOf, untilNoObject, untilSays } from './snapshots.ts'

describe('a ProxmoxVMSnapshot', () => {
  let world: TestWorld

  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(() => world.stop())

  it('is taken once, under a name made from its uid, and says when', async () => {
    const vm = await world.born('web')
    const snapshot = await taken(world, 'web', { description: 'before the upgrade' })
    const name = `op-${snapshot.metadata.uid?.slice(0, 8)}`
    expect(snapshot.status).toMatchObject({ name, vmUID: vm.metadata.uid, withMemory: false, createdAt: expect.stringMatching(/Z$/) })
    expect(snapshot.status?.upid).toBeUndefined()
    expect(inPve(world, vm)).toEqual([name])
    expect(world.guestOf(vm).snapshots.get(name)?.description).toBe(
      `before the upgrade\nProxmoxVMSnapshot ${world.namespace}/${snapshot.metadata.name}`,
    )
    expect(tasksOf(world, vm, 'qmsnapshot')).toBe(1)
    const after = await until('the VM shows it', async () => ((await world.vm('web'))?.status?.snapshots ? world.vm('web') : undefined))
    expect(after?.status?.snapshots).toEqual([{ name, createdAt: snapshot.status?.createdAt, object: snapshot.metadata.name }])
    expect(world.condition(after, 'Ready')?.status).toBe('True')
  })

  it('keeps the memory of a guest that runs, and says that there is none of one that is off', async () => {
    const vm = await world.born('memory')
    const running = await taken(world, 'memory', { withMemory: true })
    expect(running.status?.withMemory).toBe(true)
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    await until('it is off', () => !world.guestOf(vm).isRunning)
    const off = await taken(world, 'memory', { withMemory: true })
    expect(off.status?.withMemory).toBe(false)
    expect(saidOf(off)).toContain('the VM was off, so the snapshot has no memory')
  })

  it('is deleted in PVE with its object, and the ones taken on top of it stay', async () => {
    const vm = await world.born('less')
    const first = await taken(world, 'less')
    const second = await taken(world, 'less')
    await deleteSnapshot(world, first)
    await untilNoObject(world, first)
    expect(inPve(world, vm)).toEqual([second.status?.name])
    expect((await snapshotNamed(world, second.metadata.name))?.status?.conditions?.[0]).toMatchObject({ type: 'Ready', status: 'True' })
  })

  it('is refused beyond the number of the package, with the sentence for the customer, and taken when there is room', async () => {
    const vm = await world.born('quota', packageWith({ snapshots: { max: 1 } }))
    const first = await taken(world, 'quota')
    // Not one of ours: shown, not counted, and nobody deletes it.
    await world.inPve('POST', `${world.pathOf(vm)}/snapshot`, { snapname: 'by-hand' })
    await until('it is there', () => inPve(world, vm).includes('by-hand'))
    const second = await untilSays(world, await ask(world, 'quota'), 'False/QuotaExceeded')
    expect(saidOf(second)).toBe(`This server may have 1 snapshot and has 1: ${first.metadata.name}. Delete one to make room.`)
    expect(second.status?.conditions?.find(({ type }) => type === 'Stalled')?.status).toBe('True')
    await deleteSnapshot(world, first)
    await untilSays(world, second, 'True/SnapshotTaken')
    expect(inPve(world, vm)).toHaveLength(2)
    const shown = async () => (await world.vm('quota'))?.status?.snapshots?.find(({ name }) => name === 'by-hand')
    expect((await until('the VM shows it', shown)).object).toBeUndefined()
    await deleteSnapshot(world, second)
    await untilNoObject(world, second)
    expect(inPve(world, vm)).toEqual(['by-hand'])
  })

  it('is refused where the package has none, and where it is to be kept longer than the package allows', async () => {
    await world.born('none', packageWith({ snapshots: { max: 0 } }))
    const none = await untilSays(world, await ask(world, 'none'), 'False/QuotaExceeded')
    expect(saidOf(none)).toBe('The package of this server does not include snapshots.')
    const vm = await world.born('short', packageWith({ snapshots: { lifetime: '72h' } }))
    const long = await untilSays(world, await ask(world, 'short', { ttl: '96h' }), 'False/QuotaExceeded')
    expect(saidOf(long)).toBe('Snapshots of this server are kept for at most 72h, and ttl is 96h: write ttl: 72h or less.')
    expect(inPve(world, vm)).toEqual([])
    const kept = await taken(world, 'short')
    expect(Date.parse(kept.status?.expiresAt ?? '') - Date.parse(kept.status?.createdAt ?? '')).toBe(72 * 3_600_000)
  })

  it('goes by itself when its time is over, and not before', async () => {
    const vm = await world.born('ttl')
    const snapshot = await taken(world, 'ttl', { ttl: '1h' })
    world.skip(55 * 60_000)
    await world.edit('ttl', { metadata: { labels: { touched: 'yes' } } })
    await world.untilReady('ttl')
    expect((await snapshotNamed(world, snapshot.metadata.name))?.metadata.deletionTimestamp).toBeUndefined()
    world.skip(6 * 60_000)
    await untilNoObject(world, snapshot)
    expect(inPve(world, vm)).toEqual([])
  })

  it('names the disk that cannot be snapshotted, before PVE is asked', async () => {
    const vm = await world.born('raw')
    world.simulator.world.storage.define({ storage: 'files', type: 'dir', content: ['images'], sizeBytes: 1024 ** 4 })
    await world.inPve('PUT', `${world.pathOf(vm)}/config`, { scsi5: 'files:1,format=raw' })
    const { directory } = world.operator!.operator.clusters
    await until('the storage is listed', () => {
      world.clock.skip(2_000)
      return directory
        .get(world.cluster)
        ?.inventory.current()
        ?.storages.some(({ storage }) => storage === 'files')
    })
    const snapshot = await untilSays(world, await ask(world, 'raw'), 'False/SnapshotUnsupported')
    expect(saidOf(snapshot)).toContain('scsi5 is a raw file on storage files (dir), where only qcow2 files support snapshots')
    expect(tasksOf(world, vm, 'qmsnapshot')).toBe(0)
  })

  it('waits for its VM: until that exists, is ready, and is not locked', async () => {
    const early = await untilSays(world, await ask(world, 'later'), 'False/VMNotFound')
    expect(saidOf(early)).toBe('There is no ProxmoxVM "later" in this namespace.')
    await world.born('later')
    await untilSays(world, early, 'True/SnapshotTaken')
    const vm = await world.born('locked')
    world.simulator.world.setLock(vm.status?.vmid ?? 0, 'backup')
    const held = await ask(world, 'locked')
    await until('it tells the lock', async () => saidOf((await snapshotNamed(world, held.metadata.name)) ?? held)?.includes('"backup"'))
    expect(tasksOf(world, vm, 'qmsnapshot')).toBe(0)
    world.simulator.world.setLock(vm.status?.vmid ?? 0, undefined)
    await until('it is taken', async () => {
      world.clock.skip(5_000)
      return (await snapshotNamed(world, held.metadata.name))?.status?.createdAt
    })
  })

  it('tells the words of PVE when it fails, and is not tried again', async () => {
    const vm = await world.born('failing')
    world.simulator.faults.add(
      [
        {
          route: 'POST /nodes/{node}/qemu/{vmid}/snapshot',
          match: { vmid: vm.status?.vmid },
          task: { before: true, exitstatus: 'lvcreate failed: no free extents' },
        },
      ],
      [],
    )
    const snapshot = await untilSays(world, await ask(world, 'failing'), 'False/SnapshotFailed')
    expect(saidOf(snapshot)).toContain('lvcreate failed: no free extents. The operator does not retry; create another ProxmoxVMSnapshot.')
    expect(tasksOf(world, vm, 'qmsnapshot')).toBe(1)
    await deleteSnapshot(world, snapshot)
    await untilNoObject(world, snapshot)
  })

  it('goes with its VM, in PVE and here', async () => {
    await world.born('gone')
    const snapshot = await taken(world, 'gone')
    await world.delete('gone')
    await world.untilGone('gone')
    await untilNoObject(world, snapshot)
  })

  it('says that it is gone after its VM was made again, and is let go of without a request', async () => {
    const vm = await world.born('anew')
    const snapshot = await taken(world, 'anew')
    await world.edit('anew', { spec: { reinstall: { requestID: 'one' } } })
    await until('it is made again', async () => (await world.vm('anew'))?.status?.reinstall?.completedIDs?.includes('one'))
    const told = await untilSays(world, snapshot, 'False/SnapshotGone')
    expect(saidOf(told)).toContain(`PVE has no snapshot ${snapshot.status?.name} of VM ${vm.status?.vmid} any more`)
    await deleteSnapshot(world, snapshot)
    await untilNoObject(world, snapshot)
    expect(tasksOf(world, vm, 'qmdelsnapshot')).toBe(0)
  })
})
