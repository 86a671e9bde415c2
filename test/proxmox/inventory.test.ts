import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { systemClock } from '../../src/ops/clock.ts'
import { Inventory, type InventoryChange } from '../../src/proxmox/inventory.ts'
import { until } from '../support/until.ts'
import { type Simulated, simulated } from './simulated.ts'

describe('the inventory', () => {
  let sim: Simulated
  let inventory: Inventory
  let changes: InventoryChange[]
  let stop: AbortController
  let running: Promise<void>
  beforeEach(async () => {
    sim = await simulated()
    inventory = new Inventory({ pve: sim.pve, clock: systemClock })
    changes = []
    inventory.subscribe((change) => changes.push(change))
    stop = new AbortController()
    running = inventory.run(stop.signal)
  })
  afterEach(async () => {
    stop.abort()
    await running
    await sim.stop()
  })

  it('shows guests, nodes and storages, and tells that PVE answers', async () => {
    const listing = await inventory.since(0)
    expect([...listing.nodes.keys()].toSorted((a, b) => a.localeCompare(b))).toEqual(['pve1', 'pve2', 'pve3'])
    expect(listing.guests.get(9000)).toMatchObject({ node: 'pve1', kind: 'qemu' })
    expect(listing.storages).toContainEqual(expect.objectContaining({ storage: 'ceph', node: 'pve2', shared: true, available: true }))
    expect(listing.allNodesOnline).toBe(true)
    expect(changes[0]).toMatchObject({ reachability: true })
  })

  it('makes one listing for all who want a fresh one', async () => {
    await inventory.since(0)
    await sim.forgetRequests()
    const now = systemClock.monotonicMs()
    const snapshots = await Promise.all(Array.from({ length: 50 }, () => inventory.since(now)))
    expect(new Set(snapshots).size).toBe(1)
    expect(snapshots[0]!.startedAtMs).toBeGreaterThanOrEqual(now)
    expect(await sim.requests()).toEqual({ 'GET /cluster/resources': 1 })
  })

  it('leaves nobody waiting who asks for a listing while or after it ends', async () => {
    await inventory.since(0)
    const asked = inventory.since(systemClock.monotonicMs() + 60_000)
    stop.abort()
    await expect(asked).rejects.toThrow('no longer watches')
    await running
    await expect(inventory.since(systemClock.monotonicMs())).rejects.toThrow('no longer watches')
  })

  it('tells of the guests that changed and of no others', async () => {
    await inventory.since(0)
    changes.length = 0
    await sim.hook('lock', 9010, 'backup')
    await inventory.since(systemClock.monotonicMs())
    expect(changes.map(({ vmids }) => [...vmids])).toEqual([[9010]])
    expect(inventory.current()?.guests.get(9010)?.lock).toBe('backup')
  })

  it('keeps what it knows while PVE does not answer, and says since when', async () => {
    const known = await inventory.since(0)
    changes.length = 0
    await sim.fault({ route: 'GET /cluster/resources', status: 500, reason: 'got timeout', times: 2 })
    await expect(inventory.since(systemClock.monotonicMs())).rejects.toThrow('got timeout')
    expect(inventory.current()).toBe(known)
    expect(inventory.unreachableSinceMs).toBeGreaterThan(known.startedAtMs)
    expect(inventory.lastError).toBe('got timeout')
    await expect(inventory.since(systemClock.monotonicMs())).rejects.toThrow('got timeout')
    await inventory.since(systemClock.monotonicMs())
    expect(inventory.unreachableSinceMs).toBeUndefined()
    expect(changes.map(({ reachability }) => reachability)).toEqual([false, true])
  })
})

/** PVE's rows are up to this old (pvestatd, one round every 10 s), and what a guest does to its own power is to be seen in less than 20 s. */
const rowsAreOldMs = 12_000
const seenWithinMs = 20_000

it('the pause between two listings leaves time to see the power of a guest within 20 s, and is shorter while something is under way', async () => {
  const sim = await simulated()
  const pauses: number[] = []
  const stop = new AbortController()
  let wake = (): void => undefined
  // A clock that stands still, so that a pause is what was asked for.
  const sleep = (ms: number, signal?: AbortSignal) => {
    pauses.push(ms)
    return new Promise<void>((resolve) => {
      wake = resolve
      signal?.addEventListener('abort', () => resolve(), { once: true })
    })
  }
  const clock = { now: () => 0, monotonicMs: () => 0, sleep, after: () => () => undefined }
  const inventory = new Inventory({ pve: sim.pve, clock })
  const running = inventory.run(stop.signal)
  await inventory.since(0)
  await until('it rests', () => pauses.length === 1)
  const release = inventory.hold()
  await until('it rests for less', () => pauses.length === 2)
  release()
  stop.abort()
  wake()
  await running
  await sim.stop()
  expect(rowsAreOldMs + pauses[0]!).toBeLessThan(seenWithinMs)
  expect(pauses[1]).toBeLessThan(pauses[0]!)
})
