import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { proxmoxVMs } from '../../src/api/meta.ts'
import { aV4Pool, vpsM } from '../support/builders.ts'
import { hold } from '../support/hold.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { outcomeOf } from './buttons.ts'

describe('a suspension', () => {
  let world: TestWorld
  let admin: Admin

  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20, limits: { limits: { fullClonesPerNode: 1 } } })
    admin = new Admin(world)
  })
  afterAll(async () => {
    await admin.close()
    await world.stop()
  })

  /** As a billing system does it: its own entry, by server-side apply under its own name. */
  const suspend = async (name: string, by: string, reasons: readonly string[]) =>
    await world.client.apply(
      proxmoxVMs,
      {
        apiVersion: 'pve.hosting/v1alpha1',
        kind: 'ProxmoxVM',
        metadata: { name, namespace: world.namespace },
        spec: { suspensions: reasons.map((reason) => ({ by, reason })) },
      } as never,
      { fieldManager: by },
    )
  const born = async (name: string) => {
    await world.apply(name)
    return await world.untilReady(name)
  }
  const suspended = (name: string) => world.untilCondition(name, 'Suspended', 'True')
  const unsuspended = (name: string) => world.untilCondition(name, 'Suspended', 'False', 'NotSuspended')

  it('of two holders keeps the VM off until both have let go', async () => {
    await world.apply('two-holders')
    await world.untilReady('two-holders')
    await suspend('two-holders', 'billing', ['unpaid'])
    const vm = await suspended('two-holders')
    expect(admin.isRunning(vm)).toBe(false)
    expect(admin.config(vm).onboot).toBe('0')
    await until('the phase says so', async () => (await world.vm('two-holders'))?.status?.phase === 'Suspended')
    expect(world.condition(await world.untilReady('two-holders'), 'Ready')).toMatchObject({ status: 'True', reason: 'Suspended' })

    await suspend('two-holders', 'abuse', ['spam'])
    await until('both are named', async () => {
      const message = world.condition(await world.vm('two-holders'), 'Suspended')?.message ?? ''
      return message.includes('billing (unpaid)') && message.includes('abuse (spam)')
    })
    await suspend('two-holders', 'billing', [])
    await until('one is left', async () => {
      const message = world.condition(await world.vm('two-holders'), 'Suspended')?.message ?? ''
      return !message.includes('billing') && message.includes('abuse (spam)')
    })
    expect(admin.isRunning(await world.untilReady('two-holders'))).toBe(false)

    await suspend('two-holders', 'abuse', [])
    await unsuspended('two-holders')
    const back = await world.untilReady('two-holders')
    expect(admin.isRunning(back)).toBe(true)
    expect(admin.config(back).onboot).toBe('1')
    expect(back.status?.history?.some((line) => line.step === 'stop')).toBe(false)
  })

  it('refuses Start and names the holders', async () => {
    await born('refused')
    await suspend('refused', 'billing', ['unpaid'])
    await suspended('refused')
    expect(await outcomeOf(world, 'refused', 'Start')).toBe(
      'Failed: The VM is suspended by billing (unpaid); the VM starts when the last suspension is removed.',
    )
    expect(admin.isRunning(await world.vm('refused'))).toBe(false)
  })

  it('is enforced again when somebody starts the VM in PVE, and says meanwhile that it is not off', async () => {
    await born('restarted')
    await suspend('restarted', 'billing', ['unpaid'])
    const vm = await suspended('restarted')
    await admin.start(vm)
    await admin.soon('the VM is off again', () => !admin.isRunning(vm))
    await suspended('restarted')
    await world.untilReady('restarted')
  })

  it('cuts the power of a guest that does not obey, after shutdownTimeout', async () => {
    await world.apply('deaf', { shutdownTimeout: '20s' })
    const vm = await world.untilReady('deaf')
    const { durations } = world.simulator.world.spec
    durations.guestsObeyShutdown = false
    try {
      await suspend('deaf', 'billing', ['unpaid'])
      await suspended('deaf')
    } finally {
      durations.guestsObeyShutdown = true
    }
    expect(admin.isRunning(vm)).toBe(false)
    const log = world.requests().filter((line) => line.includes(`/qemu/${vm.status?.vmid}/status/`) && line.startsWith('POST'))
    expect(log.filter((line) => line.endsWith('shutdown'))).toHaveLength(1)
  })

  it('that goes away while the guest is still shutting down starts the VM again', async () => {
    await world.apply('quick')
    const vm = await world.untilReady('quick')
    const letGo = hold(world, 'POST /nodes/{node}/qemu/{vmid}/status/shutdown', vm.status?.vmid)
    await suspend('quick', 'billing', ['unpaid'])
    const shutdowns = () => world.simulator.world.tasks.onNode(vm.status?.node ?? '').filter(({ type }) => type === 'qmshutdown')
    const its = () => shutdowns().find(({ id }) => id === `${vm.status?.vmid}`)
    await until('it is being shut down', its)
    await suspend('quick', 'billing', [])
    letGo()
    await until('it was off', () => its()?.endtime)
    await until('it runs', () => admin.isRunning(vm))
    await unsuspended('quick')
  })

  it('leaves a Halted VM off when it goes', async () => {
    await world.apply('halted', { runStrategy: 'Halted' })
    await world.untilReady('halted')
    await suspend('halted', 'billing', ['unpaid'])
    await suspended('halted')
    await suspend('halted', 'billing', [])
    await unsuspended('halted')
    const vm = await world.untilReady('halted')
    expect(admin.isRunning(vm)).toBe(false)
    expect(admin.config(vm).onboot ?? '0').toBe('0')
  })

  it('during creation lets the ladder end and keeps the VM off; without it the VM starts', async () => {
    const letGo = hold(world, 'POST /nodes/{node}/qemu/{vmid}/clone')
    await world.apply('young')
    await until('it is being cloned', async () => (await world.vm('young'))?.status?.localStatus === 'clone')
    await suspend('young', 'billing', ['unpaid'])
    letGo()
    const vm = await world.untilReady('young')
    expect(world.condition(vm, 'Suspended')?.status).toBe('True')
    expect(admin.isRunning(vm)).toBe(false)
    await admin.start(vm)
    await admin.soon('the VM is off again', () => !admin.isRunning(vm))
    await suspend('young', 'billing', [])
    await until('it runs', () => admin.isRunning(vm))
    await world.untilReady('young')
  })

  it('during a change of package ends with the package applied and the VM off', async () => {
    await world.apply('changing')
    const vm = await world.untilReady('changing')
    const letGo = hold(world, 'POST /nodes/{node}/qemu/{vmid}/status/shutdown', vm.status?.vmid)
    await world.edit('changing', { spec: { package: { memory: { size: '2Gi' } } } })
    await until('the change is under way', async () => (await world.vm('changing'))?.status?.localStatus === 'change_package')
    await suspend('changing', 'billing', ['unpaid'])
    letGo()
    await suspended('changing')
    const now = await world.untilReady('changing')
    expect(admin.isRunning(vm)).toBe(false)
    expect(admin.config(now)).toMatchObject({ memory: '2048', onboot: '0' })
    expect(now.status?.change).toBeUndefined()
    await suspend('changing', 'billing', [])
    await until('it runs', () => admin.isRunning(vm))
  })

  it('during a reinstall ends with the VM made anew and off', async () => {
    await world.apply('reinstalling')
    const vm = await world.untilReady('reinstalling')
    const letGo = hold(world, 'POST /nodes/{node}/qemu/{vmid}/clone')
    await world.edit('reinstalling', { spec: { reinstall: { requestID: 'one' } } })
    await until('it is under way', async () => (await world.vm('reinstalling'))?.status?.reinstall?.running)
    await suspend('reinstalling', 'billing', ['unpaid'])
    letGo()
    await until('it is done', async () => (await world.vm('reinstalling'))?.status?.reinstall?.completedIDs?.includes('one'))
    await suspended('reinstalling')
    const now = await world.untilReady('reinstalling')
    expect(now.status?.vmid).toBe(vm.status?.vmid)
    expect(admin.isRunning(now)).toBe(false)
    await suspend('reinstalling', 'billing', [])
    await until('it runs', () => admin.isRunning(now))
  })

  it('of a VM that has gone from PVE does not keep it from being made anew', async () => {
    await world.apply('vanished')
    const vm = await world.untilReady('vanished')
    await suspend('vanished', 'billing', ['unpaid'])
    await suspended('vanished')
    await admin.destroy(vm)
    await admin.soon('it is missed', async () => (await world.vm('vanished'))?.status?.phase === 'Missing')
    await world.edit('vanished', { spec: { reinstall: { requestID: 'again' } } })
    await until('it is done', async () => (await world.vm('vanished'))?.status?.reinstall?.completedIDs?.includes('again'))
    expect(admin.isRunning(await world.untilReady('vanished'))).toBe(false)
  })

  it('holds whatever else is wrong with the object', async () => {
    await world.apply('broken')
    const vm = await world.untilReady('broken')
    await world.edit('broken', {
      spec: { packageRef: { name: 'there-is-none' }, suspensions: [{ by: 'abuse', reason: 'spam' }] },
    })
    await until('it is off', () => !admin.isRunning(vm))
    await world.untilCondition('broken', 'Ready', 'False', 'PackageNotFound')
    await suspended('broken')
  })

  it('does not wait behind clones, and neither do power and removal', async () => {
    const pool = await world.pool(aV4Pool())
    await world.apply('patient')
    await world.apply('goner')
    const patient = await world.untilReady('patient')
    const goner = await world.untilReady('goner')
    world.simulator.world.spec.durations.cloneFullMsPerGiB = 60_000
    try {
      for (const index of [1, 2, 3, 4, 5, 6])
        await world.apply(`crowd-${index}`, { package: vpsM, addresses: [{ name: 'main', poolRef: { name: pool } }] })
      await until('somebody waits for a slot', async () => {
        const all = await world.client.list(proxmoxVMs, { namespace: world.namespace })
        return all.some((vm) => world.condition(vm, 'Ready')?.reason === 'Queued')
      })
      await suspend('patient', 'billing', ['unpaid'])
      await suspended('patient')
      expect(admin.isRunning(patient)).toBe(false)
      await suspend('patient', 'billing', [])
      await until('it runs', () => admin.isRunning(patient))
      expect(await outcomeOf(world, 'patient', 'Stop')).toBe('Succeeded: PVE cut the power.')
      await world.delete('goner')
      await world.untilGone('goner')
      expect(world.simulator.world.guests.has(goner.status?.vmid ?? 0)).toBe(false)
      const all = await world.client.list(proxmoxVMs, { namespace: world.namespace })
      expect(all.filter((vm) => vm.metadata.name.startsWith('crowd') && vm.status?.firstReadyAt)).toEqual([])
    } finally {
      world.simulator.world.spec.durations.cloneFullMsPerGiB = 200
    }
  })
})
