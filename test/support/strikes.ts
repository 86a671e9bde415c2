import type { FaultPlan } from '../../src/simulator/contracts.ts'
import type { Simulator } from '../../src/simulator/simulator.ts'
import { asAdmin } from './pve-gate.ts'
import { until } from './until.ts'
import type { Fate, Write } from './wire.ts'
import type { TestWorld } from './world.ts'

/** One thing that goes wrong with one request. `onKube`: also with a write to the API server. */
export interface Mishap {
  readonly name: string
  readonly fate: Fate
  readonly isDeath?: boolean
  readonly onKube?: boolean
  /** What goes off before the request is there, for a minute of PVE's time. */
  readonly outage?: 'node' | 'storage'
  /** Absent: with any request. */
  readonly suits?: (write: Write) => boolean
}

const plan = (name: string, by: FaultPlan): Mishap => ({ name, fate: { plan: by } })
const busy = { status: 500, reason: "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout" } as const

/** Everything that a walk strikes with. Times are of a PVE 20 times as fast as a real one. */
export const mishaps: readonly Mishap[] = [
  { name: 'death before', fate: 'lost before', isDeath: true, onKube: true },
  { name: 'death after', fate: 'lost after', isDeath: true, onKube: true },
  { name: 'answer lost before', fate: 'lost before', onKube: true },
  { name: 'answer lost after', fate: 'lost after', onKube: true },
  plan('answer lost, done 66 s later', { drop: 'after', beginAfterMs: 66_000 }),
  plan('task fails before its work', { task: { fail: 'got timeout' } }),
  plan('task fails after its work', { task: { failAfter: 'unable to delete lock' } }),
  plan('task ends with warnings', { task: { warn: 1 } }),
  plan('refused for want of a privilege', {
    answer: { when: 'before', status: 403, reason: 'Permission check failed (/vms/100, VM.Config.Disk)' },
  }),
  plan('refused as busy', { answer: { when: 'before', ...busy } }),
  { name: 'its node goes off', fate: 'pass', outage: 'node', suits: ({ node }) => node !== undefined },
  // PVE deletes a VM whose storage is off, and leaves the disks there.
  { name: 'the storage goes off', fate: 'pass', outage: 'storage', suits: ({ what }) => !what.startsWith('DELETE') },
]

/** Where it strikes: at the n-th write of a life, or after an earlier strike at the n-th from there. */
export interface Strike {
  readonly index: number
  readonly write: Write
  readonly mishap: Mishap
}

export const nameOfStrike = ({ index, write, mishap }: Strike) => `${mishap.name} at write ${index + 1} (${write.what})`

/**
 * Does `act` and lets each strike happen in its turn. A point that is not reached, since the way is another one after the first strike, was not
 * there this time. After a death the next operator takes over.
 */
export async function suffer(
  world: TestWorld,
  strikes: readonly Strike[],
  act: () => Promise<unknown>,
  isOver: () => Promise<boolean>,
): Promise<void> {
  let isBegun = false
  for (const { index, mishap } of strikes) {
    let count = 0
    let isStruck = false
    world.operator?.wire.judgedBy((write) => {
      if (isStruck || count++ !== index) return 'pass'
      isStruck = true
      if (write.to === 'kube' && !mishap.onKube) return 'pass'
      if (mishap.outage) goOff(world, mishap.outage, write)
      if (mishap.isDeath) world.operator?.wire.cut()
      return mishap.fate
    })
    if (!isBegun) await act()
    isBegun = true
    await untilSkipping(world, 'it was struck or is over', async () => isStruck || (await isOver()))
    if (world.operator?.wire.isCut) {
      await world.killOperator()
      await world.startOperator()
    }
    world.operator?.wire.judgedBy(() => 'pass')
  }
}

const outageMs = 60_000

/** As a person at the machine does it; a node that boots starts its guests with onboot, as PVE does. */
function goOff({ simulator }: TestWorld, what: 'node' | 'storage', { node = '' }: Write): void {
  const id = what === 'node' ? `${node} off` : 'storage off'
  const outages = outagesOf.get(simulator) ?? new Map<string, number>()
  outagesOf.set(simulator, outages)
  const before = outages.get(id) ?? 0
  outages.set(id, before + 1)
  const state = what === 'node' ? { node: { name: node, state: 'off' } } : { storage: { name: 'local-lvm', state: 'off' } }
  if (before === 0) simulator.faults.add([{ id, ...state }], [])
  simulator.world.clock.after(outageMs, () => {
    const left = (outages.get(id) ?? 1) - 1
    outages.set(id, left)
    if (left > 0) return
    simulator.faults.remove(id)
    if (what === 'node') startAtBoot(simulator, node)
  })
}

/** How many outages of each thing have not ended: two that overlap are one long one. */
const outagesOf = new WeakMap<Simulator, Map<string, number>>()

function startAtBoot(simulator: Simulator, node: string): void {
  for (const guest of simulator.world.guests.values()) {
    if (guest.node !== node || guest.isRunning || guest.isTemplate || guest.config.get('onboot') !== '1') continue
    // PVE goes on with the next guest where one does not start.
    asAdmin(simulator, 'POST', `/nodes/${node}/qemu/${guest.vmid}/status/start`).catch(() => undefined)
  }
}

/** Waits with time going by faster: pauses, backoffs and the minutes given to lost answers pass in seconds. */
export async function untilSkipping<T>(world: TestWorld, what: string, look: () => Promise<T>, seconds = 120) {
  let looks = 0
  let last: T | undefined
  return await until(
    what,
    async () => {
      last = await look()
      if (!last && ++looks % 5 === 0) world.skip(4_000)
      return last
    },
    { seconds, everyMs: 100, describe: () => last },
  )
}

/** A number generator that gives the same row for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/**
 * What a run takes of a walk that is too long for each run: WALK_SEED and WALK_SAMPLES, or so many of the same seed each time, so that
 * a change is not judged by the day it lands on. Print both.
 */
export const sampleOf = (usual: number): { readonly seed: number; readonly samples: number } => ({
  seed: Number(process.env.WALK_SEED ?? 20_783),
  samples: Number(process.env.WALK_SAMPLES ?? usual),
})

/** `count` of them, or all, in the order the seed gives. */
export function sampled<T>(all: readonly T[], count: number, random: () => number): T[] {
  const rest = [...all]
  const taken: T[] = []
  while (taken.length < count && rest.length > 0) taken.push(...rest.splice(Math.floor(random() * rest.length), 1))
  return taken
}
