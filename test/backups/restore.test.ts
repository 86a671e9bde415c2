import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { finished, press } from '../manual/buttons.ts'
import { aV4Pool } from '../support/builders.ts'
import { untilDeletionSeen, untilSeen } from '../support/seen.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { aBackup, addBackupServer, backupOf, editBackup, filesOf, untilBackup, untilRetried } from './scene.ts'

describe('a restore', () => {
  let world: TestWorld
  let pool: string
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    await addBackupServer(world)
    pool = await world.pool(aV4Pool())
  })
  afterAll(async () => await world.stop())

  const startup = (vm: ProxmoxVM) => world.guestOf(vm).config.get('startup')
  const restores = () => world.writes().filter((line) => /^POST \/nodes\/[^/]+\/qemu$/.test(line))

  /** A VM with a backup in which it has another start order than it has now. */
  async function withBackup(name: string, o: { storage?: string; spec?: object } = {}): Promise<ProxmoxVM> {
    const vm = await world.born(name, { addresses: [{ name: 'main', poolRef: { name: pool } }], ...o.spec })
    await world.inPve('PUT', `${world.pathOf(vm)}/config`, { startup: 'order=3' })
    await aBackup(world, `${name}-b`, name, { storage: o.storage ?? 'pbs' })
    await untilBackup(world, `${name}-b`, 'True')
    await world.inPve('PUT', `${world.pathOf(vm)}/config`, { startup: 'order=5' })
    return vm
  }
  async function switchOff(name: string, vm: ProxmoxVM): Promise<void> {
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    await until('it is seen off', async () => (await world.vm(name))?.status?.remoteStatus === 'stopped')
  }
  const ask = (name: string, requestID: string, wish: object = { backupRef: { name: `${name}-b` } }) =>
    world.edit(name, { spec: { restore: { requestID, ...wish } } })
  const untilDone = async (name: string, requestID: string): Promise<ProxmoxVM> => {
    let last: ProxmoxVM | undefined
    return await until(
      `restore ${requestID} of ${name} is done`,
      async () => {
        last = await world.vm(name)
        const message = world.condition(last, 'Ready')?.message ?? ''
        if (/may have been lost|every 5 minutes/.test(message)) world.clock.skip(61_000)
        const isDone = last?.status?.restore?.completedIDs.includes(requestID)
        return isDone && world.condition(last, 'Ready')?.status === 'True' ? last : undefined
      },
      // A listing that is on its way for five minutes of the operator's clock is none.
      { everyMs: 250, describe: () => last?.status },
    )
  }

  it.each(['pbs', 'local'])(
    'from storage %s brings the VM back with its number, MAC address, address and mark, starts it, and is done once',
    async (storage) => {
      const name = `back-${storage}`
      const before = await withBackup(name, { storage })
      const { vmid, interfaces, addresses } = before.status ?? {}
      await switchOff(name, before)
      await ask(name, 'r1')
      const vm = await untilDone(name, 'r1')
      expect(vm.status).toMatchObject({ vmid, interfaces, addresses, phase: 'Running' })
      expect(startup(vm)).toBe('order=3')
      const { config } = world.guestOf(vm)
      expect(config.get('description')).toContain(`pve.hosting/owner uid=${vm.metadata.uid} vmid=${vmid}`)
      expect(config.get('description')).toContain('done=restore%2Fr1')
      expect(config.get('net0')).toContain(interfaces?.[0]?.macAddress)
      expect(world.guestOf(vm).isRunning).toBe(true)
      expect(filesOf(world, vm).map(({ isProtected }) => isProtected ?? false)).toEqual([false])
      world.simulator.requests.reset()
      await world.edit(name, { spec: { restore: { requestID: '' } } })
      await world.edit(name, { spec: { restore: { requestID: 'r1' } } })
      await world.untilReady(name)
      expect(restores()).toEqual([])
    },
  )

  it('attaches disks that are newer than the backup again, with their data, and names them', async () => {
    const disks = { cpu: { cores: 1 }, memory: { size: '1Gi' }, systemDisk: { size: '20Gi' }, network: { bridge: 'vmbr0' } }
    await withBackup('grown', { spec: { package: disks } })
    await world.edit('grown', { spec: { package: { ...disks, additionalDisks: [{ name: 'data', size: '4Gi' }] } } })
    const vm = await world.untilReady('grown')
    const volume = vm.status?.disks?.find(({ name }) => name === 'data')?.volume
    await switchOff('grown', vm)
    await ask('grown', 'r1')
    const back = await untilDone('grown', 'r1')
    expect(startup(back)).toBe('order=3')
    expect(back.status?.disks).toMatchObject([{ name: 'system' }, { name: 'data', key: 'scsi1', volume, size: '4Gi' }])
    expect([...world.guestOf(back).config.keys()].filter((key) => key.startsWith('unused'))).toEqual([])
    expect(back.status?.history?.find(({ step }) => step === 'restore')?.message).toContain('attached again with their data: data')
  })

  it('of a VM that runs waits until it is off, and deletes nothing before', async () => {
    const vm = await withBackup('busy')
    world.simulator.requests.reset()
    await ask('busy', 'r1')
    const stalled = await world.untilCondition('busy', 'Stalled', 'True', 'VMRunning')
    expect(world.condition(stalled, 'Ready')?.message).toContain('nothing was deleted')
    expect(restores()).toEqual([])
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    expect(startup(await untilDone('busy', 'r1'))).toBe('order=3')
  })

  it('that is there when the object is created, or has an empty ID, does nothing', async () => {
    world.simulator.requests.reset()
    await world.born('early', { restore: { requestID: 'r0', backupRef: { volume: 'local:backup/vzdump-qemu-100-x.vma.zst' } } })
    expect((await world.vm('early'))?.status?.restore?.completedIDs).toEqual(['r0'])
    expect(restores()).toEqual([])
  })

  it('refuses a file of a former holder of the number, one that cannot be read, and one of another VM, with nothing deleted', async () => {
    // Where the files below are.
    const vm = await withBackup('careful', { spec: { placement: { node: 'pve1' } } })
    await switchOff('careful', vm)
    const { vmid = 0 } = vm.status ?? {}
    const nowMs = world.simulator.world.clock.now()
    const former = world.addBackup(vmid, nowMs - 86_400_000)
    const broken = world.addBackup(vmid, nowMs + 60_000)
    await withBackup('other')
    world.simulator.requests.reset()
    const tries = [
      ['f1', { backupRef: { volume: `local:${former.name}` } }, 'BackupNotFound', /earlier guest/],
      ['f2', { backupRef: { volume: `local:${broken.name}` } }, 'BackupUnreadable', /nothing was deleted/],
      ['f3', { backupRef: { name: 'other-b' } }, 'BackupNotFound', /another VM/],
    ] as const
    for (const [requestID, wish, reason, words] of tries) {
      await world.edit('careful', { spec: { restore: null } })
      await ask('careful', requestID, wish)
      const stalled = await world.untilCondition('careful', 'Stalled', 'True', reason)
      let said = ''
      await until('it says why', async () => words.test((said = world.condition(await world.vm('careful'), 'Ready')?.message ?? '')), {
        seconds: 60,
        describe: () => `${requestID}: ${said}`,
      })
      expect(stalled.status?.phase).not.toBe('Restoring')
    }
    expect(restores()).toEqual([])
    await world.edit('careful', { spec: { restore: null } })
    await world.untilReady('careful')
    expect(startup(vm)).toBe('order=5')
  })

  it('for which there is no room beside the present disks goes on with dropFirst', async () => {
    const vm = await withBackup('tight')
    await switchOff('tight', vm)
    const storage = world.simulator.world.storage.definitions.get('local-lvm')
    const used = storage?.usedBytes ?? 0
    if (storage) storage.usedBytes = storage.sizeBytes - 15 * 1024 ** 3
    try {
      await until('the listing shows that little is left', () =>
        (world.operator?.operator.clusters.directory.get(world.cluster)?.inventory.current()?.storages ?? []).some(
          (row) => row.storage === 'local-lvm' && row.node === vm.status?.node && row.totalBytes - row.usedBytes < 20 * 1024 ** 3,
        ),
      )
      await ask('tight', 'r1')
      const stalled = await world.untilCondition('tight', 'Stalled', 'True', 'NoCapacity')
      expect(world.condition(stalled, 'Ready')?.message).toContain('dropFirst')
      await ask('tight', 'r1', { backupRef: { name: 'tight-b' }, dropFirst: true })
      expect(startup(await untilDone('tight', 'r1'))).toBe('order=3')
    } finally {
      if (storage) storage.usedBytes = used
    }
  })

  it('deletes nothing while the storage of a disk is off, or PVE has no quorum', async () => {
    const vm = await withBackup('away')
    await switchOff('away', vm)
    world.simulator.requests.reset()
    world.simulator.faults.add([{ id: 'storage-off', storage: { name: 'local-lvm', state: 'off' } }], [])
    await ask('away', 'r1')
    const stalled = await world.untilCondition('away', 'Stalled', 'True', 'StorageOff')
    expect(world.condition(stalled, 'Stalled')?.message).toContain('Storage local-lvm with disk system of VM')
    world.simulator.world.quorate = false
    world.simulator.faults.remove('storage-off')
    const told = () => world.vm('away').then((now) => world.condition(now, 'Ready')?.reason)
    const soon = async (reason: string) => await untilRetried(world, `it says ${reason}`, async () => (await told()) === reason)
    await soon('NoQuorum')
    expect(restores()).toEqual([])
    world.simulator.world.quorate = true
    expect(startup(await untilDone('away', 'r1'))).toBe('order=3')
  })

  it.each([
    ['is missing from PVE', 'VMMissing', async (vm: ProxmoxVM) => void (await world.inPve('DELETE', world.pathOf(vm)))],
    ['was removed by command', 'Removed', async () => void (await finished(world, await press(world, 'removed', 'Remove'), 60))],
  ] as const)('brings back a VM that %s', async (_, reason, take) => {
    const name = reason === 'Removed' ? 'removed' : 'missing'
    const vm = await withBackup(name)
    await switchOff(name, vm)
    await take(vm)
    await world.untilCondition(name, 'Stalled', 'True', reason, 60)
    await ask(name, 'r1')
    const back = await untilDone(name, 'r1')
    expect(back.status).toMatchObject({ vmid: vm.status?.vmid, interfaces: vm.status?.interfaces, phase: 'Running' })
    expect(startup(back)).toBe('order=3')
  })

  it('that fails half way says that the disks are gone and which file is the only copy, keeps it protected, never starts the VM, and may take another file', async () => {
    const vm = await withBackup('half')
    await aBackup(world, 'half-c', 'half', { storage: 'local' })
    await untilBackup(world, 'half-c', 'True')
    await switchOff('half', vm)
    world.operator?.wire.judgedBy((write) =>
      write.what === 'POST /nodes/{node}/qemu' ? { plan: { task: { fail: 'vma extract failed' } } } : 'pass',
    )
    await ask('half', 'r1')
    const stalled = await world.untilCondition('half', 'Stalled', 'True', 'RestoreFailed')
    const message = world.condition(stalled, 'Ready')?.message
    expect(message).toMatch(/disks of VM \d+ are lost.*pbs:backup\/vm\/.* is the only copy/)
    expect(stalled.status).toMatchObject({ phase: 'Restoring', restore: { running: { isDiskless: true, attempts: 1 } } })
    expect(world.guestOf(vm).isRunning).toBe(false)
    expect(filesOf(world, vm).find(({ storage }) => storage === 'pbs')?.isProtected).toBe(true)
    await editBackup(world, 'half-b', { protected: true })
    await until('its protection is seen', async () => (await backupOf(world, 'half-b'))?.status?.protected)
    await editBackup(world, 'half-b', { protected: false })
    await untilBackup(world, 'half-b', 'False', 'InUse')
    expect(filesOf(world, vm).find(({ storage }) => storage === 'pbs')?.isProtected).toBe(true)
    // Else it may be the first request that is sent again, and does not fail.
    await untilSeen(world, await ask('half', 'r2', { backupRef: { name: 'half-c' } }))
    world.operator?.wire.judgedBy(() => 'pass')
    world.clock.skip(61_000)
    const back = await untilDone('half', 'r2')
    expect(startup(back)).toBe('order=5')
    expect(back.status?.phase).toBe('Running')
    expect(filesOf(world, vm).map(({ isProtected }) => isProtected ?? false)).toEqual([false, false])
  })

  it('that has failed half way does not keep its object: deleting it takes the rest of the VM down', async () => {
    const vm = await withBackup('over')
    await switchOff('over', vm)
    world.operator?.wire.judgedBy((write) =>
      write.what === 'POST /nodes/{node}/qemu' ? { plan: { task: { fail: 'vma extract failed' } } } : 'pass',
    )
    await ask('over', 'r1')
    await world.untilCondition('over', 'Stalled', 'True', 'RestoreFailed')
    await world.delete('over')
    await untilDeletionSeen(world, 'over')
    world.operator?.wire.judgedBy(() => 'pass')
    world.clock.skip(61_000)
    await world.untilGone('over')
    expect(world.simulator.world.guests.has(vm.status?.vmid ?? 0)).toBe(false)
    expect(filesOf(world, vm)).toEqual([])
  })
})
