import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMBackups } from '../../src/api/meta.ts'
import type { ProxmoxVMBackup } from '../../src/api/proxmoxvmbackup.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { aBackup, addBackupServer, filesOf, untilBackup, untilRetried } from './scene.ts'

const hourMs = 3_600_000

describe('the schedule of a package', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    await addBackupServer(world)
  })
  afterAll(async () => await world.stop())

  const packageWith = (backups: object) => ({
    package: {
      cpu: { cores: 1 },
      memory: { size: '1Gi' },
      network: { bridge: 'vmbr0' },
      backups: { storage: 'pbs', spread: '0s', ...backups },
    },
  })
  const objects = async (vm: string): Promise<ProxmoxVMBackup[]> =>
    (await world.client.list(proxmoxVMBackups, { namespace: world.namespace })).filter(({ spec }) => spec.vmRef.name === vm)
  const scheduled = async (vm: string) => (await objects(vm)).filter(({ status }) => status?.origin === 'Schedule')

  /** The next full hour passes, and what is due then is done. */
  async function nextHour(name: string, isDone: () => Promise<boolean>): Promise<void> {
    world.skip(hourMs)
    let last: unknown
    await untilRetried(
      world,
      `what is due at the hour is done for ${name}`,
      async () => {
        last = (await objects(name)).map(({ metadata, status }) => [metadata.name, status?.phase, status?.conditions?.[0]?.message])
        return await isDone()
      },
      { everyMs: 300, describe: () => last },
    )
  }

  it('makes backups by itself, keeps so many, says until when, and leaves those that people asked for', async () => {
    const vm = await world.born('hourly', packageWith({ schedule: '0 * * * *', keep: { last: 2 } }))
    await untilRetried(world, 'it says that the first one is to come', async () => {
      const told = world.condition(await world.vm('hourly'), 'BackedUp')
      return told?.status === 'Unknown' && told.reason === 'BackupPending'
    })
    await aBackup(world, 'by-hand', 'hourly', { deletionPolicy: 'Delete' })
    await untilBackup(world, 'by-hand', 'True')
    const made = async () => (await scheduled('hourly')).filter(({ status }) => status?.phase === 'Succeeded')
    await nextHour('hourly', async () => (await made()).length === 1)
    const [first] = await made()
    await world.untilCondition('hourly', 'BackedUp', 'True', 'Succeeded')
    await nextHour('hourly', async () => (await made()).length === 2)
    await nextHour('hourly', async () => {
      const now = await made()
      return now.length === 2 && !now.some(({ metadata }) => metadata.name === first?.metadata.name)
    })
    await until('the files of the others are gone', () => filesOf(world, vm).length === 3)
    expect((await objects('hourly')).map(({ metadata }) => metadata.name)).toContain('by-hand')
    await until('they say until when they stay', async () => (await made()).every(({ status }) => status?.expiresAt !== undefined))
    const [older] = (await made()).toSorted((a, b) => (a.status?.createdAt ?? '').localeCompare(b.status?.createdAt ?? ''))
    expect(Date.parse(older?.status?.expiresAt ?? '') % hourMs).toBe(0)
    expect(older?.metadata.name).toMatch(/^hourly-\d{8}-\d{4}$/)
  })

  it('that fails is told by BackedUp, and a later one that is made puts it right', async () => {
    const vm = await world.born('failing', packageWith({ schedule: '0 * * * *', keep: { last: 3 } }))
    world.simulator.world.spec.quirks = { backupFails: 'job errors' }
    await nextHour('failing', async () => world.condition(await world.vm('failing'), 'BackedUp')?.reason === 'BackupFailed')
    delete world.simulator.world.spec.quirks
    const bad = (await world.vm('failing')) as ProxmoxVM
    expect(world.condition(bad, 'BackedUp')?.message).toContain('job errors')
    expect(world.condition(bad, 'Ready')?.status).toBe('True')
    expect(bad.status?.backups?.failedSince).toBeDefined()
    await nextHour('failing', async () => world.condition(await world.vm('failing'), 'BackedUp')?.status === 'True')
    const good = (await world.vm('failing')) as ProxmoxVM
    expect(good.status?.backups?.failedSince).toBeUndefined()
    expect(filesOf(world, vm)).toHaveLength(1)
  })

  it('that is missed is told by BackedUp, with what the backup waits for', async () => {
    await world.born('missed', packageWith({ schedule: '0 * * * *', storage: 'attic' }))
    await nextHour('missed', async () => (await objects('missed')).length === 1)
    world.skip(3 * hourMs)
    await untilRetried(
      world,
      'it is told, with what the backup waits for',
      async () => {
        const told = world.condition(await world.vm('missed'), 'BackedUp')
        return told?.reason === 'BackupMissed' && /newest backup is none.*waits: Storage "attic"/.test(told.message)
      },
      // Hours of that clock pass before it is told.
      { seconds: 90, everyMs: 20 },
    )
    expect(await objects('missed')).toHaveLength(1)
  })

  it('that is none is refused with what to write', async () => {
    await world.apply('odd', packageWith({ schedule: 'every night' }))
    const vm = await world.untilCondition('odd', 'Stalled', 'True', 'PackageInvalid')
    expect(world.condition(vm, 'Ready')?.message).toContain('write minute, hour, day, month and weekday')
  })
})
