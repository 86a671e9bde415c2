import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { whmcs5546 } from '../support/builders.ts'
import { openLane, untilReadySkipping, type Lane } from '../support/crash.ts'
import { clonesOf, guestsOf, holders } from '../support/portrait.ts'
import { until } from '../support/until.ts'
import type { Write } from '../support/wire.ts'
import type { TestWorld } from '../support/world.ts'

/**
 * The crash table (design: "at each write, what is on record before, and what the next look does"), row by row. In each the operator dies
 * when the receiver has done the write and the answer is still under way, which is the worst moment; or only the answer is lost.
 */
describe('the crash table', () => {
  let lane: Lane
  let world: TestWorld

  beforeAll(async () => {
    lane = await openLane()
    world = lane.world
  })
  afterAll(async () => await world.stop())

  const declare = (name: string, spec: object = {}) => {
    const [v4, v6] = lane.pools
    return world.apply(name, { ...whmcs5546({ v4, v6, packageName: lane.packageName }), ...spec })
  }

  /** Dies when it has been done, and a new operator takes over. */
  async function dieAfter(isIt: (write: Write) => boolean, act: () => Promise<unknown>): Promise<void> {
    const dead = world.operator?.wire.dieAt(isIt, 'after')
    await act()
    await dead
    await world.killOperator()
    await world.startOperator()
  }

  /** Lets the answer to it be lost, once. */
  function loseAnswer(isIt: (write: Write) => boolean): void {
    let isLost = false
    world.operator?.wire.judgedBy((write) => {
      if (isLost || !isIt(write)) return 'pass'
      isLost = true
      return 'lost after'
    })
  }

  async function wholeAndAlone(name: string): Promise<ProxmoxVM> {
    const vm = await untilReadySkipping(lane, name)
    const vmid = vm.status?.vmid ?? 0
    expect(guestsOf(world, vm).map((guest) => guest.vmid)).toEqual([vmid])
    expect(clonesOf(world, vmid)).toBe(1)
    const mine = (await holders(world, lane.pools)).filter((line) => line.endsWith(vm.metadata.uid ?? ''))
    expect(mine).toEqual((vm.status?.addresses ?? []).map((held) => `${held.address} ${vm.metadata.uid}`).toSorted())
    expect(mine).toHaveLength(2)
    return vm
  }

  /** What the guest of a VM of another row tells is written meanwhile. */
  const isStatusOf =
    (name: string) =>
    (write: Write): boolean =>
      write.what === 'PUT proxmoxvms/status' && write.name === name

  describe('an address that was claimed', () => {
    it('is found by the uid of its VM after a death', async () => {
      await dieAfter(
        ({ what }) => what === 'POST pooladdresses',
        () => declare('claim-death'),
      )
      await wholeAndAlone('claim-death')
    })

    it('is known as ours when only the answer was lost', async () => {
      loseAnswer(({ what }) => what === 'POST pooladdresses')
      await declare('claim-loss')
      await wholeAndAlone('claim-loss')
    })
  })

  describe('an intent that was written', () => {
    it('is the VM that the next operator makes', async () => {
      // The first status of a birth is the intent.
      await dieAfter(isStatusOf('intent-death'), () => declare('intent-death'))
      const { vmid, interfaces } = (await world.vm('intent-death'))?.status ?? {}
      const vm = await wholeAndAlone('intent-death')
      expect([vm.status?.vmid, vm.status?.interfaces?.[0]?.macAddress]).toEqual([vmid, interfaces?.[0]?.macAddress])
    })

    it('is chosen again when its write was lost, with the same addresses', async () => {
      const dead = world.operator?.wire.dieAt(isStatusOf('intent-lost'), 'before')
      const { metadata } = await declare('intent-lost')
      await dead
      await world.killOperator()
      const before = (await holders(world, lane.pools)).filter((line) => line.endsWith(metadata.uid ?? ''))
      await world.startOperator()
      const vm = await wholeAndAlone('intent-lost')
      expect(before).toEqual((vm.status?.addresses ?? []).map((held) => `${held.address} ${metadata.uid}`).toSorted())
    })

    it('is believed when only the answer was lost', async () => {
      loseAnswer(isStatusOf('intent-loss'))
      await declare('intent-loss')
      await wholeAndAlone('intent-loss')
    })
  })

  describe('a clone that was asked for', () => {
    const clone = 'POST /nodes/{node}/qemu/{vmid}/clone'

    it('is found under its lock and waited for', async () => {
      world.simulator.faults.add([{ id: 'slow', route: clone, task: { extraMs: 30_000 } }], [])
      await dieAfter(
        ({ what }) => what === clone,
        () => declare('clone-death'),
      )
      await until('the new operator waits for the clone', async () => (await world.vm('clone-death'))?.status?.step?.name === 'clone')
      await wholeAndAlone('clone-death')
    })

    it('is not asked for again while its task has not made the VM yet', async () => {
      // PVE answers, and the worker comes to the new VM only later.
      world.simulator.faults.add([{ id: 'slow', route: clone, task: { extraMs: 10_000 } }], [])
      loseAnswer(({ what }) => what === clone)
      await declare('clone-loss')
      await wholeAndAlone('clone-loss')
    })

    it('is asked for again once a minute has shown that it never arrived', async () => {
      let isLost = false
      world.operator?.wire.judgedBy(({ what }) => (what === clone && !isLost && (isLost = true) ? 'lost before' : 'pass'))
      await declare('clone-never')
      await until('the VM waits for the answer to turn up', async () =>
        world.condition(await world.vm('clone-never'), 'Ready')?.message.includes('may have been lost'),
      )
      expect(world.guests().some((guest) => guest.config.get('description')?.includes('clone-never'))).toBe(false)
      await wholeAndAlone('clone-never')
    })
  })

  describe('a configuration that allocates a disk', () => {
    const config = 'POST /nodes/{node}/qemu/{vmid}/config'
    const disksOf = (vm: ProxmoxVM) =>
      [...(world.simulator.world.guests.get(vm.status?.vmid ?? 0)?.config.keys() ?? [])].filter((key) => /^(scsi|unused)\d/.test(key))

    it('allocates no second one after a death', async () => {
      await dieAfter(
        ({ what }) => what === config,
        () => declare('disk-death'),
      )
      expect(disksOf(await wholeAndAlone('disk-death'))).toEqual(['scsi0', 'scsi1'])
    })

    it('allocates no second one when only the answer was lost', async () => {
      loseAnswer(({ what }) => what === config)
      await declare('disk-loss')
      const vm = await wholeAndAlone('disk-loss')
      expect(disksOf(vm)).toEqual(['scsi0', 'scsi1'])
      expect(world.simulator.world.storage.ownedBy(vm.status?.vmid ?? 0)).toHaveLength(3)
    })
  })

  describe.each([
    ['a resize', 'resize', 'PUT /nodes/{node}/qemu/{vmid}/resize'],
    ['a firewall rule', 'rule', 'POST /nodes/{node}/qemu/{vmid}/firewall/rules'],
    ['a start', 'start', 'POST /nodes/{node}/qemu/{vmid}/status/start'],
  ])('%s', (_, short, what) => {
    it('is looked at and not repeated after a death', async () => {
      await dieAfter(
        (write) => write.what === what,
        () => declare(`${short}-death`),
      )
      expectBorn(await wholeAndAlone(`${short}-death`))
    })

    it('is looked at and not repeated when only the answer was lost', async () => {
      loseAnswer((write) => write.what === what)
      await declare(`${short}-loss`)
      expectBorn(await wholeAndAlone(`${short}-loss`))
    })
  })

  function expectBorn(vm: ProxmoxVM): void {
    const vmid = vm.status?.vmid ?? 0
    const guest = world.simulator.world.guests.get(vmid)
    expect(guest?.config.get('scsi0')).toContain('size=40G')
    expect(guest?.isRunning).toBe(true)
    expect(world.simulator.world.firewall.get(vmid)?.rules.map(({ comment }) => comment?.split(' ')[0])).toEqual(
      ['ssh', 'web', 'icmp', 'no-smtp'].map((name) => `pve.hosting/rule=${name}`),
    )
  }

  describe('at the end of a VM', () => {
    const finalizer = 'PATCH proxmoxvms'
    const rows = [
      ['a stop', 'stop', 'POST /nodes/{node}/qemu/{vmid}/status/stop'],
      ['a destruction', 'destroy', 'DELETE /nodes/{node}/qemu/{vmid}'],
      ['the deletion of a backup', 'backup', 'DELETE /nodes/{node}/storage/{storage}/content/{volume}'],
      ['the release of an address', 'release', 'PUT pooladdresses'],
      ['the last word on the object', 'finalizer', finalizer],
    ] as const
    const vms = new Map<string, ProxmoxVM>()
    /** The VMs of the other rows are still there. */
    const isEndOf = (name: string, what: string) => (write: Write) =>
      write.what === what && [undefined, vms.get(name)?.status?.vmid].includes(write.vmid) && (what !== finalizer || write.name === name)

    beforeAll(async () => {
      const names = rows.flatMap(([, short]) => [`${short}-death`, `${short}-loss`])
      await Promise.all(names.map(async (name) => vms.set(name, await withSnapshotAndBackup(name))))
    })

    describe.each(rows)('%s', (_, short, what) => {
      it('leaves nothing behind after a death', async () => {
        await dieAfter(isEndOf(`${short}-death`, what), () => world.delete(`${short}-death`))
        await expectNothingLeft(vms.get(`${short}-death`) as ProxmoxVM)
      })

      it('leaves nothing behind when only the answer was lost', async () => {
        loseAnswer(isEndOf(`${short}-loss`, what))
        await world.delete(`${short}-loss`)
        await expectNothingLeft(vms.get(`${short}-loss`) as ProxmoxVM)
      })
    })
  })

  async function withSnapshotAndBackup(name: string): Promise<ProxmoxVM> {
    await declare(name)
    const vm = await world.untilReady(name)
    const vmid = vm.status?.vmid ?? 0
    await world.inPve('POST', `${world.pathOf(vm)}/snapshot`, { snapname: 'before' })
    world.addBackup(vmid, world.simulator.world.clock.now())
    return vm
  }

  async function expectNothingLeft({ status, metadata }: ProxmoxVM): Promise<void> {
    await world.untilGone(metadata.name, 60)
    expect(world.simulator.world.guests.has(status?.vmid ?? 0)).toBe(false)
    expect(world.simulator.world.storage.ownedBy(status?.vmid ?? 0)).toEqual([])
    expect((await holders(world, lane.pools)).filter((line) => line.endsWith(metadata.uid ?? ''))).toEqual([])
  }
})
