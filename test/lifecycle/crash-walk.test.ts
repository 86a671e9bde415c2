import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { whmcs5546 } from '../support/builders.ts'
import { secrets } from '../../src/api/meta.ts'
import {
  assertGone,
  assertWhole,
  bear,
  dieAndTakeOver,
  openLane,
  pointsOf,
  untilGoneSkipping,
  untilReadySkipping,
  walk,
  type Lane,
  type Point,
} from '../support/crash.ts'
import { difference, portrait } from '../support/portrait.ts'
import type { Write } from '../support/wire.ts'

/** What an edit of a Ready VM changes: live in PVE, with a second disk and another rule. */
const edit = {
  spec: {
    package: {
      additionalDisks: [{ name: 'logs', size: '8Gi', storage: 'ceph' }],
      systemDisk: { size: '50Gi' },
      firewall: { rules: [{ name: 'dns', direction: 'in', action: 'ACCEPT', macro: 'DNS' }] },
    },
  },
}

describe('an operator that dies at any write, and the one that takes over', () => {
  let births: Write[]
  let edits: Write[]
  let ends: Write[]
  let born: string[]
  let edited: string[]

  // One undisturbed life tells the writes at which all the others are struck.
  beforeAll(async () => {
    const lane = await openLane()
    const { world } = lane
    const writes = () => world.operator?.wire.writes.splice(0) ?? []
    await bear(lane, 'model')
    born = portrait(world, await world.untilReady('model'))
    births = writes()
    await world.edit('model', edit)
    edited = portrait(world, await world.untilReady('model'))
    edits = writes()
    await world.delete('model')
    await world.untilGone('model')
    ends = writes()
    await assertGone(lane)
    await world.stop()
  })

  it('makes the writes that a life consists of', () => {
    expect(births.filter(({ to }) => to === 'pve')).toHaveLength(12)
    expect(births.filter(({ to }) => to === 'kube').length).toBeLessThanOrEqual(12)
    const kindsOfEdit = new Set(edits.filter(({ to }) => to === 'pve').map(({ what }) => what))
    expect([...kindsOfEdit]).toEqual([
      'PUT /nodes/{node}/qemu/{vmid}/resize',
      'POST /nodes/{node}/qemu/{vmid}/config',
      'POST /nodes/{node}/qemu/{vmid}/firewall/rules',
      'PUT /nodes/{node}/qemu/{vmid}/firewall/rules/{pos}',
    ])
    expect(ends.filter(({ to }) => to === 'pve').map(({ what }) => what)).toEqual([
      'POST /nodes/{node}/qemu/{vmid}/status/stop',
      'DELETE /nodes/{node}/qemu/{vmid}',
    ])
  })

  it('bring exactly one VM into the world', async () => {
    const visit = async (lane: Lane, point: Point) => {
      const { world } = lane
      await dieAndTakeOver(
        lane,
        point,
        () => bear(lane, 'shop'),
        async () => (await world.vm('shop'))?.status?.firstReadyAt !== undefined,
      )
      await assertWhole(lane, await untilReadySkipping(lane, 'shop'), born)
      await endLife(lane, 'shop')
    }
    expect(await walk(pointsOf(births), visit)).toEqual([])
  })

  it('apply an edit once', async () => {
    const visit = async (lane: Lane, point: Point) => {
      const { world } = lane
      await bear(lane, 'shop')
      await world.untilReady('shop')
      await dieAndTakeOver(
        lane,
        point,
        () => world.edit('shop', edit),
        async () => {
          const vm = await world.vm('shop')
          return vm?.status?.observedGeneration === vm?.metadata.generation
        },
      )
      await assertWhole(lane, await untilReadySkipping(lane, 'shop'), edited)
      await endLife(lane, 'shop')
    }
    expect(await walk(pointsOf(edits), visit)).toEqual([])
  })

  it('give everything back at the end', async () => {
    const visit = async (lane: Lane, point: Point) => {
      const { world } = lane
      await bear(lane, 'shop')
      await world.untilReady('shop')
      await dieAndTakeOver(
        lane,
        point,
        () => world.delete('shop'),
        async () => (await world.vm('shop')) === undefined,
      )
      await world.untilGone('shop', 60)
      await assertGone(lane)
      expect(await world.client.get(secrets, { namespace: world.namespace, name: 'shop-credentials' })).toBeUndefined()
    }
    expect(await walk(pointsOf(ends), visit)).toEqual([])
  })
})

async function endLife(lane: Lane, name: string): Promise<void> {
  await lane.world.delete(name)
  await untilGoneSkipping(lane, name)
  await assertGone(lane)
}

describe('an answer of PVE that is lost', () => {
  let lane: Lane
  let births: Write[]
  let born: string[]

  beforeAll(async () => {
    lane = await openLane()
    await bear(lane, 'model')
    born = portrait(lane.world, await lane.world.untilReady('model'))
    births = lane.world.operator?.wire.writes.filter(({ to }) => to === 'pve') ?? []
  })
  afterAll(async () => await lane.world.stop())

  it.each(['before', 'after'] as const)(
    'is no second VM, disk or rule, whichever write it belongs to, when it was lost %s the effect',
    async (when) => {
      const { world } = lane
      const first = when === 'before' ? 11_000 : 12_000
      const losses = new Map(births.map((_, index) => [first + index, { index, seen: 0 }]))
      world.operator?.wire.judgedBy(({ to, vmid = 0 }) => {
        const loss = losses.get(vmid)
        return to === 'pve' && loss && loss.seen++ === loss.index ? `lost ${when}` : 'pass'
      })
      const [v4, v6] = lane.pools
      await Promise.all(
        [...losses.keys()].map((vmid) => world.apply(`vm-${vmid}`, { ...whmcs5546({ v4, v6, packageName: lane.packageName }), vmid })),
      )
      const faults: string[] = []
      for (const [vmid, { index }] of losses) {
        const vm = await untilReadySkipping(lane, `vm-${vmid}`, 90)
        const wrong = difference(portrait(world, vm), born)
        if (wrong.length > 0) faults.push(`${births[index]?.what}: ${wrong.join(', ')}`)
      }
      expect(faults).toEqual([])
      expect(world.guests().filter((guest) => losses.has(guest.vmid))).toHaveLength(losses.size)
      // The brake on deletions counts over ten minutes, and the other half of this walk was just taken down.
      world.skip(601_000)
      for (const vmid of losses.keys()) await world.delete(`vm-${vmid}`)
      for (const vmid of losses.keys()) await untilGoneSkipping(lane, `vm-${vmid}`)
      expect(world.guests()).toHaveLength(1)
    },
  )
})
