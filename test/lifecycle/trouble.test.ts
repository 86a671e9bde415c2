import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { aV4Pool } from '../support/builders.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('trouble in PVE', () => {
  let world: TestWorld
  let pool: string
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
    pool = await world.pool(aV4Pool())
  })
  afterAll(async () => await world.stop())

  const declared = (name: string, spec: object = {}) =>
    world.apply(name, { addresses: [{ name: 'main', poolRef: { name: pool } }], ...spec })
  const born = async (name: string, spec: object = {}): Promise<ProxmoxVM> => {
    await declared(name, spec)
    return await world.untilReady(name)
  }
  const ready = async (name: string) => world.condition(await world.vm(name), 'Ready')
  const listings = (n: number) =>
    until(
      'listings come',
      () => {
        world.clock.skip(5_000)
        return world.requests().filter((line) => line.includes('/cluster/resources')).length >= n
      },
      { everyMs: 150 },
    )

  /** A backup of all guests of a node: a task without a guest in its id, under whose lock the VM is. */
  const holdBackup = ({ status }: ProxmoxVM) => {
    let end: () => void = () => undefined
    const ended = new Promise<void>((resolve) => (end = resolve))
    world.simulator.world.setLock(status?.vmid ?? 0, 'backup')
    world.simulator.world.tasks.start({ node: status?.node ?? '', type: 'vzdump', id: '', user: 'root@pam' }, () => ended)
    return { end }
  }

  it('as a lock is waited for, said, and not a failure', async () => {
    const vm = await born('locked')
    const vmid = vm.status?.vmid ?? 0
    const backup = holdBackup(vm)
    world.simulator.requests.reset()
    await world.edit('locked', { spec: { package: { cpu: { units: 123 } } } })
    const waiting = await world.untilCondition('locked', 'Ready', 'False', 'Locked')
    expect(waiting.status?.remoteLock).toBe('backup')
    expect(world.condition(waiting, 'Reconciling')?.status).toBe('True')
    world.clock.skip(3 * 3_600_000)
    await listings(3)
    expect(world.writes()).toEqual([])
    expect((await ready('locked'))?.reason).toBe('Locked')
    world.simulator.world.setLock(vmid, undefined)
    backup.end()
    world.clock.skip(61_000)
    const after = await world.untilReady('locked')
    expect(world.guestOf(after).config.get('cpuunits')).toBe('123')
    expect(after.status?.remoteLock).toBeUndefined()
  })

  it('as a lock holds up an end, too', async () => {
    const vm = await born('locked-end')
    const vmid = vm.status?.vmid ?? 0
    world.simulator.world.setLock(vmid, 'backup')
    await world.delete('locked-end')
    await world.untilCondition('locked-end', 'Ready', 'False', 'Locked')
    expect(world.guestOf(vm).isRunning).toBe(true)
    world.simulator.world.setLock(vmid, undefined)
    world.clock.skip(31_000)
    await world.untilGone('locked-end')
  })

  it('as a lock that a dead task left behind is told with its command, at the end of a VM and in its life', async () => {
    const ending = await born('left-end')
    const living = await born('left-life')
    for (const vm of [ending, living]) world.simulator.world.setLock(vm.status?.vmid ?? 0, 'snapshot-delete')
    await world.delete('left-end')
    await world.edit('left-life', { spec: { package: { cpu: { cores: 2 } } } })
    for (const vm of [ending, living]) {
      const stuck = await world.untilCondition(vm.metadata.name, 'Stalled', 'True', 'StuckLock')
      const { message } = world.condition(stuck, 'Stalled') ?? {}
      expect(message).toContain('"snapshot-delete"')
      expect(message).toContain(`on ${vm.status?.node}: qm unlock ${vm.status?.vmid}`)
      expect(message).not.toContain('qm destroy')
      world.simulator.world.setLock(vm.status?.vmid ?? 0, undefined)
    }
    await world.untilGone('left-end')
    await world.untilReady('left-life')
  })

  it('as a clone that died leaves its lock, and the command that lifts it is named', async () => {
    world.simulator.faults.add([{ id: 'killed', route: 'POST /nodes/{node}/qemu/{vmid}/clone', task: { kill: true } }], [])
    await declared('stuck')
    const vm = await world.untilCondition('stuck', 'Stalled', 'True', 'StuckLock')
    const vmid = vm.status?.vmid ?? 0
    expect(world.condition(vm, 'Stalled')?.message).toContain(`qm unlock ${vmid}`)
    expect(vm.status?.addresses).toHaveLength(1)
    // An admin who only lifts the lock leaves half a VM, which does not pass for a whole one.
    world.simulator.world.setLock(vmid, undefined)
    world.clock.skip(301_000)
    await until('what is left is called half made', async () => {
      const message = world.condition(await world.vm('stuck'), 'Stalled')?.message ?? ''
      return message.includes('lacks scsi0') && !message.includes('qm ')
    })
    // The admin removes the torso, and the VM is made.
    world.simulator.world.guests.delete(vmid)
    for (const volume of world.simulator.world.storage.ownedBy(vmid)) world.simulator.world.storage.remove(volume)
    world.clock.skip(301_000)
    expect((await world.untilReady('stuck')).status?.vmid).toBe(vmid)
  })

  it('as an outage changes no verdict for minutes, ends as unknown, and work goes on afterwards', async () => {
    const vm = await born('calm')
    // What its guest tells, and that it has all it was given, is written after its birth.
    await until('nothing more is said of it', async () => {
      world.skip(2_000)
      const { status } = (await world.vm('calm')) ?? {}
      return (
        status?.guest?.agent === 'Answering' && !status.guestSeen && !world.operator?.operator.queue.isRunning(`${world.namespace}/calm`)
      )
    })
    const before = (await world.vm('calm'))?.metadata.resourceVersion
    world.operator?.wire.judgedBy(({ to }) => (to === 'pve' ? 'lost before' : 'pass'))
    world.simulator.faults.add([{ id: 'down', route: '* /**', times: 'always', status: 595, reason: 'No route to host' }], [])
    await until(
      'PVE is known to be away',
      async () => {
        world.clock.skip(10_000)
        return (await world.clusterCondition('Reachable'))?.status === 'False'
      },
      { everyMs: 200 },
    )
    await declared('meanwhile')
    world.clock.skip(100_000)
    await until('the new one waits', async () => (await ready('meanwhile'))?.status === 'False')
    expect((await world.vm('calm'))?.metadata.resourceVersion).toBe(before)
    expect(await ready('calm')).toMatchObject({ status: 'True', reason: 'Running' })
    world.clock.skip(300_000)
    await until('nobody knows how it is', async () => (await ready('calm'))?.reason === 'ClusterUnreachable')

    world.simulator.faults.remove('down')
    world.operator?.wire.judgedBy(() => 'pass')
    await until(
      'both are Ready',
      async () => {
        world.clock.skip(20_000)
        return (await ready('meanwhile'))?.status === 'True' && (await ready('calm'))?.status === 'True'
      },
      { everyMs: 300 },
    )
    expect(world.guestOf(vm).isRunning).toBe(true)
  })

  it('as a node that is off takes no VM for gone, nor gives its address away', async () => {
    const vm = await born('on-node', { placement: { node: 'pve3' } })
    world.simulator.world.setNodeOnline('pve3', false)
    await listings(4)
    expect((await ready('on-node'))?.reason).not.toBe('VMMissing')
    await world.delete('on-node')
    await until(
      'the end waits',
      async () => {
        world.clock.skip(10_000)
        const { status, reason } = (await ready('on-node')) ?? {}
        return status === 'Unknown' && reason === 'NodeOffline'
      },
      { everyMs: 200 },
    )
    await listings(4)
    expect((await world.addresses(pool)).find(({ spec }) => spec.claimRef?.uid === vm.metadata.uid)).toBeDefined()

    await born('beside')
    world.simulator.world.setNodeOnline('pve3', true)
    await until(
      'it is gone',
      async () => {
        world.clock.skip(20_000)
        return (await world.vm('on-node')) === undefined
      },
      { everyMs: 300 },
    )
    expect(world.simulator.world.guests.has(vm.status?.vmid ?? 0)).toBe(false)
  })

  it('of one VM delays no other', async () => {
    world.simulator.faults.add(
      [
        {
          id: 'one',
          route: 'POST /nodes/{node}/qemu/{vmid}/status/start',
          match: { vmid: 18_000 },
          times: 'always',
          status: 500,
          reason: 'start failed: QEMU exited with code 1',
        },
      ],
      [],
    )
    await declared('unlucky', { vmid: 18_000 })
    await until('the unlucky one fails', async () => (await world.vm('unlucky'))?.status?.step?.lastError)
    const others = ['a', 'b', 'c', 'd'].map((letter) => `lucky-${letter}`)
    await Promise.all(others.map((name) => born(name)))
    // While it is tried again, the step under way has no error yet.
    const vm = await until('the unlucky one has failed again', async () => {
      const seen = await world.vm('unlucky')
      return seen?.status?.step?.lastError ? seen : undefined
    })
    expect(vm.status?.step?.lastError).toContain('QEMU exited')
    expect(world.condition(vm, 'Reconciling')?.status).toBe('True')
    world.simulator.faults.remove('one')
    world.clock.skip(300_000)
    await world.untilReady('unlucky')
  })

  it('with quorum stops writes and ends no VM', async () => {
    world.simulator.world.quorate = false
    await declared('quorum')
    await until('it is refused', async () => {
      const verdict = await ready('quorum')
      return verdict?.status === 'False' && verdict.reason !== 'Provisioning' && verdict.reason !== 'TaskRunning'
    })
    world.simulator.world.quorate = true
    await until(
      'it is made',
      async () => {
        world.clock.skip(20_000)
        return (await ready('quorum'))?.status === 'True'
      },
      { everyMs: 300 },
    )
  })

  it('with the datacenter firewall is a warning, not an obstacle, and told within half a minute of a VM at rest', async () => {
    const file = world.simulator.world.firewall.get('cluster')
    if (file) file.options['enable'] = 0
    world.clock.skip(301_000)
    await until('it is known', async () => (await world.clusterCondition('Ready'))?.status === 'True')
    await world.apply('open', {
      package: { memory: { size: '1Gi' }, network: { bridge: 'vmbr0', firewall: true }, firewall: { enabled: true } },
    })
    const vm = await world.untilReady('open')
    expect(world.condition(vm, 'FirewallConfigured')).toMatchObject({ status: 'False', reason: 'NotEnforced' })
    for (const [enable, status] of [
      [1, 'True'],
      [0, 'False'],
      [1, 'True'],
    ] as const) {
      if (file) file.options['enable'] = enable
      world.clock.skip(30_000)
      await until(`it is ${status}`, async () => world.condition(await world.vm('open'), 'FirewallConfigured')?.status === status)
    }
  })
})
