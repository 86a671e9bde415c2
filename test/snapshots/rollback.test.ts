/** The command Rollback: both kinds of snapshots, what refuses it, and once over lost answers and deaths of the operator. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { commandNamed, finished, outcomeOf, press } from '../manual/buttons.ts'
import { proxmoxVMCommands } from '../../src/api/meta.ts'
import { hold } from '../support/hold.ts'
import { until } from '../support/until.ts'
import type { Write } from '../support/wire.ts'
import { TestWorld } from '../support/world.ts'
import { ask, packageWith, taken, tasksOf } from './snapshots.ts'

const route = 'POST /nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback'

describe('Rollback', () => {
  let world: TestWorld

  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(() => world.stop())

  const back = (vm: string, snapshot: { metadata: { name: string } }) =>
    outcomeOf(world, vm, 'Rollback', { snapshotRef: { name: snapshot.metadata.name } })
  const configOf = (vm: ProxmoxVM) => Object.fromEntries(world.guestOf(vm).config)

  it('brings the disks back, the configuration to the package, and the VM up again if it ran', async () => {
    const vm = await world.born('plain')
    const snapshot = await taken(world, 'plain')
    await world.edit('plain', { spec: { package: { cpu: { limit: '1.5' } } } })
    await until('the edit is applied', () => configOf(vm).cpulimit === '1.5')
    await world.untilReady('plain')
    expect(await back('plain', snapshot)).toBe(`Succeeded: PVE rolled the VM back to ${snapshot.metadata.name}.`)
    expect(configOf(vm)).toMatchObject({ cpulimit: '1.5', parent: snapshot.status?.name, onboot: '1' })
    expect(world.guestOf(vm).isRunning).toBe(true)
    const after = await world.untilReady('plain')
    expect(after.status?.rollback).toEqual({ completedID: expect.stringMatching(/^command\//) })
    expect(after.status?.change).toBeUndefined()
    expect(tasksOf(world, vm, 'qmrollback')).toBe(1)
  })

  it('leaves a VM off that was off', async () => {
    const vm = await world.born('was-off')
    const snapshot = await taken(world, 'was-off')
    expect(await outcomeOf(world, 'was-off', 'Stop')).toBe('Succeeded: PVE cut the power.')
    expect(await back('was-off', snapshot)).toContain('Succeeded')
    expect(world.guestOf(vm).isRunning).toBe(false)
    expect((await world.untilReady('was-off')).status?.remoteStatus).toBe('stopped')
  })

  it('never brings back an address: today’s is written before the VM is started', async () => {
    const pool = await world.pool({ ranges: ['198.51.100.10-198.51.100.19'], prefixLength: 24, gateway: '198.51.100.1', reuseAfter: '0s' })
    const address = (at: string) => ({ addresses: [{ name: 'main', poolRef: { name: pool }, address: at }] })
    const vm = await world.born('moved', address('198.51.100.10'))
    const snapshot = await taken(world, 'moved')
    const withMemory = await taken(world, 'moved', { withMemory: true })
    await world.edit('moved', { spec: address('198.51.100.11') })
    await until('the address is another one', () => configOf(vm).ipconfig0?.includes('198.51.100.11'))
    await world.untilReady('moved')
    const starts: (string | undefined)[] = []
    const watch = setInterval(() => world.guestOf(vm).isRunning && starts.push(configOf(vm).ipconfig0), 5)
    expect(await back('moved', withMemory)).toMatch(
      /^Failed: The memory is in this snapshot, and PVE starts the guest from it, with the old network: ipconfig0 is ip=198.51.100.11\/24,gw=198.51.100.1 and was ip=198.51.100.10/,
    )
    expect(tasksOf(world, vm, 'qmrollback')).toBe(0)
    expect(await back('moved', snapshot)).toContain('Succeeded')
    clearInterval(watch)
    expect(starts.filter((ipconfig) => ipconfig?.includes('198.51.100.10'))).toEqual([])
    expect(configOf(vm).ipconfig0).toContain('198.51.100.11')
    expect(world.guestOf(vm).isRunning).toBe(true)
  })

  it('goes on from the memory in a snapshot, and stops nobody for what differs', async () => {
    const vm = await world.born('ram')
    const snapshot = await taken(world, 'ram', { withMemory: true })
    await world.edit('ram', { spec: { package: { cpu: { limit: '2' } } } })
    await until('the edit is applied', () => configOf(vm).cpulimit === '2')
    await world.untilReady('ram')
    expect(await back('ram', snapshot)).toContain('Succeeded')
    expect(world.guestOf(vm).isRunning).toBe(true)
    await until('what PVE takes live is repaired', () => configOf(vm).cpulimit === '2')
    expect(tasksOf(world, vm, 'qmshutdown')).toBe(0)
    await world.edit('ram', { spec: { suspensions: [{ by: 'abuse', reason: 'spam' }] } })
    await world.untilCondition('ram', 'Suspended', 'True')
    expect(await back('ram', snapshot)).toContain('the VM is suspended by abuse (spam)')
  })

  it('attaches disks again that were made since, with their data, and names them before', async () => {
    const vm = await world.born('disks')
    const snapshot = await taken(world, 'disks')
    await world.edit('disks', { spec: packageWith({ additionalDisks: [{ name: 'data', size: '2Gi' }] }) })
    await until('the disk is there', () => configOf(vm).scsi1)
    await world.untilReady('disks')
    const volume = configOf(vm).scsi1?.split(',')[0]
    const letGo = hold(world, route, vm.status?.vmid)
    const name = await press(world, 'disks', 'Rollback', { snapshotRef: { name: snapshot.metadata.name } })
    await until('it is named', async () =>
      (await commandNamed(world, name))?.status?.message?.includes('The operator attaches newer disks again: data.'),
    )
    letGo()
    expect((await finished(world, name)).status?.phase).toBe('Succeeded')
    expect(configOf(vm).scsi1?.split(',')[0]).toBe(volume)
    expect(Object.keys(configOf(vm)).filter((key) => key.startsWith('unused'))).toEqual([])
  })

  it('is refused with what is wrong with the snapshot, and nothing is done', async () => {
    const vm = await world.born('refused')
    await world.born('other')
    const others = await taken(world, 'other')
    const refused = (name: string) => outcomeOf(world, 'refused', 'Rollback', { snapshotRef: { name } })
    expect(await refused('none')).toBe('Failed: ProxmoxVMSnapshot "none" of this VM does not exist.')
    expect(await refused(others.metadata.name)).toContain('of this VM does not exist.')
    const lost = await taken(world, 'refused')
    await world.inPve('DELETE', `${world.pathOf(vm)}/snapshot/${lost.status?.name}`)
    expect(await refused(lost.metadata.name)).toContain(`PVE has no snapshot ${lost.status?.name} of VM ${vm.status?.vmid} any more`)
    expect(tasksOf(world, vm, 'qmrollback')).toBe(0)
  })

  it('fails with the words of PVE, and the VM is started again', async () => {
    const vm = await world.born('fails')
    const snapshot = await taken(world, 'fails')
    world.simulator.faults.add(
      [
        {
          route,
          match: { vmid: vm.status?.vmid },
          task: { exitstatus: 'lvrollback failed: no such device' },
        },
      ],
      [],
    )
    expect(await back('fails', snapshot)).toBe('Failed: lvrollback failed: no such device')
    await world.untilReady('fails')
    expect(world.guestOf(vm).isRunning).toBe(true)
  })

  it('is refused while a storage of the VM is off, since PVE would take back the other disks and leave the VM stopped', async () => {
    const vm = await world.born('storage-off')
    const snapshot = await taken(world, 'storage-off')
    world.simulator.faults.add([{ id: 'storage-off', storage: { name: 'local-lvm', state: 'off' } }], [])
    expect(await back('storage-off', snapshot)).toMatch(
      /^Failed: Storage local-lvm with disk system of VM \d+ is not available on node pve\d/,
    )
    expect([tasksOf(world, vm, 'qmrollback'), world.guestOf(vm).isRunning]).toEqual([0, true])
    world.simulator.faults.remove('storage-off')
    expect(await back('storage-off', snapshot)).toContain('Succeeded')
  })

  const isRequest = ({ what }: Write) => what.endsWith('/rollback')

  it.each([
    ['the answer is lost before the effect', { drop: 'before' as const }],
    ['the answer is lost after the effect', { drop: 'after' as const }],
  ])('is done once when %s', async (_, fault) => {
    const name = `lost-${fault.drop}`
    const vm = await world.born(name)
    const snapshot = await taken(world, name)
    world.simulator.faults.add([{ route, match: { vmid: vm.status?.vmid }, ...fault }], [])
    const command = await press(world, name, 'Rollback', { snapshotRef: { name: snapshot.metadata.name } })
    await ends(command)
    expect(tasksOf(world, vm, 'qmrollback')).toBe(1)
    expect(world.guestOf(vm).isRunning).toBe(true)
  })

  it.each([
    ['before its request', isRequest, 'before'],
    ['after its request', isRequest, 'after'],
    ['after it is noted', ({ what }: Write) => what === 'PUT proxmoxvms/status', 'after'],
  ] as const)('is done once when the operator is killed %s', async (which, isIt, when) => {
    const name = `killed-${which.replaceAll(' ', '-')}`
    const vm = await world.born(name)
    const snapshot = await taken(world, name)
    await world.untilReady(name)
    const death = world.operator!.wire.dieAt(isIt, when)
    // The clock of this file runs ahead, and the death may come before the command is known to have begun: it must not be too old then.
    const command = await press(world, name, 'Rollback', { snapshotRef: { name: snapshot.metadata.name }, timeout: '24h' })
    await death
    await world.killOperator()
    await world.startOperator()
    await ends(command)
    expect(tasksOf(world, vm, 'qmrollback')).toBe(1)
    expect(world.guestOf(vm).isRunning).toBe(true)
  })

  /** The operator's clock runs ahead, so that a request without an answer is known to be lost. */
  async function ends(command: string): Promise<void> {
    const phase = await until(
      `${command} ends`,
      async () => {
        const { status } = (await commandNamed(world, command)) ?? {}
        if (status?.startedAt && !status.finishedAt) world.clock.skip(5_000)
        return status?.finishedAt ? `${status.phase}: ${status.message}` : undefined
      },
      { everyMs: 150 },
    )
    expect(phase).toContain('Succeeded')
  }

  it('is asked for again when PVE refuses it because it is busy with the VM', async () => {
    const vm = await world.born('refused-busy')
    const snapshot = await taken(world, 'refused-busy')
    const { vmid } = vm.status ?? {}
    const reason = `can't lock file '/var/lock/qemu-server/lock-${vmid}.conf' - got timeout`
    world.simulator.faults.add([{ route, match: { vmid }, status: 500, reason } as never], [])
    expect(await back('refused-busy', snapshot)).toContain('Succeeded')
    expect(tasksOf(world, vm, 'qmrollback')).toBe(1)
  })

  it('waits for a snapshot under way, and is refused while another command is', async () => {
    const vm = await world.born('busy')
    const snapshot = await taken(world, 'busy')
    const second = await ask(world, 'busy')
    const command = await press(world, 'busy', 'Rollback', { snapshotRef: { name: snapshot.metadata.name } })
    const { status } = await finished(world, command)
    expect(['Succeeded', 'Failed']).toContain(status?.phase)
    await until('the second is taken', () => world.guestOf(vm).snapshots.has(`op-${second.metadata.uid?.slice(0, 8)}`))
    expect(world.simulator.world.tasks.onNode(vm.status?.node ?? '').filter(({ exitstatus }) => exitstatus?.includes('locked'))).toEqual([])
  })

  it('is asked for again after growing pauses while PVE refuses it at once', async () => {
    const vm = await world.born('hasty')
    const snapshot = await taken(world, 'hasty')
    const { vmid } = vm.status ?? {}
    const reason = `can't lock file '/var/lock/qemu-server/lock-${vmid}.conf' - got timeout`
    world.simulator.faults.add([{ id: 'hasty', route, match: { vmid }, times: 'always', status: 500, reason } as never], [])
    const command = await press(world, 'hasty', 'Rollback', { snapshotRef: { name: snapshot.metadata.name } })
    const tries = () => Number(world.simulator.faults.list().find(({ id }) => id === 'hasty')?.hits ?? 0)
    await until('it is tried', () => tries() > 0)
    const beforeMs = world.clock.monotonicMs()
    await until('it is tried again, and again', () => {
      world.skip(1_000)
      return tries() >= 5
    })
    // 2, 4, 8 and 16 s.
    expect(world.clock.monotonicMs() - beforeMs).toBeGreaterThan(29_000)
    world.simulator.faults.remove('hasty')
    world.skip(30_000)
    expect((await finished(world, command)).status?.phase).toBe('Succeeded')
  })

  it('is cancelled with its command as long as PVE has not begun it', async () => {
    const vm = await world.born('regretted')
    const snapshot = await taken(world, 'regretted')
    const { vmid } = vm.status ?? {}
    const reason = `can't lock file '/var/lock/qemu-server/lock-${vmid}.conf' - got timeout`
    world.simulator.faults.add([{ id: 'busy', route, match: { vmid }, times: 'always', status: 500, reason } as never], [])
    const name = await press(world, 'regretted', 'Rollback', { snapshotRef: { name: snapshot.metadata.name } })
    await until('it waits', async () => (await world.vm('regretted'))?.status?.step?.lastError === reason)
    await world.client.delete(proxmoxVMCommands, { namespace: world.namespace, name })
    await until('it is cancelled', async () => (await world.vm('regretted'))?.status?.rollback?.running === undefined)
    world.simulator.faults.remove('busy')
    const { status } = await world.untilReady('regretted')
    expect(status?.history?.map(({ outcome, message }) => `${outcome}: ${message}`)).toContain(
      `Withdrawn: The rollback to ${snapshot.metadata.name} was cancelled with its command before PVE began it.`,
    )
    expect(tasksOf(world, vm, 'qmrollback')).toBe(0)
    expect(world.guestOf(vm).isRunning).toBe(true)
  })

  it('ends when a lock without a task holds it up, and is not carried out once the lock is gone', async () => {
    const vm = await world.born('locked')
    const snapshot = await taken(world, 'locked')
    const { vmid = 0 } = vm.status ?? {}
    const reason = `can't lock file '/var/lock/qemu-server/lock-${vmid}.conf' - got timeout`
    world.simulator.faults.add([{ id: 'lock', route, match: { vmid }, times: 'always', status: 500, reason } as never], [])
    const name = await press(world, 'locked', 'Rollback', { snapshotRef: { name: snapshot.metadata.name } })
    await until('it waits', async () => (await world.vm('locked'))?.status?.step?.lastError)
    world.simulator.world.setLock(vmid, 'backup')
    const ended = await until('it ends', async () => {
      world.clock.skip(2_000)
      const { status } = (await commandNamed(world, name)) ?? {}
      return status?.finishedAt ? `${status.phase}: ${status.message}` : undefined
    })
    world.simulator.faults.remove('lock')
    expect(ended).toMatch(/^Failed: VM \d+ on \S+ has the lock "backup" and no task .* The rollback ends here; PVE has not begun it\.$/)
    world.simulator.world.setLock(vmid, undefined)
    await world.edit('locked', { metadata: { labels: { look: 'again' } } })
    expect((await world.untilReady('locked')).status?.rollback?.running).toBeUndefined()
    expect(tasksOf(world, vm, 'qmrollback')).toBe(0)
    expect(world.guestOf(vm).isRunning).toBe(true)
  })
})
