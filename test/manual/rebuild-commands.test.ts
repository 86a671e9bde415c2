import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { aV4Pool, vpsM } from '../support/builders.ts'
import { clonesOf } from '../support/portrait.ts'
import { eventsOf } from './seen.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { commandNamed, finished, outcomeOf, press, turnOff } from './buttons.ts'

describe('a command', () => {
  let world: TestWorld
  let admin: Admin
  let pool: string

  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    admin = new Admin(world)
    pool = await world.pool(aV4Pool())
  })
  afterAll(async () => {
    await admin.close()
    await world.stop()
  })

  describe('Remove', () => {
    it('deletes the VM only: backups, disks unknown to PVE, VMID and addresses stay, and the phase is Removed', async () => {
      const vm = await world.born('removed', { package: vpsM, addresses: [{ name: 'main', poolRef: { name: pool } }] })
      const { vmid = 0, node = '' } = vm.status ?? {}
      await admin.at('POST', `/nodes/${node}/vzdump`, { vmid, storage: 'local', mode: 'snapshot' })
      await admin.at('POST', `/nodes/${node}/storage/local-lvm/content`, { vmid, filename: `vm-${vmid}-disk-9`, size: '1G', format: 'raw' })
      await turnOff(world, admin, 'removed')
      expect(await outcomeOf(world, 'removed', 'Remove')).toBe(
        `Succeeded: The operator deleted VM ${vmid} and keeps its VMID, addresses and backups.`,
      )
      expect(world.simulator.world.guests.has(vmid)).toBe(false)
      const volumes = [...world.simulator.world.storage.all()].filter((volume) => volume.vmid === vmid).map(({ name }) => name)
      expect(volumes.filter((name) => name.startsWith('backup/'))).toHaveLength(1)
      expect(volumes).toContain(`vm-${vmid}-disk-9`)
      const now = await world.untilCondition('removed', 'Ready', 'False', 'Removed')
      expect(now.status).toMatchObject({ phase: 'Removed', vmid })
      expect((await world.addresses(pool)).filter((address) => address.spec.claimRef?.uid === vm.metadata.uid)).toHaveLength(1)
      expect(await outcomeOf(world, 'removed', 'Start')).toBe('Failed: PVE has no VM of this object: the command Remove deleted it.')
    })

    it('deletes nothing while a storage of the VM is off, since its volumes would be in the way of the VM that Clone makes', async () => {
      const vm = await world.born('storage-off', { package: vpsM, addresses: [{ name: 'main', poolRef: { name: pool } }] })
      await turnOff(world, admin, 'storage-off')
      world.simulator.faults.add([{ id: 'storage-off', storage: { name: 'local-lvm', state: 'off' } }], [])
      try {
        await until('PVE shows it', async () => {
          const rows = (await world.inPve('GET', '/cluster/resources')) as { storage?: string; status?: string }[]
          return rows.some(({ storage, status }) => storage === 'local-lvm' && status !== 'available')
        })
        expect(await outcomeOf(world, 'storage-off', 'Remove')).toMatch(
          /^Failed: Storage local-lvm with disk system of VM \d+ is not available/,
        )
        expect(world.simulator.world.guests.has(vm.status?.vmid ?? 0)).toBe(true)
      } finally {
        world.simulator.faults.remove('storage-off')
      }
    })

    it('is undone by Clone, with the same VMID, MAC and addresses', async () => {
      const before = (await world.vm('removed'))!
      expect((await eventsOf(world, 'removed')).filter(({ type, reason }) => type === 'Warning' && reason !== 'CommandFailed')).toEqual([])
      const phases = new Set<string | undefined>()
      const command = await press(world, 'removed', 'Clone')
      await admin.soon('it is made', async () => {
        phases.add((await world.vm('removed'))?.status?.phase)
        return (await commandNamed(world, command))?.status?.finishedAt
      })
      expect((await commandNamed(world, command))?.status?.message).toBe('The VM was cloned and is ready.')
      expect(phases).not.toContain('Reinstalling')
      const vm = await world.untilReady('removed')
      expect((await eventsOf(world, 'removed')).map(({ reason }) => reason)).not.toContain('Reinstalled')
      expect(vm.status).toMatchObject({ phase: 'Running', localStatus: 'ready', vmid: before.status?.vmid })
      expect(vm.status?.interfaces).toEqual(before.status?.interfaces)
      expect(vm.status?.addresses).toEqual(before.status?.addresses)
      expect(vm.status?.removedAt).toBeUndefined()
      expect(await outcomeOf(world, 'removed', 'Clone')).toBe(`Failed: VM ${vm.status?.vmid} already exists.`)
    })

    it('is undone by Reinstall, too, and lets the object go', async () => {
      await turnOff(world, admin, 'removed')
      expect(await outcomeOf(world, 'removed', 'Remove')).toMatch(/^Succeeded/)
      expect(await outcomeOf(world, 'removed', 'Reinstall')).toBe('Succeeded: The VM was reinstalled and is ready.')
      await turnOff(world, admin, 'removed')
      expect(await outcomeOf(world, 'removed', 'Remove')).toMatch(/^Succeeded/)
      await world.delete('removed')
      await world.untilGone('removed')
    })
  })

  it('Remove takes all that there is of a VM that was never ready, and Clone makes it', async () => {
    const killed = { id: 'killed', route: 'POST /nodes/{node}/qemu/{vmid}/clone', task: { kill: true } }
    world.simulator.faults.add([killed], [])
    await world.apply('unborn', { placement: { node: 'pve1' } })
    const { vmid = 0 } = (await world.untilCondition('unborn', 'Stalled', 'True', 'StuckLock')).status ?? {}
    world.simulator.world.setLock(vmid, undefined)
    world.skip(301_000)
    await until('its lock is seen to be gone', async () =>
      world.condition(await world.vm('unborn'), 'Stalled')?.message.includes('lacks scsi0'),
    )
    expect(await outcomeOf(world, 'unborn', 'Remove')).toMatch(/^Succeeded/)
    expect(world.simulator.world.storage.ownedBy(vmid)).toEqual([])
    await world.untilCondition('unborn', 'Ready', 'False', 'Removed')
    expect(await outcomeOf(world, 'unborn', 'Clone')).toBe('Succeeded: The VM was cloned and is ready.')
    expect((await world.untilReady('unborn')).status).toMatchObject({ vmid, phase: 'Running' })
    expect(clonesOf(world, vmid)).toBe(1)
  })

  it('Clone on a VM that is being made leaves the making to the operator, and ends with it', async () => {
    await world.apply('young')
    const name = await press(world, 'young', 'Clone')
    const vm = await world.untilReady('young')
    const ended = await finished(world, name)
    expect(ended.status?.message).toMatch(/The VM was cloned and is ready\.|already exists|still being cloned/)
    expect(clonesOf(world, vm.status?.vmid ?? 0)).toBe(1)
  })

  it('Clone that waits for a birth ends with it and makes no second VM, also when the operator is killed at its end', async () => {
    const route = 'POST /nodes/{node}/qemu/{vmid}/clone'
    world.simulator.faults.add([{ id: 'late', route, times: 'always', status: 503, reason: 'busy' } as never], [])
    await world.apply('late')
    await until('PVE has refused the clone', async () => (await world.vm('late'))?.status?.step?.lastError)
    const name = await press(world, 'late', 'Clone')
    await until('the command has begun', async () => (await commandNamed(world, name))?.status?.startedAt)
    const vmid = (await world.vm('late'))?.status?.vmid ?? 0
    const isMade = () => world.simulator.world.guests.get(vmid)?.isRunning === true
    const death = world.operator!.wire.dieAt(({ what }) => what === 'PUT proxmoxvms/status' && isMade(), 'after')
    world.simulator.faults.remove('late')
    let isDead = false
    void death.then(() => (isDead = true))
    await admin.soon('the operator dies', () => isDead)
    await world.killOperator()
    await world.startOperator()

    const ended = await finished(world, name)
    expect(`${ended.status?.phase}: ${ended.status?.message}`).toBe('Succeeded: The VM was cloned and is ready.')
    const { status } = await world.untilReady('late')
    // As if its disk were to be made again.
    expect([status?.vmid, status?.reinstall]).toEqual([vmid, undefined])
    expect(clonesOf(world, vmid)).toBe(1)
  })

  it('Clone brings a VM back that vanished from PVE, which the operator does not do by itself', async () => {
    const vm = await world.born('vanished')
    await admin.destroy(vm)
    await admin.soon('it is missed', async () => (await world.vm('vanished'))?.status?.phase === 'Missing')
    await world.untilCondition('vanished', 'Ready', 'False', 'VMMissing')
    expect(clonesOf(world, vm.status?.vmid ?? 0)).toBe(1)
    const name = await press(world, 'vanished', 'Clone')
    await admin.soon('it ends', async () => (await commandNamed(world, name))?.status?.finishedAt)
    expect((await commandNamed(world, name))?.status?.message).toBe('The VM was cloned and is ready.')
    expect((await world.untilReady('vanished')).status?.vmid).toBe(vm.status?.vmid)
  })
})
