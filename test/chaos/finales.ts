// How every history ends: moments that show a mistake only where nothing else happens to the VM afterwards.
import type { Random } from '../../src/simulator/world/random.ts'
import type { Coming, Fleet } from './fleet.ts'
import type { Mishap, UserAction } from './history.ts'
import { type Fits, isManual, isRestarted, isSwitchable } from './vms.ts'

interface Finale {
  readonly does: UserAction
  readonly next: readonly {
    readonly does: UserAction
    /** Real milliseconds since the one before, from and to. */
    readonly after: readonly [number, number]
    readonly struckBy?: Mishap
  }[]
  readonly at?: Fits
  /** Real milliseconds after the last of these in which what strikes them goes on, and nothing else happens. */
  readonly lastsMs?: number
}

/** Eight looks of the oracle, and a try of the operator after them. */
const untilKnown = 4_500

/**
 * How every history ends, each at a VM of its own that nobody touches afterwards: what shows only where no fault and no later wish excuses it. A
 * suspension does not wait for a package; an address is not free while the guest has it; a Stop outlives the change that it meets; a Start that
 * PVE is too busy for is not carried out after a suspension.
 */
const finales: readonly Finale[] = [
  {
    does: 'Stop',
    next: [
      { does: 'Start', after: [1_800, 2_600], struckBy: 'lockStays' },
      { does: 'suspend', after: [600, 1_200] },
    ],
    at: isSwitchable,
    lastsMs: untilKnown,
  },
  { does: 'packageLost', next: [{ does: 'suspend', after: [300, 1_500] }] },
  { does: 'changeAddress', next: [{ does: 'changeAddress', after: [300, 1_500] }], at: isManual },
  { does: 'changeAddress', next: [{ does: 'changeLive', after: [300, 1_500] }], at: isManual },
  { does: 'changeCold', next: [{ does: 'Stop', after: [0, 300] }], at: isRestarted },
  { does: 'changeCold', next: [{ does: 'Stop', after: [200, 700] }], at: isRestarted },
]

/** All of them, from `atMs` on. */
export function drawFinales(random: Random, fleet: Fleet, atMs: number): Coming[] {
  const coming: Coming[] = []
  let fromMs = atMs
  for (const each of finales) {
    const moments = finaleOf(random, fleet, each, fromMs)
    coming.push(...moments)
    if (each.lastsMs !== undefined) fromMs = (moments.at(-1)?.atMs ?? fromMs) + each.lastsMs
  }
  return coming
}

function finaleOf(random: Random, fleet: Fleet, { does, next, at }: Finale, atMs: number): Coming[] {
  const of = { by: 'user', vm: fleet.calmest(at) } as const
  const first = { ...of, does, pick: random.next(), atMs }
  let lastMs = atMs
  const others = next.map(({ does: follows, after: [from, to], struckBy }) => {
    const pick = random.next()
    lastMs += from + random.below(to - from)
    return { ...of, does: follows, pick, atMs: lastMs, ...(struckBy && { struckBy: { does: struckBy, pick } }) }
  })
  fleet.note(first, others, 0)
  return [first, ...others]
}
