import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { poolAddresses, secrets } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { aV4Pool } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('the end of a VM', () => {
  let world: TestWorld
  let pool: string
  beforeAll(async () => {
    world = await TestWorld.start({
      speed: 20,
      scenario: {
        tokens: [...tokens],
        roles: { NoBackup: withoutBackup },
        users: [{ userid: 'root@pam' }, { userid: 'op@pve' }],
        acl: [{ path: '/', type: 'user', ugid: 'op@pve', roleid: 'NoBackup' }],
      },
    })
    pool = await world.pool(aV4Pool())
  })
  afterAll(async () => await world.stop())

  const born = (name: string, spec: object = {}): Promise<ProxmoxVM> =>
    world.born(name, { addresses: [{ name: 'main', poolRef: { name: pool } }], ...spec })
  const addressOf = async (vm: ProxmoxVM) =>
    (await world.addresses(pool)).find(({ spec }) => spec.address === vm.status?.addresses?.[0]?.address)
  const isInPve = (vm: ProxmoxVM) => world.simulator.world.guests.has(vm.status?.vmid ?? 0)
  const backupsOf = (vm: ProxmoxVM) =>
    world.simulator.world.storage.ownedBy(vm.status?.vmid ?? 0).filter(({ content }) => content === 'backup')

  it('by Terminate takes snapshots and its own backups with it, protected ones too, and not those of a former holder of the number', async () => {
    const vm = await born('whole', { cloudInit: { user: 'admin', generatePassword: true } })
    const vmid = vm.status?.vmid ?? 0
    const former = world.addBackup(vmid, Date.parse(vm.metadata.creationTimestamp ?? '') - 86_400_000)
    world.addBackup(vmid, world.simulator.world.clock.now() + 1000)
    world.addBackup(vmid, world.simulator.world.clock.now() + 2000, { isProtected: true })
    await world.inPve('POST', `${world.pathOf(vm)}/snapshot`, { snapname: 'one' })
    await world.delete('whole')
    await world.untilGone('whole')
    expect(isInPve(vm)).toBe(false)
    expect(backupsOf(vm).map(({ name }) => name)).toEqual([former.name])
    expect(await world.client.get(secrets, { namespace: world.namespace, name: 'whole-credentials' })).toBeUndefined()
    const address = await addressOf(vm)
    expect(address?.spec.claimRef).toBeUndefined()
    expect(address?.spec.history?.at(-1)).toMatchObject({ name: 'whole', uid: vm.metadata.uid, vmid })
  })

  it('by Remove waits until the VM is off, and leaves its backups', async () => {
    const vm = await born('removed', { deletionPolicy: 'Remove' })
    world.addBackup(vm.status?.vmid ?? 0, world.simulator.world.clock.now() + 1000)
    await world.delete('removed')
    await world.untilCondition('removed', 'Stalled', 'True', 'VMRunning')
    expect((await addressOf(vm))?.spec.claimRef?.uid).toBe(vm.metadata.uid)
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    world.clock.skip(301_000)
    await world.untilGone('removed')
    expect(isInPve(vm)).toBe(false)
    expect(backupsOf(vm)).toHaveLength(1)
    expect((await addressOf(vm))?.spec.claimRef).toBeUndefined()
  })

  it('by Orphan touches nothing, and its address stays held until an admin deletes the PoolAddress', async () => {
    const vm = await born('orphan', { deletionPolicy: 'Orphan' })
    world.simulator.requests.reset()
    await world.delete('orphan')
    await world.untilGone('orphan')
    expect(world.writes()).toEqual([])
    expect(world.guestOf(vm).isRunning).toBe(true)
    const held = await addressOf(vm)
    expect(held?.spec).toMatchObject({ state: 'Orphaned', orphaned: true })
    await world.client.delete(poolAddresses, { name: held?.metadata.name ?? '' })
    await until('the address is free', async () => !(await addressOf(vm))?.spec.claimRef)
  })

  it('does not mind that the VM was removed by hand before', async () => {
    const vm = await born('by-hand')
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    await world.inPve('DELETE', world.pathOf(vm))
    await world.delete('by-hand')
    await world.untilGone('by-hand')
    expect((await addressOf(vm))?.spec.claimRef).toBeUndefined()
  })

  it('keeps everything while PVE protects the VM', async () => {
    const vm = await born('protected')
    await world.inPve('POST', `${world.pathOf(vm)}/config`, { protection: 1 })
    await world.delete('protected')
    await world.untilCondition('protected', 'Stalled', 'True', 'Protected')
    expect((await addressOf(vm))?.spec.claimRef?.uid).toBe(vm.metadata.uid)
    await world.inPve('POST', `${world.pathOf(vm)}/config`, { protection: 0 })
    world.clock.skip(301_000)
    await world.untilGone('protected')
    expect(isInPve(vm)).toBe(false)
  })

  it('is refused by the API server where deletionProtection says so', async () => {
    await born('kept', { deletionProtection: true })
    await expect(world.delete('kept')).rejects.toThrow(/deletionProtection/)
    await world.edit('kept', { spec: { deletionProtection: false } })
    await world.delete('kept')
    await world.untilGone('kept')
  })

  it('leaves a stranger that has the number alone', async () => {
    const vm = await born('replaced')
    await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
    await world.inPve('DELETE', world.pathOf(vm))
    world.addGuest(vm.status?.vmid ?? 0, 'pve2')
    await world.delete('replaced')
    await world.untilGone('replaced')
    expect(world.guestOf(vm).config.get('name')).toBe('stranger')
    world.simulator.world.guests.delete(vm.status?.vmid ?? 0)
  })

  describe('that comes while the VM is being made', () => {
    const phases = [
      ['its address is claimed', 'POST pooladdresses'],
      ['the intent is written', 'PUT proxmoxvms/status'],
      ['the clone is asked for', 'POST /nodes/{node}/qemu/{vmid}/clone'],
      ['the configuration is sent', 'POST /nodes/{node}/qemu/{vmid}/config'],
      ['the disk grows', 'PUT /nodes/{node}/qemu/{vmid}/resize'],
      ['rules are written', 'POST /nodes/{node}/qemu/{vmid}/firewall/rules'],
      ['it is started', 'POST /nodes/{node}/qemu/{vmid}/status/start'],
    ] as const
    it.each(phases)('just when %s leaves nothing', async (_, what) => {
      const name = `cut-${phases.findIndex(([, other]) => other === what)}`
      let deletion: Promise<void> | undefined
      world.operator?.wire.judgedBy((write) => {
        // The status of another VM may be written as well.
        if (write.what === what && (write.name ?? name) === name) deletion ??= world.delete(name)
        return 'pass'
      })
      const firewall = { enabled: true, rules: [{ name: 'ssh', direction: 'in', action: 'ACCEPT', macro: 'SSH' }] }
      await world.apply(name, {
        addresses: [{ name: 'main', poolRef: { name: pool } }],
        package: {
          memory: { size: '1Gi' },
          cpu: { cores: 2 },
          systemDisk: { size: '20Gi' },
          additionalDisks: [{ name: 'data', size: '1Gi' }],
          firewall,
        },
      })
      await until('it came that far', () => deletion !== undefined)
      await deletion
      await world.untilGone(name)
      world.operator?.wire.judgedBy(() => 'pass')
      expect(world.guests().filter((guest) => guest.config.get('description')?.includes(`/${name},`))).toEqual([])
      expect((await world.addresses(pool)).filter(({ spec }) => spec.claimRef?.name === name)).toEqual([])
    })
  })

  it('frees the addresses, and the object stays and names the privilege when backups cannot be seen', async () => {
    await world.login('op@pve!weak', 'weak')
    const vm = await born('unseen')
    world.addBackup(vm.status?.vmid ?? 0, world.simulator.world.clock.now() + 1000)
    await world.delete('unseen')
    const waiting = await world.untilCondition('unseen', 'Stalled', 'True', 'PermissionDenied')
    expect(world.condition(waiting, 'Stalled')?.message).toContain('VM.Backup')
    expect(isInPve(vm)).toBe(false)
    expect((await addressOf(vm))?.spec.claimRef).toBeUndefined()
    await world.login('root@pam!sim', 'sim')
    world.clock.skip(301_000)
    await world.untilGone('unseen')
    expect(backupsOf(vm)).toEqual([])
  })
})

const tokens = [
  { tokenid: 'root@pam!sim', secret: 'sim', privsep: false },
  { tokenid: 'op@pve!weak', secret: 'weak', privsep: false },
]
const withoutBackup = [
  'VM.Allocate',
  'VM.Clone',
  'VM.Audit',
  'VM.PowerMgmt',
  'VM.Config.Disk',
  'VM.Config.CPU',
  'VM.Config.Memory',
  'VM.Config.Network',
  'VM.Config.Options',
  'VM.Config.Cloudinit',
  'VM.Config.HWType',
  'VM.Config.CDROM',
  'Datastore.Audit',
  'Datastore.AllocateSpace',
  'Datastore.Allocate',
  'Sys.Audit',
  'SDN.Use',
  'SDN.Audit',
  'Pool.Audit',
]
