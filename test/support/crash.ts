import { isDeepStrictEqual } from 'node:util'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { aV4Pool, aV6Pool, vpsM, whmcs5546 } from './builders.ts'
import { clonesOf, difference, guestsOf, holders, portrait } from './portrait.ts'
import { until } from './until.ts'
import type { Write } from './wire.ts'
import { TestWorld } from './world.ts'

/** Where a walk strikes: at the n-th write, before or after the receiver had it. */
export interface Point {
  readonly index: number
  readonly write: Write
  readonly when: 'before' | 'after'
}

export const nameOf = ({ index, write, when }: Point) => `${when} write ${index + 1}, ${write.what}`

/** A world for one lane of a walk: pools and a package for the VM of the golden trace. */
export interface Lane {
  readonly world: TestWorld
  readonly pools: readonly [string, string]
  readonly packageName: string
}

export async function openLane(): Promise<Lane> {
  const world = await TestWorld.start({ speed: 20 })
  const v4 = await world.pool(aV4Pool())
  const v6 = await world.pool(aV6Pool())
  return { world, pools: [v4, v6], packageName: await world.package(vpsM) }
}

export const bear = ({ world, pools: [v4, v6], packageName }: Lane, name: string) => world.apply(name, whmcs5546({ v4, v6, packageName }))

/** Before the first write and after each: to all that lives on, a death before a write is the one after the write before it. */
export const pointsOf = (writes: readonly Write[]): Point[] => [
  ...writes.slice(0, 1).map((write) => ({ index: 0, write, when: 'before' as const })),
  ...writes.map((write, index) => ({ index, write, when: 'after' as const })),
]

/** They wait for PVE's tasks most of the time. */
const mostLanes = 10

/**
 * Does `visit` for every point, in several lanes at once, each with a world of its own. Answers with what was not as it should be.
 * A lane in which something went wrong is given up for a fresh one; with `isFresh` each point has its own.
 */
export async function walk<T>(
  points: readonly T[],
  visit: (lane: Lane, point: T) => Promise<void>,
  { isFresh = false, name = (point) => nameOf(point as Point) }: { isFresh?: boolean; name?: (point: T) => string } = {},
): Promise<string[]> {
  const left = [...points]
  const faults: string[] = []
  const one = async (): Promise<void> => {
    let lane = await openLane()
    for (let point = left.shift(); point; point = left.shift()) {
      try {
        await visit(lane, point)
        if (!isFresh || left.length === 0) continue
        await lane.world.stop()
        lane = await openLane()
      } catch (fault) {
        faults.push(`${name(point)}: ${fault instanceof Error ? fault.message : String(fault)}`)
        await lane.world.stop().catch(() => undefined)
        lane = await openLane()
      }
    }
    await lane.world.stop()
  }
  await Promise.all(Array.from({ length: Math.min(mostLanes, points.length) }, one))
  return faults
}

/** The operator dies at the point and another one takes over; if it did not come that far the point was not there this time. */
export async function dieAndTakeOver({ world }: Lane, { index, when }: Point, act: () => Promise<unknown>, isOver: () => Promise<boolean>) {
  let count = 0
  let isDead = false
  const dead = world.operator?.wire.dieAt(() => count++ === index, when).then(() => (isDead = true))
  await act()
  await until('the operator died or finished', async () => isDead || (await isOver()))
  if (isDead) await dead
  await world.killOperator()
  await world.startOperator()
}

/** Waits until the VM is Ready; where it waits for a lost answer to turn up, the minute passes at once. */
export async function untilReadySkipping({ world }: Lane, name: string, seconds = 60): Promise<ProxmoxVM> {
  let last: ProxmoxVM | undefined
  let skippedFor = ''
  return await until(
    `${name} is Ready`,
    async () => {
      last = await world.vm(name)
      const ready = world.condition(last, 'Ready')
      if (ready?.message.includes('may have been lost') && skippedFor !== ready.message) {
        skippedFor = ready.message
        world.skip(61_000)
      }
      return ready?.status === 'True' && last?.status?.observedGeneration === last?.metadata.generation ? last : undefined
    },
    { seconds, describe: () => last?.status },
  )
}

/** One VM, one clone that succeeded, one VMID, its addresses and no others, and the guest as an undisturbed birth would have left it. */
export async function assertWhole({ world, pools }: Lane, vm: ProxmoxVM, undisturbed: readonly string[]): Promise<void> {
  const { vmid = 0, localStatus, remoteStatus, addresses } = vm.status ?? {}
  const made = guestsOf(world, vm).map((guest) => guest.vmid)
  same('VMs with our mark', made, [vmid])
  same(
    'guests in PVE',
    world.guests().map((guest) => guest.vmid),
    [vmid],
  )
  same('clones that succeeded', clonesOf(world, vmid), 1)
  same('localStatus and power', [localStatus, remoteStatus], ['ready', 'running'])
  const expected = (addresses ?? []).map((held) => `${held.address} ${vm.metadata.uid}`).toSorted()
  same('number of addresses', expected.length, 2)
  same('held addresses', await holders(world, pools), expected)
  same('the guest', difference(portrait(world, vm), undisturbed), [])
}

/** Nothing of the VM is left, and nothing else is gone. */
export async function assertGone({ world, pools }: Lane): Promise<void> {
  same(
    'guests in PVE',
    world.guests().map((guest) => guest.vmid),
    [],
  )
  same('held addresses', await holders(world, pools), [])
}

export function same(what: string, seen: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(seen, wanted)) throw new Error(`${what}: ${JSON.stringify(seen)} instead of ${JSON.stringify(wanted)}`)
}

/** Until the object is gone; a clone request whose answer was lost is waited out by the clock (the operator lets go of it after five minutes). */
export async function untilGoneSkipping({ world }: Pick<Lane, 'world'>, name: string, seconds = 60): Promise<void> {
  let last: ProxmoxVM | undefined
  await until(
    `${name} is gone`,
    async () => {
      const vm = (last = await world.vm(name))
      if (vm && world.condition(vm, 'Ready')?.message.includes('may have been lost')) world.skip(61_000)
      return vm === undefined
    },
    { everyMs: 300, seconds, describe: () => last?.status },
  )
}
