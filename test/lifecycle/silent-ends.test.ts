/** VMs and what hangs on them begin or go while PVE accepts what is asked of it and shows no effect: nothing is asked again at once, and people are told. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { letGoAnnotation } from '../../src/api/group.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import type { FaultPlan } from '../../src/simulator/contracts.ts'
import { aBackup, addBackupServer, backupOf, deleteBackupObject, filesOf, readyOf, untilBackup, untilRetried } from '../backups/scene.ts'
import { deleteSnapshot, inPve, snapshotNamed, taken } from '../snapshots/snapshots.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

const fileRoute = '/nodes/{node}/storage/{storage}/content/{volume}'
const noEffect: FaultPlan = { task: { noEffect: true } }
/** Longer than PVE waits before it answers with a task. */
const lateNoEffect: FaultPlan = { task: { noEffect: true, extraMs: 30_000 } }
const accepted: FaultPlan = { answer: { when: 'before', status: 200, reason: 'OK' } }

describe('an end that PVE accepts and does not show', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    await addBackupServer(world)
  })
  afterAll(async () => await world.stop())

  /** From now on these writes are accepted and do nothing. Answers when each of them came, by the operator's clock (ms). */
  const without = (what: string, plan: FaultPlan): number[] => {
    const cameMs: number[] = []
    world.operator?.wire.judgedBy((write) => {
      if (write.what !== what) return 'pass'
      cameMs.push(world.clock.monotonicMs())
      return { plan }
    })
    return cameMs
  }
  const heal = () => world.operator?.wire.judgedBy(() => 'pass')

  /** Pauses of 2, 4, 8 and 16 s lie between five writes, and the next 30 s are told. */
  const isPaced = async (cameMs: readonly number[], told: () => Promise<string | undefined>) => {
    await until(
      'it came five times',
      () => {
        if (cameMs.length < 5) world.clock.skip(400)
        return cameMs.length >= 5
      },
      { seconds: 60, everyMs: 50, describe: () => cameMs },
    )
    expect((cameMs[4] ?? 0) - (cameMs[0] ?? 0)).toBeGreaterThan(20_000)
    let said: string | undefined
    await until(
      'the pause is told',
      async () => {
        said = await told()
        return said?.includes('PVE accepted this 5 times and does not show the change: ') && said.includes('sends it again after 30 s.')
      },
      { seconds: 25, describe: () => said },
    )
    expect(cameMs).toHaveLength(5)
    return said ?? ''
  }
  const toldAt = (name: string) => async () => {
    const ready = world.condition(await world.vm(name), 'Ready')
    return ready?.reason === 'NotConverging' ? ready.message : undefined
  }
  const untilGone = (name: string) =>
    untilRetried(world, `${name} is gone`, async () => (await world.vm(name)) === undefined, { seconds: 60 })
  const vmidOf = (vm: ProxmoxVM) => vm.status?.vmid ?? 0

  it.each([
    ['unprotected', `PUT ${fileRoute}`, accepted, true],
    ['deleted', `DELETE ${fileRoute}`, noEffect, false],
    ['deleted-late', `DELETE ${fileRoute}`, lateNoEffect, false],
  ] as const)('of the backup of a VM that is not %s holds up no VM, and is paced', async (name, what, plan, isProtected) => {
    const vm = await world.born(name)
    world.addBackup(vmidOf(vm), Date.now() + 1000, { isProtected })
    const cameMs = without(what, plan)
    await world.delete(name)
    await until('the VM is gone', () => !world.simulator.world.guests.has(vmidOf(vm)))
    const said = await isPaced(cameMs, toldAt(name))
    expect(said).toContain(`delete_backups: backup local:backup/vzdump-qemu-${vmidOf(vm)}-`)
    expect((await world.vm(name))?.status?.step).toMatchObject({ name: 'delete_backups', attempts: 5 })
    heal()
    await untilGone(name)
    expect(world.simulator.world.storage.ownedBy(vmidOf(vm))).toEqual([])
  })

  it('of a VM that does not stop is paced', async () => {
    const vm = await world.born('runs-on')
    const cameMs = without('POST /nodes/{node}/qemu/{vmid}/status/stop', noEffect)
    await world.delete('runs-on')
    expect(await isPaced(cameMs, toldAt('runs-on'))).toContain(`stop: VM ${vmidOf(vm)} runs`)
    heal()
    await untilGone('runs-on')
  })

  it.each([
    ['at-once', noEffect],
    ['late', lateNoEffect],
  ])('of the file of a ProxmoxVMBackup is paced (answered %s)', async (name, plan) => {
    const vm = await world.born(`file-${name}`)
    await aBackup(world, name, `file-${name}`, { storage: 'pbs', deletionPolicy: 'Delete' })
    await untilBackup(world, name, 'True')
    const cameMs = without(`DELETE ${fileRoute}`, plan)
    await deleteBackupObject(world, name)
    const told = async () => {
      const ready = readyOf(await backupOf(world, name))
      return ready?.reason === 'NotConverging' ? ready.message : undefined
    }
    expect(await isPaced(cameMs, told)).toContain('To leave the file where it is, set deletionPolicy to Keep.')
    expect(world.condition(await world.vm(`file-${name}`), 'Ready')?.status).toBe('True')
    heal()
    await untilRetried(world, 'the object is gone', async () => (await backupOf(world, name)) === undefined)
    expect(filesOf(world, vm)).toEqual([])
  })

  it('of a snapshot is paced, and what a person does meanwhile is seen', async () => {
    const vm = await world.born('snapped')
    const snapshot = await taken(world, 'snapped')
    const cameMs = without('DELETE /nodes/{node}/qemu/{vmid}/snapshot/{snapname}', noEffect)
    await deleteSnapshot(world, snapshot)
    const said = async () => {
      const ready = readyOf(await snapshotNamed(world, snapshot.metadata.name))
      return ready?.reason === 'NotConverging' ? ready.message : undefined
    }
    expect(await isPaced(cameMs, said)).toContain(`of VM ${vmidOf(vm)} is still there after its deletion`)
    expect(world.condition(await world.vm('snapped'), 'Ready')?.status).toBe('True')
    await world.inPve('DELETE', `${world.pathOf(vm)}/snapshot/${inPve(world, vm)[0]}`)
    await untilRetried(world, 'the object is gone', async () => (await snapshotNamed(world, snapshot.metadata.name)) === undefined)
    expect(cameMs).toHaveLength(5)
    heal()
  })

  it('of the owner line of a VM that is handed back is paced', async () => {
    const vm = await world.born('back')
    const cameMs = without('PUT /nodes/{node}/qemu/{vmid}/config', accepted)
    await world.edit('back', { metadata: { annotations: { [letGoAnnotation]: 'hand-back' } } })
    const said = await isPaced(cameMs, toldAt('back'))
    expect(said).toContain(`identity: VM ${vmidOf(vm)} still has the owner line or tag of the operator`)
    expect(said).toContain('With the annotation value "keep-mark" the object can be deleted without PVE.')
    heal()
    world.clock.skip(31_000)
    await world.untilCondition('back', 'Stalled', 'True', 'Released')
    expect(world.guestOf(vm).config.get('description')).toBeUndefined()
  })

  it('of the task of a clone whose VM is not there is paced', async () => {
    const cameMs = without('POST /nodes/{node}/qemu/{vmid}/clone', noEffect)
    await world.apply('unborn')
    const said = await isPaced(cameMs, toldAt('unborn'))
    const { vmid } = (await world.vm('unborn'))?.status ?? {}
    expect(said).toContain(`PVE does not have VM ${vmid}, although the task that makes it ended OK`)
    heal()
    world.skip(31_000)
    const born = await world.untilReady('unborn', 60)
    expect(born.status?.vmid).toBe(vmid)
  })
})
