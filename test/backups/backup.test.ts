import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { parseBackupMark } from '../../src/ladder/backup-mark.ts'
import { hold } from '../support/hold.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import {
  aBackup,
  addBackupServer,
  backupOf,
  deleteBackupObject,
  editBackup,
  filesOf,
  readyOf,
  untilBackup,
  untilBackupGone,
  untilRetried,
} from './scene.ts'

describe('a backup', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    await addBackupServer(world)
  })
  afterAll(async () => await world.stop())

  const born = (name: string, spec: object = {}): Promise<ProxmoxVM> => world.born(name, spec)
  const vzdumps = () => world.writes().filter((line) => line.endsWith('/vzdump'))

  it.each(['pbs', 'local'])('is made once on storage %s, with our mark, and says where it is', async (storage) => {
    const vm = await born(`made-${storage}`)
    world.simulator.requests.reset()
    await aBackup(world, `b-${storage}`, `made-${storage}`, { storage, notes: 'before the upgrade', protected: true })
    const { status, metadata } = await untilBackup(world, `b-${storage}`, 'True')
    const [file, ...others] = filesOf(world, vm)
    expect(others).toEqual([])
    expect(file?.notes).toBe(`before the upgrade pve.hosting/backup uid=${metadata.uid} vm=${vm.metadata.uid}`)
    expect(status).toMatchObject({
      phase: 'Succeeded',
      origin: 'Manual',
      volume: `${storage}:${file?.name}`,
      storage,
      size: '1Gi',
      protected: true,
      encrypted: false,
      vmUID: vm.metadata.uid,
    })
    expect(vzdumps()).toHaveLength(1)
    expect(world.condition(await world.vm(`made-${storage}`), 'Ready')?.status).toBe('True')
  })

  it('waits for the lock of the VM, and for its birth', async () => {
    await world.apply('young')
    await aBackup(world, 'early', 'young', { storage: 'pbs' })
    await untilBackup(world, 'early', 'True')
    const vm = (await world.vm('young')) as ProxmoxVM
    world.guestOf(vm).config.set('lock', 'migrate')
    world.simulator.requests.reset()
    await aBackup(world, 'late', 'young', { storage: 'pbs' })
    // Nobody works under the lock: the second look tells it as one that was left behind.
    await until('it tells the lock', async () => /^(Locked|StuckLock)$/.test(readyOf(await backupOf(world, 'late'))?.reason ?? ''))
    expect(vzdumps()).toEqual([])
    world.guestOf(vm).config.delete('lock')
    await untilRetried(world, 'it is made', async () => readyOf(await backupOf(world, 'late'))?.status === 'True')
  })

  it('names the command for a lock that nobody works under, and is made when it is gone', async () => {
    const vm = await born('left-locked')
    world.guestOf(vm).config.set('lock', 'snapshot-delete')
    await aBackup(world, 'stuck', 'left-locked', { storage: 'pbs' })
    const { status } = await untilBackup(world, 'stuck', 'False', 'StuckLock')
    expect(status?.conditions?.[0]?.message).toContain(`qm unlock ${vm.status?.vmid}; the backup begins when PVE releases the lock`)
    world.guestOf(vm).config.delete('lock')
    await untilRetried(world, 'it is made', async () => (await backupOf(world, 'stuck'))?.status?.phase === 'Succeeded')
  })

  it('that PVE fails to make says so and is not tried again', async () => {
    const vm = await born('unlucky')
    world.simulator.world.spec.quirks = { backupFails: 'job errors' }
    await aBackup(world, 'failed', 'unlucky', { storage: 'pbs' })
    const { status } = await untilBackup(world, 'failed', 'False', 'BackupFailed')
    delete world.simulator.world.spec.quirks
    expect(status).toMatchObject({ phase: 'Failed' })
    expect(status?.conditions?.[0]?.message).toContain('job errors')
    expect(filesOf(world, vm)).toEqual([])
    expect(world.condition(await world.vm('unlucky'), 'Ready')?.status).toBe('True')
  })

  it('that the retention of its storage does not let PVE make says so in the words of the log', async () => {
    const vm = await born('full')
    const { properties } = world.simulator.world.storage.definitions.get('pbs')!
    properties['prune-backups'] = 'keep-last=1'
    await aBackup(world, 'first', 'full', { storage: 'pbs' })
    await untilBackup(world, 'first', 'True')
    await aBackup(world, 'second', 'full', { storage: 'pbs' })
    const { status } = await untilBackup(world, 'second', 'False', 'BackupFailed')
    expect(status?.conditions?.[0]?.message).toContain('There is a max backup limit of 1 enforced by the target storage')
    expect(filesOf(world, vm)).toHaveLength(1)
    delete properties['prune-backups']
  })

  it('names the storages of the node where none or more than one could be meant', async () => {
    await born('unsure')
    await aBackup(world, 'where', 'unsure')
    const { status } = await untilBackup(world, 'where', 'False', 'BackupStorage')
    expect(status?.conditions?.[0]?.message).toMatch(/has (local, pbs|pbs, local)/)
    await aBackup(world, 'nowhere', 'unsure', { storage: 'attic' })
    const nowhere = await untilBackup(world, 'nowhere', 'False', 'BackupStorage')
    expect(nowhere.status?.conditions?.[0]?.message).toMatch(
      /^Storage "attic" \(spec\.storage\) does not allow backups on node pve\d\. Allow them in PVE, or create another ProxmoxVMBackup with one that does\./,
    )
  })

  it('keeps its file when its object is deleted, unless deletionPolicy says Delete, and never deletes a protected one', async () => {
    const vm = await born('shelf')
    await aBackup(world, 'keep', 'shelf', { storage: 'local' })
    await untilBackup(world, 'keep', 'True')
    await deleteBackupObject(world, 'keep')
    await untilBackupGone(world, 'keep')
    expect(filesOf(world, vm)).toHaveLength(1)
    await aBackup(world, 'drop', 'shelf', { storage: 'pbs', protected: true, deletionPolicy: 'Delete' })
    await untilBackup(world, 'drop', 'True')
    await deleteBackupObject(world, 'drop')
    await untilBackup(world, 'drop', 'False', 'Protected')
    expect(filesOf(world, vm)).toHaveLength(2)
    await editBackup(world, 'drop', { protected: false })
    await untilBackupGone(world, 'drop')
    expect(filesOf(world, vm).map(({ storage }) => storage)).toEqual(['local'])
  })

  it('beyond what the package allows is refused with a sentence for the customer, and made when there is room', async () => {
    await born('small', {
      package: { cpu: { cores: 1 }, memory: { size: '1Gi' }, network: { bridge: 'vmbr0' }, backups: { storage: 'pbs', max: 1 } },
    })
    await aBackup(world, 'one', 'small', { deletionPolicy: 'Delete' })
    await untilBackup(world, 'one', 'True')
    await aBackup(world, 'two', 'small')
    const { status } = await untilBackup(world, 'two', 'False', 'BackupQuota')
    expect(status?.conditions?.[0]?.message).toBe('This server may have 1 backup and has 1. Delete one first.')
    await deleteBackupObject(world, 'one')
    await untilBackup(world, 'two', 'True')
  })

  it('is followed to its end by the operator that comes after, and asked for once when the answer to the request is lost', async () => {
    const vm = await born('lost')
    world.simulator.requests.reset()
    world.operator?.wire.judgedBy((write) => (write.what.endsWith('/vzdump') ? 'lost after' : 'pass'))
    await aBackup(world, 'once', 'lost', { storage: 'pbs' })
    await until('PVE was asked', () => vzdumps().length === 1)
    await world.killOperator()
    await world.startOperator()
    const { metadata } = await untilBackup(world, 'once', 'True')
    expect(vzdumps()).toHaveLength(1)
    expect(filesOf(world, vm).map(({ notes }) => parseBackupMark(notes)?.uid)).toEqual([metadata.uid])
  })

  it('waits for its turn, PVE is asked nothing for it meanwhile, and one that is deleted then leaves the turn to the next', async () => {
    const there = { placement: { node: 'pve1' } }
    await born('turn-1', there)
    const second = await born('turn-2', there)
    await born('turn-3', there)
    const letGo = hold(world, 'POST /nodes/{node}/vzdump')
    await aBackup(world, 'turn-1-b', 'turn-1', { storage: 'pbs' })
    await until('the first is being made', async () => (await backupOf(world, 'turn-1-b'))?.status?.upid)
    world.simulator.requests.reset()
    // Who asks PVE about the VM finds this, and says Locked.
    world.guestOf(second).config.set('lock', 'migrate')
    await aBackup(world, 'turn-2-b', 'turn-2', { storage: 'pbs' })
    const { status } = await untilBackup(world, 'turn-2-b', 'False', 'Queued')
    expect(status?.conditions?.[0]?.message).toContain('node pve1 makes 1 already (limits.backupsPerNode is 1)')
    await aBackup(world, 'turn-3-b', 'turn-3', { storage: 'pbs' })
    await untilBackup(world, 'turn-3-b', 'False', 'Queued')
    await deleteBackupObject(world, 'turn-2-b')
    await untilBackupGone(world, 'turn-2-b')
    letGo()
    await untilBackup(world, 'turn-3-b', 'True')
    expect(vzdumps()).toHaveLength(1)
  })

  it('goes with its VM, or stays with its file as backupsOnDelete says', async () => {
    const gone = await born('gone')
    const kept = await born('kept', { backupsOnDelete: 'Keep' })
    for (const [name, vm] of [
      ['gone-1', 'gone'],
      ['kept-1', 'kept'],
    ] as const) {
      await aBackup(world, name, vm, { storage: 'pbs', deletionPolicy: 'Delete' })
      await untilBackup(world, name, 'True')
      await world.delete(vm)
      await world.untilGone(vm)
    }
    expect(filesOf(world, gone)).toEqual([])
    await untilBackupGone(world, 'gone-1')
    expect(filesOf(world, kept)).toHaveLength(1)
    expect((await backupOf(world, 'kept-1'))?.status?.phase).toBe('Succeeded')
    await deleteBackupObject(world, 'kept-1')
    await untilBackupGone(world, 'kept-1')
    expect(filesOf(world, kept)).toEqual([])
  })

  it('whose file PVE fails to delete says why, and goes when PVE can', async () => {
    const vm = await born('held')
    await aBackup(world, 'held', 'held', { storage: 'pbs', deletionPolicy: 'Delete' })
    await untilBackup(world, 'held', 'True')
    // Longer than PVE waits with its answer, so the end is read from the task.
    const task = { exitstatus: 'removing backup failed: datastore is busy', extraMs: 30_000 }
    world.simulator.faults.add(
      [{ id: 'held', route: 'DELETE /nodes/{node}/storage/{storage}/content/{volume}', times: 'always', task }],
      [],
    )
    await deleteBackupObject(world, 'held')
    const { status } = await untilBackup(world, 'held', 'False', 'Retrying')
    expect(status?.conditions?.[0]?.message).toContain('PVE failed to delete pbs:backup/')
    expect(status?.conditions?.[0]?.message).toContain('datastore is busy')
    world.simulator.faults.remove('held')
    await untilRetried(world, 'the object is gone', async () => (await backupOf(world, 'held')) === undefined)
    expect(filesOf(world, vm)).toEqual([])
  })

  it('takes a second file along that PVE made late for the same request', async () => {
    const vm = await born('twice')
    await aBackup(world, 'twice', 'twice', { storage: 'pbs', deletionPolicy: 'Delete' })
    await untilBackup(world, 'twice', 'True')
    const [file] = filesOf(world, vm)
    world.simulator.world.storage.add({ ...file!, name: file!.name.replace(/\d{4}-/, '2031-'), ctime: file!.ctime + 70 })
    expect(filesOf(world, vm)).toHaveLength(2)
    await deleteBackupObject(world, 'twice')
    await untilBackupGone(world, 'twice')
    expect(filesOf(world, vm)).toEqual([])
  })

  it('with backupsOnDelete beside another deletionPolicy is refused by the API server', async () => {
    await expect(world.apply('odd', { deletionPolicy: 'Remove', backupsOnDelete: 'Keep' })).rejects.toThrow(
      /only deletionPolicy Terminate deletes backups/,
    )
  })
})
