/** A new VM from the backup of another one (spec.template.backupRef): whose backup it may be, what it gets, and what a failure leaves. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { aV4Pool } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { aBackup, addBackupServer, backupOf, endOf, restoresWith, untilBackup, untilRetried } from './scene.ts'

const ownPackage = {
  cpu: { cores: 1 },
  memory: { size: '1Gi' },
  systemDisk: { size: '20Gi' },
  additionalDisks: [{ name: 'data', size: '4Gi' }],
  network: { bridge: 'vmbr0', firewall: true },
  firewall: { enabled: true, antiSpoofing: true, rules: [{ name: 'ssh', direction: 'in', action: 'ACCEPT', macro: 'SSH' }] },
}

describe('a VM from the backup of another one', () => {
  let world: TestWorld
  let pool: string
  let original: ProxmoxVM
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    await addBackupServer(world)
    pool = await world.pool(aV4Pool())
    // Where the files of the tests below are.
    original = await world.born('shop', { ...addressed(), placement: { node: 'pve1' } })
    await world.inPve('PUT', `${world.pathOf(original)}/config`, { startup: 'order=3' })
    for (const storage of ['pbs', 'local']) {
      await aBackup(world, `shop-${storage}`, 'shop', { storage })
      await untilBackup(world, `shop-${storage}`, 'True')
    }
    await world.inPve('PUT', `${world.pathOf(original)}/config`, { startup: 'order=5' })
  })
  afterAll(async () => await world.stop())

  const addressed = () => ({ addresses: [{ name: 'main', poolRef: { name: pool } }], package: ownPackage })
  const from = (backupRef: object, spec: object = {}) => ({ template: { backupRef }, ...addressed(), ...spec })
  const restores = () => world.writes().filter((line) => /^POST \/nodes\/[^/]+\/qemu$/.test(line))
  const macOf = (vm: ProxmoxVM) => vm.status?.interfaces?.[0]?.macAddress ?? ''
  let said = ''
  const message = async (name: string) => (said = world.condition(await world.vm(name), 'Ready')?.message ?? '')
  const untilFailed = (name: string) =>
    until(`the restore of ${name} has failed`, async () => {
      const vm = await world.vm(name)
      return vm?.status?.template?.isLeft ? vm : undefined
    })

  it.each(['pbs', 'local'])(
    'from storage %s runs beside it: other number, MAC address, address and mark, the disks of then, the package of today',
    async (storage) => {
      const name = `copy-${storage}`
      await world.apply(name, from({ name: `shop-${storage}` }))
      const vm = await world.untilReady(name, 60)
      const { vmid, addresses: own, template } = vm.status ?? {}
      expect(vmid).not.toBe(original.status?.vmid)
      expect(template).toMatchObject({ vmid: original.status?.vmid, selector: `backup=shop-${storage}` })
      expect(template?.volume).toMatch(new RegExp(`^${storage}:backup/`))
      expect(template).not.toHaveProperty('isLeft')
      expect(vm.status).not.toHaveProperty('cloneRequests')
      expect(macOf(vm)).not.toBe(macOf(original))
      expect(own?.[0]?.address).not.toBe(original.status?.addresses?.[0]?.address)
      const { config } = world.guestOf(vm)
      expect(config.get('startup')).toBe('order=3')
      expect(config.get('net0')).toContain(macOf(vm))
      expect(config.get('ipconfig0')).toContain(own?.[0]?.address)
      expect(config.get('description')).toContain(`pve.hosting/owner uid=${vm.metadata.uid} vmid=${vmid}`)
      expect(config.get('description')).not.toContain(original.metadata.uid)
      expect([...config.keys()].filter((key) => key.startsWith('scsi') && key !== 'scsihw')).toEqual(['scsi0', 'scsi1'])
      expect(vm.status?.disks).toMatchObject([{ name: 'system' }, { name: 'data', key: 'scsi1', size: '4Gi' }])
      const sets = (await world.inPve('GET', `${world.pathOf(vm)}/firewall/ipset/ipfilter-net0`)) as { cidr: string }[]
      expect(sets.map(({ cidr }) => cidr)).toEqual([own?.[0]?.address])
      expect((await world.inPve('GET', `${world.pathOf(vm)}/firewall/rules`)) as unknown[]).toHaveLength(1)
      expect([world.guestOf(vm).isRunning, world.guestOf(original).isRunning]).toEqual([true, true])
      expect(world.guestOf(original).config.get('startup')).toBe('order=5')
      await endOf(world, name)
      expect(await backupOf(world, `shop-${storage}`)).toBeDefined()
    },
  )

  it('may be one that PVE lists for a VM of the namespace, and goes with all its disks to another storage', async () => {
    const { volume } = (await backupOf(world, 'shop-pbs'))?.status ?? {}
    await world.apply('moved', from({ volume }, { template: { backupRef: { volume }, storage: 'ceph' } }))
    const vm = await world.untilReady('moved', 60)
    expect(vm.status?.disks?.map((disk) => disk.volume?.split(':')[0])).toEqual(['ceph', 'ceph'])
    await endOf(world, 'moved')
  })

  it('keeps a disk that is larger in the backup, and says so', async () => {
    await world.apply('large', from({ name: 'shop-pbs' }, { package: { ...ownPackage, additionalDisks: [{ name: 'data', size: '2Gi' }] } }))
    const vm = await world.untilReady('large', 60)
    expect(world.condition(vm, 'PackageApplied')).toMatchObject({ status: 'False', reason: 'DiskShrinkRefused' })
    expect(vm.status?.disks).toMatchObject([{ size: '20Gi' }, { name: 'data', size: '4Gi' }])
    await endOf(world, 'large')
  })

  it('is refused with clear words, and nothing is asked of PVE, where the backup is not there, not of this namespace, or not fit', async () => {
    const { vmid = 0 } = original.status ?? {}
    const nowMs = world.simulator.world.clock.now()
    const former = world.addBackup(vmid, nowMs - 86_400_000)
    const broken = world.addBackup(vmid, nowMs + 60_000)
    const strange = world.addBackup(9000, nowMs)
    const big = { ...ownPackage, systemDisk: { size: '90Ti' } }
    const tries = [
      ['none', from({ name: 'nobody' }), 'BackupNotFound', /ProxmoxVMBackup "nobody" does not exist/],
      ['former', from({ volume: `local:${former.name}` }), 'BackupNotFound', /another guest with VMID/],
      ['broken', from({ volume: `local:${broken.name}` }), 'BackupUnreadable', /cannot read the configuration/],
      ['strange', from({ volume: `local:${strange.name}` }), 'BackupNotFound', /No ProxmoxVM of namespace .* has VMID 9000/],
      ['missing', from({ volume: `pbs:backup/vm/${vmid}/2020-01-01T00:00:00Z` }), 'BackupNotFound', /PVE lists no backup/],
      ['big', from({ name: 'shop-pbs' }, { package: big }), 'NoCapacity', /no node has room/i],
      ['far', from({ name: 'shop-local' }, { placement: { node: 'pve2' } }), 'NoCapacity', /pve2 .* does not reach/],
    ] as const
    world.simulator.requests.reset()
    for (const [name, spec, reason, words] of tries) {
      await world.apply(name, spec)
      const stalled = await world.untilCondition(name, 'Stalled', 'True', reason)
      expect(world.condition(stalled, 'Ready')?.message).toMatch(words)
      expect(stalled.status?.vmid).toBeUndefined()
      await world.delete(name)
    }
    expect(restores()).toEqual([])
  })

  it('whose restore fails is tried again in the same number, onto the empty guest that PVE has left there', async () => {
    restoresWith(world, { fail: 'vma extract failed' })
    await world.apply('again', from({ name: 'shop-local' }))
    const failed = await untilFailed('again')
    const { vmid } = failed.status ?? {}
    expect([...(world.simulator.world.guests.get(vmid ?? 0)?.config.keys() ?? [])]).toEqual(['memory'])
    restoresWith(world)
    await untilRetried(world, 'it is tried again', async () => world.condition(await world.vm('again'), 'Ready')?.status === 'True', {
      seconds: 60,
      describe: () => world.simulator.world.guests.get(vmid ?? 0)?.config,
    })
    const vm = await world.untilReady('again')
    expect(vm.status?.vmid).toBe(vmid)
    expect(vm.status?.template).not.toHaveProperty('isLeft')
    expect(world.guestOf(vm).config.get('startup')).toBe('order=3')
    await endOf(world, 'again')
  })

  it('that is deleted after its restore has failed leaves nothing in PVE', async () => {
    restoresWith(world, { fail: 'vma extract failed' })
    await world.apply('short', from({ name: 'shop-pbs' }))
    const failed = await untilFailed('short')
    await endOf(world, 'short')
    restoresWith(world)
    expect(world.simulator.world.guests.has(failed.status?.vmid ?? 0)).toBe(false)
  })

  it('whose restore was killed under its lock is told with the command, and goes on once an admin has run it', async () => {
    restoresWith(world, { kill: true })
    await world.apply('killed', from({ name: 'shop-pbs' }))
    const { vmid = 0, node = '' } = await until('its place is chosen', async () => {
      const { status } = (await world.vm('killed')) ?? {}
      return status?.vmid !== undefined && status.node !== undefined && status
    })
    await until('its restore has died', () =>
      world.simulator.world.tasks
        .onNode(node)
        .some(({ type, id, exitstatus }) => type === 'qmrestore' && id === String(vmid) && exitstatus !== undefined),
    )
    restoresWith(world)
    expect(world.simulator.world.guests.get(vmid)?.config.get('lock')).toBe('create')
    await untilRetried(world, 'it is told', async () => (await message('killed')).includes(`qm unlock ${vmid}`), {
      seconds: 60,
      describe: () => said,
    })
    expect(await message('killed')).toMatch(/has the lock "create" and no task of PVE works on it.*the restore was killed/)
    expect(await message('killed')).toContain(`pvesm list STORAGE --vmid ${vmid}`)
    world.simulator.world.guests.get(vmid)?.config.delete('lock')
    for (const volume of world.simulator.world.storage.ownedBy(vmid)) world.simulator.world.storage.remove(volume)
    await untilRetried(
      world,
      'it is made',
      async () => {
        await message('killed')
        return world.condition(await world.vm('killed'), 'Ready')?.status === 'True'
      },
      { describe: () => said },
    )
    expect((await world.vm('killed'))?.status?.vmid).toBe(vmid)
    await endOf(world, 'killed')
  })

  it('is not reinstalled from its backup: a reinstall names a template', async () => {
    await world.apply('fresh', from({ name: 'shop-pbs' }))
    await world.untilReady('fresh', 60)
    await world.edit('fresh', { spec: { reinstall: { requestID: 'r1' } } })
    const stalled = await world.untilCondition('fresh', 'Stalled', 'True', 'TemplateNotFound')
    expect(world.condition(stalled, 'Ready')?.message).toMatch(/nothing was deleted.*spec.template names a backup/)
    await world.edit('fresh', { spec: { reinstall: { requestID: 'r2', template: { name: 'debian-13' } } } })
    const vm = await untilRetried(
      world,
      'it is reinstalled',
      async () => {
        const now = await world.vm('fresh')
        return now?.status?.reinstall?.completedIDs.includes('r2') && world.condition(now, 'Ready')?.status === 'True' ? now : undefined
      },
      { describe: () => said },
    )
    expect(vm.status?.template).toMatchObject({ name: 'debian-13' })
    expect(vm.status?.template).not.toHaveProperty('volume')
    await endOf(world, 'fresh')
  })
})
