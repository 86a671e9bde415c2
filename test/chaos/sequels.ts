// What follows on what in a history: moments that show a mistake only together, and what needs a quiet while to show.
import type { AdminAction, Mishap, UserAction } from './history.ts'

export interface Sequel {
  /** One of these, to the same VM. */
  readonly does: readonly UserAction[]
  /** Real milliseconds after what it follows, from and to. */
  readonly after: readonly [number, number]
  /** In [0, 1], together with those beside it. */
  readonly odds: number
  /** Real ms, from what it follows, in which people leave the VM alone otherwise: what shows only at a VM that comes to rest. */
  readonly restMs?: number
}

/** By then the operator must know what was so before: 8 looks of the oracle. */
const whenKnown = [5_000, 7_500] as const
const meanwhile = [0, 1_200] as const

const sequels: Readonly<Partial<Record<UserAction | AdminAction, readonly Sequel[]>>> = {
  // Pressed while what was asked for is under way.
  changeCold: [{ does: ['Stop', 'Shutdown'], after: [0, 800], odds: 0.4 }],
  ChangePackage: [{ does: ['Stop', 'suspend'], after: meanwhile, odds: 0.35 }],
  changeAddress: [{ does: ['Stop', 'changeAddress', 'suspend'], after: meanwhile, odds: 0.25 }],
  Start: [{ does: ['suspend'], after: [0, 400], odds: 0.2 }],
  reinstall: [{ does: ['suspend', 'delete'], after: meanwhile, odds: 0.15 }],
  // Something cannot be done, and suspension does not wait for it.
  packageLost: [
    { does: ['suspend'], after: [300, 2_500], odds: 0.3 },
    { does: ['Reinstall', 'reinstall'], after: whenKnown, odds: 0.3, restMs: 9_000 },
  ],
  reinstallImpossible: [{ does: ['suspend'], after: [300, 2_500], odds: 0.2 }],
  // What must not be done any more, and what must be done again.
  suspend: [
    { does: ['Start', 'Reboot', 'changeCold'], after: whenKnown, odds: 0.3 },
    { does: ['unsuspend'], after: whenKnown, odds: 0.5, restMs: 12_000 },
  ],
  pause: [{ does: ['changeLive', 'Stop', 'changeCold', 'rename'], after: whenKnown, odds: 0.6 }],
  replace: [{ does: ['changeLive', 'Stop', 'delete', 'rename'], after: whenKnown, odds: 0.7 }],
  // What people did must outlive it.
  hangOn: [{ does: ['Reinstall', 'reinstall'], after: [700, 2_500], odds: 0.4, restMs: 10_000 }],
  toPool: [{ does: ['Reinstall', 'reinstall'], after: [700, 2_500], odds: 0.3 }],
  editConfig: [{ does: ['growDisk'], after: [200, 900], odds: 0.3 }],
}

/** These show what they should only at a VM that is there and works. */
export const needsCalm: ReadonlySet<UserAction | AdminAction> = new Set<UserAction | AdminAction>([
  'suspend',
  'Reboot',
  'Stop',
  'Shutdown',
  'changeCold',
  'hangOn',
  'editAndRestart',
  'packageLost',
  'delete',
  'changeAddress',
])

/** A request that comes late is met by the end of its object. */
const afterLate: Sequel = { does: ['delete', 'deleteByRemove'], after: [400, 1_500], odds: 0.7 }
export const bornLate: ReadonlySet<Mishap> = new Set<Mishap>(['beginsLate', 'lostAndLate'])

export function sequelsOf(does: UserAction | AdminAction, struckBy: Mishap | undefined): readonly Sequel[] {
  // What repeats itself without effect shows only while nobody asks for anything else.
  if (struckBy === 'noEffect') return []
  return does === 'create' && struckBy && bornLate.has(struckBy) ? [afterLate] : (sequels[does] ?? [])
}

/** How often something strikes the requests of these. Of others 0.35. */
export const strikeOdds: Readonly<Partial<Record<UserAction, number>>> = {
  Reboot: 0.6,
  delete: 0.75,
  deleteByRemove: 0.5,
  Start: 0.5,
  Stop: 0.5,
  Shutdown: 0.5,
}

/** Half of all strikes at these are one of these. */
export const likelyStrikes: Readonly<Partial<Record<UserAction, readonly Mishap[]>>> = {
  create: ['lostAfter', 'lostAndLate', 'lostAndLate', 'beginsLate', 'beginsLate', 'busy'],
  delete: ['keepsFailing', 'keepsFailing', 'keepsFailing', 'taskFails', 'lostAfter'],
  deleteByRemove: ['taskFails', 'keepsFailing'],
  Remove: ['taskFails', 'keepsFailing'],
  Reboot: ['secondTaskFails', 'secondTaskFails', 'secondTaskLate', 'lockHeld'],
  growDisk: ['noEffect'],
  changeLive: ['noEffect'],
  changeCold: ['noEffect', 'taskFails', 'hangs'],
  Start: ['taskFails', 'lockHeld', 'lockHeld'],
  Stop: ['taskFails', 'lockHeld', 'lockHeld'],
  Shutdown: ['taskFails', 'lockHeld', 'lockHeld'],
  Reinstall: ['taskFails', 'workerDies', 'lostAfter'],
}

/** These show only while nothing else happens: real milliseconds in which nothing happens at all, and to this VM. */
export const quietAfter: Readonly<Partial<Record<Mishap, { readonly all: number; readonly vm: number }>>> = {
  keepsFailing: { all: 3_500, vm: 9_000 },
  noEffect: { all: 3_500, vm: 9_000 },
}

/** So long people leave a VM alone after this, but for its sequel. */
export const restAfter: Readonly<Partial<Record<UserAction | AdminAction, number>>> = {
  destroy: 6_000,
  unsuspend: 5_000,
  Reboot: 3_000,
  replace: 8_000,
  pause: 8_000,
  editAndRestart: 6_000,
}
