import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { vpsM } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('a VM that was ready', () => {
  let world: TestWorld
  let vm: ProxmoxVM
  const config = (key: string) => world.guestOf(vm).config.get(key)
  const edit = (fields: object) => world.edit('web', { spec: { package: fields } })

  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    await world.apply('web', { package: { ...vpsM, network: { ...vpsM.network, bridge: 'vmbr0' } }, cloudInit: { user: 'admin' } })
    vm = await world.untilReady('web')
  })
  afterAll(async () => await world.stop())

  describe('and is edited', () => {
    it('takes live what PVE takes live, and is Ready meanwhile at most Reconciling', async () => {
      await edit({ cpu: { units: 300, limit: '2' }, systemDisk: { size: '45Gi' }, network: { rateMbit: 200 } })
      await world.untilReady('web')
      expect([config('cpuunits'), config('cpulimit')]).toEqual(['300', '2'])
      expect(config('scsi0')).toContain('size=45G')
      expect(config('net0')).toContain('rate=25')
      expect(world.guestOf(vm).isRunning).toBe(true)
    })

    it('refuses to shrink a disk and applies the rest', async () => {
      await edit({ systemDisk: { size: '45Gi' } })
      await until('the disk has grown', () => config('scsi0')?.includes('size=45G') === true)
      await edit({ systemDisk: { size: '20Gi' }, cpu: { units: 350 } })
      const after = await world.untilCondition('web', 'PackageApplied', 'False', 'DiskShrinkRefused')
      expect(config('scsi0')).toContain('size=45G')
      expect(config('cpuunits')).toBe('350')
      expect(world.condition(after, 'Ready')?.status).toBe('True')
      await edit({ systemDisk: { size: '45Gi' } })
      await world.untilCondition('web', 'PackageApplied', 'True')
    })

    it('gets a disk, keeps it when it leaves the package, and gives it up only where the package said so', async () => {
      const data = vpsM.additionalDisks[0]
      const kept = { name: 'kept', size: '2Gi', storage: 'ceph' }
      const passing = { name: 'passing', size: '3Gi', storage: 'ceph', removalPolicy: 'Delete' }
      await edit({ additionalDisks: [data, kept, passing] })
      const after = await world.untilReady('web')
      const keyOf = (name: string) => after.status?.disks?.find((disk) => disk.name === name)?.key ?? ''
      expect(config(keyOf('kept'))).toContain('size=2G')
      expect(config(keyOf('passing'))).toContain('size=3G')
      const volumes = () => world.simulator.world.storage.ownedBy(vm.status?.vmid ?? 0).filter(({ storage }) => storage === 'ceph').length
      expect(volumes()).toBe(2)

      await edit({ additionalDisks: [data] })
      await world.untilCondition('web', 'PackageApplied', 'False', 'DiskKept')
      await until('the volume is freed', () => volumes() === 1)
      expect(config(keyOf('kept'))).toContain('size=2G')
      expect(config(keyOf('passing'))).toBeUndefined()
      await edit({ additionalDisks: [data, kept] })
      await world.untilCondition('web', 'PackageApplied', 'True')
      expect(volumes()).toBe(1)
    })

    it('grows a disk it has', async () => {
      await edit({
        additionalDisks: [
          { ...vpsM.additionalDisks[0], size: '120Gi' },
          { name: 'kept', size: '2Gi', storage: 'ceph' },
        ],
      })
      await world.untilReady('web')
      expect(config('scsi1')).toContain('size=120G')
    })
  })

  describe('and is changed by hand in PVE', () => {
    const marker = 'pve.hosting/rule='
    const rules = () => world.simulator.world.firewall.get(vm.status?.vmid ?? 0)?.rules ?? []
    const names = () => rules().map(({ comment }) => comment?.split(' ')[0]?.replace(marker, ''))
    const audit = () => world.clock.skip(70_000)

    it('gets back what was ours, and keeps what is not', async () => {
      await edit({ cpu: { units: 350 } })
      await until('the edit is applied', () => config('cpuunits') === '350')
      await world.untilReady('web')
      const base = world.pathOf(vm)
      await world.inPve('POST', `${base}/firewall/rules`, { type: 'in', action: 'ACCEPT', enable: 1, comment: 'by an admin' })
      await world.inPve('DELETE', `${base}/firewall/rules/2`)
      const scsi0 = config('scsi0')?.replace(/,mbps_rd=\d+/, '') ?? ''
      await world.inPve('POST', `${base}/config`, {
        scsi0,
        tags: 'backup-weekly',
        cpuunits: 77,
        description: `${config('description')}\nowner: Jo`,
      })
      await until(
        'everything is back',
        async () => {
          audit()
          return (
            names().join() === 'ssh,web,icmp,no-smtp,by' &&
            config('cpuunits') === '350' &&
            config('scsi0')?.includes('mbps_rd=200') === true &&
            config('tags')?.includes('pve-operator') === true
          )
        },
        { everyMs: 300 },
      )
      await world.untilReady('web')
      expect(names()).toEqual(['ssh', 'web', 'icmp', 'no-smtp', 'by'])
      expect(config('tags')?.split(/[;, ]/).toSorted()).toEqual(['backup-weekly', 'pve-operator'])
      expect(config('description')).toContain('owner: Jo')
      const history = (await world.vm('web'))?.status?.history?.filter(({ outcome }) => outcome === 'Repaired') ?? []
      expect(history.length).toBeGreaterThan(0)
    })

    it('is left alone while it is paused', async () => {
      await edit({ cpu: { limit: '2' } })
      await until('the edit is applied', () => config('cpulimit') === '2')
      await world.untilReady('web')
      await world.edit('web', { metadata: { annotations: { 'pve.hosting/paused': 'true' } } })
      await world.untilCondition('web', 'Paused', 'True')
      await edit({ cpu: { units: 111 } })
      await world.inPve('POST', `${world.pathOf(vm)}/config`, { cpulimit: 7 })
      world.simulator.requests.reset()
      for (let look = 0; look < 3; look++) {
        audit()
        await until('another listing has come', () => world.requests().length > look)
      }
      expect(world.writes()).toEqual([])
      expect(config('cpulimit')).toBe('7')
      await world.edit('web', { metadata: { annotations: { 'pve.hosting/paused': null } } })
      const after = await world.untilReady('web')
      expect([config('cpulimit'), config('cpuunits')]).toEqual(['2', '111'])
      expect(world.condition(after, 'Paused')).toBeUndefined()
    })

    it('is followed to another node', async () => {
      const target = ['pve1', 'pve2', 'pve3'].find((node) => node !== vm.status?.node) ?? ''
      await world.inPve('POST', `${world.pathOf(vm)}/migrate`, { target, online: 1, 'with-local-disks': 1 })
      await until(
        'the new node is in status',
        async () => {
          world.clock.skip(10_000)
          return (await world.vm('web'))?.status?.node === target
        },
        { everyMs: 200 },
      )
      await edit({ cpu: { units: 222 } })
      vm = await world.untilReady('web')
      expect(config('cpuunits')).toBe('222')
    })

    it('is shown off when it is off, and left so under Once', async () => {
      await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
      await until(
        'it is shown as stopped',
        async () => {
          world.clock.skip(10_000)
          return world.condition(await world.vm('web'), 'Ready')?.reason === 'Stopped'
        },
        { everyMs: 300 },
      )
      expect(world.guestOf(vm).isRunning).toBe(false)
    })

    it('is not touched once its mark is gone', async () => {
      await world.inPve('POST', `${world.pathOf(vm)}/config`, { description: 'mine now', cpuunits: 1 })
      await until(
        'it is judged',
        async () => {
          audit()
          return world.condition(await world.vm('web'), 'Ready')?.reason === 'VMForeign'
        },
        { everyMs: 300 },
      )
      expect(config('cpuunits')).toBe('1')
    })
  })

  it('is never cloned again by itself when it is gone', async () => {
    await world.apply('lost')
    const lost = await world.untilReady('lost')
    await world.inPve('POST', `${world.pathOf(lost)}/status/stop`)
    await world.inPve('DELETE', world.pathOf(lost))
    await until(
      'it is missing',
      async () => {
        world.clock.skip(10_000)
        return world.condition(await world.vm('lost'), 'Ready')?.reason === 'VMMissing'
      },
      { everyMs: 200 },
    )
    const { status } = (await world.vm('lost')) ?? {}
    expect([status?.phase, status?.vmid]).toEqual(['Missing', lost.status?.vmid])
    world.clock.skip(400_000)
    await world.apply('witness')
    await world.untilReady('witness')
    expect(world.simulator.world.guests.has(lost.status?.vmid ?? 0)).toBe(false)
    await world.delete('lost')
    await world.untilGone('lost')
  })

  it('runs as its runStrategy says', async () => {
    await world.apply('always', { runStrategy: 'Always' })
    await world.apply('halted', { runStrategy: 'Halted' })
    const [always, halted] = [await world.untilReady('always'), await world.untilReady('halted')]
    expect([world.guestOf(always).isRunning, world.guestOf(halted).isRunning]).toEqual([true, false])
    expect([world.guestOf(always).config.get('onboot'), world.guestOf(halted).config.get('onboot') ?? '0']).toEqual(['1', '0'])
    await world.inPve('POST', `${world.pathOf(always)}/status/stop`)
    await world.inPve('POST', `${world.pathOf(halted)}/status/start`)
    await until(
      'both are as declared again',
      () => {
        world.clock.skip(10_000)
        return world.guestOf(always).isRunning && !world.guestOf(halted).isRunning
      },
      { everyMs: 300 },
    )
  })
})
