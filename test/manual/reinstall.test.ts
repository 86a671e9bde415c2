import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { secrets } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { aV4Pool, vpsM } from '../support/builders.ts'
import { hold } from '../support/hold.ts'
import { clonesOf } from '../support/portrait.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { Admin } from './admin.ts'
import { commandNamed, finished, outcomeOf, press } from './buttons.ts'

describe('a reinstall', () => {
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

  const ask = (name: string, reinstall: object | null) => world.edit(name, { spec: { reinstall } })
  const done = async (name: string, requestID: string) => {
    await until(`${requestID} is done`, async () => (await world.vm(name))?.status?.reinstall?.completedIDs?.includes(requestID))
    return await world.untilReady(name)
  }
  const password = async (name: string) =>
    (await world.client.get(secrets, { namespace: world.namespace, name: `${name}-credentials` }))?.data?.password
  const completed = (vm: ProxmoxVM | undefined) => vm?.status?.reinstall?.completedIDs

  describe('by requestID', () => {
    it('makes the VM anew: disks, snapshots and password go; VMID, MAC, names, addresses and backups stay', async () => {
      await world.apply('anew', {
        package: vpsM,
        addresses: [{ name: 'main', poolRef: { name: pool } }],
        cloudInit: { user: 'admin', generatePassword: true },
      })
      const before = await world.untilReady('anew')
      const first = await password('anew')
      const { vmid = 0 } = before.status ?? {}
      const uuid = admin.config(before).smbios1
      await admin.call('POST', before, '/snapshot', { snapname: 'old' })
      await admin.at('POST', `/nodes/${before.status?.node}/vzdump`, { vmid, storage: 'local', mode: 'snapshot' })
      const backups = () => [...world.simulator.world.storage.all()].filter((volume) => volume.content === 'backup' && volume.vmid === vmid)
      expect(backups()).toHaveLength(1)

      const seen = new Set<string>()
      const note = async () => seen.add(`${(await world.vm('anew'))?.status?.localStatus}`)
      // Each status is there until the next write at least.
      world.operator!.wire.beforeKube = async () => void (await note())
      await ask('anew', { requestID: '2026-01-01' })
      await until('it is done', async () => completed(await world.vm('anew'))?.includes('2026-01-01'))
      world.operator!.wire.beforeKube = () => undefined
      const after = await world.untilReady('anew')
      expect([...seen].filter((word) => word !== 'ready')[0]).toBe('reinstall')
      expect(after.status).toMatchObject({ localStatus: 'ready', progress: '12/12', remoteStatus: 'running', vmid })
      expect(after.status?.interfaces).toEqual(before.status?.interfaces)
      expect(after.status?.addresses).toEqual(before.status?.addresses)
      expect(after.status?.hostname).toBe(before.status?.hostname)
      expect(after.status?.firstReadyAt).toBe(before.status?.firstReadyAt)
      expect(admin.config(after).smbios1).not.toBe(uuid)
      expect(admin.config(after)).not.toHaveProperty('parent')
      expect(backups()).toHaveLength(1)
      expect(await password('anew')).not.toBe(first)
      expect(clonesOf(world, vmid)).toBe(2)
    })

    it('applied a hundred times with the same ID is one', async () => {
      const vm = (await world.vm('anew'))!
      for (let turn = 0; turn < 100; turn++)
        await world.edit('anew', { spec: { reinstall: { requestID: '2026-01-01' } }, metadata: { labels: { turn: `${turn}` } } })
      await ask('anew', null)
      await world.untilReady('anew')
      await ask('anew', { requestID: '2026-01-01' })
      await world.untilReady('anew')
      expect(clonesOf(world, vm.status?.vmid ?? 0)).toBe(2)
    })

    it('from A to B and back to A is two', async () => {
      await world.apply('aba')
      const { status } = await world.untilReady('aba')
      await ask('aba', { requestID: 'A' })
      await done('aba', 'A')
      await ask('aba', { requestID: 'B' })
      await done('aba', 'B')
      const { metadata } = await ask('aba', { requestID: 'A' })
      await until('it is judged', async () => (await world.vm('aba'))?.status?.observedGeneration === metadata.generation)
      expect(completed(await world.untilReady('aba'))).toEqual(['A', 'B'])
      expect(clonesOf(world, status?.vmid ?? 0)).toBe(3)
    })

    it('asked for while another is under way is done after it', async () => {
      const letGo = hold(world, 'POST /nodes/{node}/qemu/{vmid}/clone')
      await ask('aba', { requestID: 'C' })
      await until('the new VM of C is being cloned', async () => {
        const { reinstall, step } = (await world.vm('aba'))?.status ?? {}
        return reinstall?.running?.requestID === 'C' && step?.name === 'clone' && step.upid
      })
      await ask('aba', { requestID: 'D' })
      letGo()
      const vm = await done('aba', 'D')
      expect(completed(vm)).toEqual(['A', 'B', 'C', 'D'])
      expect(clonesOf(world, vm.status?.vmid ?? 0)).toBe(5)
    })

    it.each(['', null])('with the ID %j does nothing', async (requestID) => {
      const { metadata } = await ask('aba', requestID === null ? null : { requestID })
      await until('it is judged', async () => (await world.vm('aba'))?.status?.observedGeneration === metadata.generation)
      expect(completed(await world.untilReady('aba'))).toHaveLength(4)
    })

    it('that is there at creation is noted and not run, as in an object restored from a backup', async () => {
      await world.apply('restored', { reinstall: { requestID: 'long ago' } })
      const vm = await world.untilReady('restored')
      expect(completed(vm)).toEqual(['long ago'])
      expect(clonesOf(world, vm.status?.vmid ?? 0)).toBe(1)
      await ask('restored', { requestID: 'now' })
      expect(clonesOf(world, (await done('restored', 'now')).status?.vmid ?? 0)).toBe(2)
    })

    it('may name another template, and TemplateApplied says that spec.template is no longer that of the VM', async () => {
      await ask('restored', { requestID: 'other', template: { name: 'ubuntu-24.04' } })
      const vm = await done('restored', 'other')
      expect(vm.status?.template).toMatchObject({ vmid: 9010, name: 'ubuntu-24.04' })
      expect(world.condition(vm, 'TemplateApplied')).toMatchObject({ status: 'False', reason: 'TemplateChanged' })
    })

    it('is not begun by an edit of spec.template', async () => {
      await world.apply('edited')
      const { status } = await world.untilReady('edited')
      await world.edit('edited', { spec: { template: { name: 'ubuntu-24.04' } } })
      await world.untilCondition('edited', 'TemplateApplied', 'False', 'TemplateChanged')
      await world.untilReady('edited')
      expect(clonesOf(world, status?.vmid ?? 0)).toBe(1)
      await ask('edited', { requestID: 'take it' })
      const vm = await done('edited', 'take it')
      expect(vm.status?.template?.name).toBe('ubuntu-24.04')
      expect(world.condition(vm, 'TemplateApplied')?.status).toBe('True')
    })

    it('survives its operator: killed at any moment it is finished and done once', async () => {
      await world.apply('killed')
      const { status } = await world.untilReady('killed')
      const requests = [
        'DELETE /nodes/{node}/qemu/{vmid}',
        'POST /nodes/{node}/qemu/{vmid}/clone',
        'POST /nodes/{node}/qemu/{vmid}/status/start',
      ]
      // A request whose answer was lost is waited for, also before the next reinstall goes on.
      const noteTheWait = async () => {
        const vm = await world.vm('killed')
        if (world.condition(vm, 'Ready')?.message.includes('may have been lost')) world.clock.skip(30_000)
        return vm
      }
      for (const [index, what] of requests.entries()) {
        for (const when of ['before', 'after'] as const) {
          const requestID = `${when} ${what}`
          const death = world.operator!.wire.dieAt((write) => write.what === what, when)
          let isDead = false
          void death.then(() => (isDead = true))
          await ask('killed', { requestID })
          await admin.soon('the operator dies', async () => (await noteTheWait()) && isDead)
          await world.killOperator()
          await world.startOperator()
          await admin.soon(`${requestID} is done`, async () => completed(await noteTheWait())?.includes(requestID))
          const vm = await world.untilReady('killed')
          expect([requestID, clonesOf(world, status?.vmid ?? 0)]).toEqual([requestID, 2 + index * 2 + (when === 'after' ? 1 : 0)])
          expect(vm.status?.vmid).toBe(status?.vmid)
          expect(admin.isRunning(vm)).toBe(true)
        }
      }
    })

    it('stalls with VMIDTaken when a stranger takes the VMID in between, and does not touch it', async () => {
      await world.apply('robbed')
      const vm = await world.untilReady('robbed')
      const { vmid = 0, node } = vm.status ?? {}
      const died = world.operator!.wire.dieAt((write) => write.what.endsWith('/clone'), 'before')
      await ask('robbed', { requestID: 'one' })
      await died
      await world.killOperator()
      expect(world.simulator.world.guests.has(vmid)).toBe(false)
      await admin.at('POST', `/nodes/${node}/qemu`, { vmid, name: 'stranger', memory: 512 })
      await world.startOperator()
      await admin.soon('it is Stalled', async () => world.condition(await world.vm('robbed'), 'Stalled')?.reason === 'VMIDTaken', {
        describe: () => world.writes().slice(-3),
      })
      expect(world.simulator.world.guests.get(vmid)?.config.get('name')).toBe('stranger')
      await admin.at('DELETE', `/nodes/${node}/qemu/${vmid}`)
      await admin.soon('it is done', async () => completed(await world.vm('robbed'))?.includes('one'))
      const after = await world.untilReady('robbed')
      expect(after.status?.vmid).toBe(vmid)
      expect(after.status?.interfaces).toEqual(vm.status?.interfaces)
    })
  })

  describe('by command', () => {
    it('takes the template of the command, runs once, and ends when the VM is ready', async () => {
      await world.apply('pressed')
      const { status } = await world.untilReady('pressed')
      const name = await press(world, 'pressed', 'Reinstall', { template: { name: 'ubuntu-24.04' } })
      const command = await finished(world, name)
      expect(command.status).toMatchObject({ phase: 'Succeeded', message: 'The VM was reinstalled and is ready.' })
      const vm = await world.untilReady('pressed')
      expect(vm.status?.template?.name).toBe('ubuntu-24.04')
      expect(vm.status?.vmid).toBe(status?.vmid)
      expect(completed(vm)).toEqual([`command/${command.metadata.uid}`])
      expect(clonesOf(world, status?.vmid ?? 0)).toBe(2)
    })

    it('is refused on a VM that was never ready, and while another reinstall is under way', async () => {
      await world.apply('unready', { template: { name: 'there-is-none' } })
      await world.untilCondition('unready', 'Stalled', 'True', 'TemplateNotFound')
      expect(await outcomeOf(world, 'unready', 'Reinstall')).toMatch(/^Failed: The VM is not ready yet/)
      await ask('pressed', { requestID: 'by spec' })
      await until('it is under way', async () => (await world.vm('pressed'))?.status?.reinstall?.running)
      expect(await outcomeOf(world, 'pressed', 'Reinstall')).toBe('Failed: Reinstall by spec is under way.')
      await done('pressed', 'by spec')
    })

    it('brings a missing VM back', async () => {
      const vm = (await world.vm('pressed'))!
      await admin.destroy(vm)
      await admin.soon('it is missed', async () => (await world.vm('pressed'))?.status?.phase === 'Missing')
      const name = await press(world, 'pressed', 'Reinstall')
      await admin.soon('it ends', async () => (await commandNamed(world, name))?.status?.finishedAt)
      expect((await commandNamed(world, name))?.status?.phase).toBe('Succeeded')
      expect(admin.isRunning(await world.untilReady('pressed'))).toBe(true)
    })
  })
})
