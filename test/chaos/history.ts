// A random history: what people do to VMs, what goes wrong in PVE, when the operator dies. From the seed alone, before anything runs.
import { Random } from '../../src/simulator/world/random.ts'

/** What a user or a billing system does to one VM. */
export const userActions = [
  'create',
  'delete',
  'deleteByRemove',
  'deleteByOrphan',
  'suspend',
  'unsuspend',
  'changeLive',
  'changeCold',
  'growDisk',
  'changeAddress',
  'rename',
  'reinstall',
  'reinstallImpossible',
  'Start',
  'Stop',
  'Shutdown',
  'Reboot',
  'Remove',
  'Clone',
  'ChangePackage',
  'pause',
  'resume',
] as const
/** What an admin does to one guest in PVE, by hand. */
export const adminActions = [
  'stop',
  'start',
  'migrate',
  'hibernate',
  'editConfig',
  'lock',
  'unlock',
  'destroy',
  'addRule',
  'plantStranger',
] as const
/** What goes wrong. */
export const mishaps = [
  'lostBefore',
  'lostAfter',
  'beginsLate',
  'lostAndLate',
  'taskFails',
  'taskFailsAfter',
  'secondTaskFails',
  'warnings',
  'busy',
  'taken',
  'denied',
  'keepsFailing',
  'nodeOff',
  'storageOff',
  'noQuorum',
  'minority',
  'kubeLostBefore',
  'kubeLostAfter',
] as const

export type UserAction = (typeof userActions)[number]
export type AdminAction = (typeof adminActions)[number]
export type Mishap = (typeof mishaps)[number]

/** One moment of a history. `pick` chooses among what is there when it comes: a node, a storage, a kind of request. */
export type Moment = Readonly<
  { afterMs: number; pick: number } & (
    | { by: 'user'; does: UserAction; vm: number }
    | { by: 'admin'; does: AdminAction; vm: number }
    | { by: 'mishap'; does: Mishap; vm: number; forMs: number }
    | { by: 'crash'; atWrite: number; when: 'before' | 'after' }
    | { by: 'time'; seconds: number }
  )
>

export interface HistoryOptions {
  readonly seed: number
  /** Real milliseconds from the first moment to the last. */
  readonly lastsMs: number
  readonly vms: number
  /** Mean pause between two moments, real milliseconds. */
  readonly meanPauseMs: number
}

/** How often each happens, against one another. */
const userWeights: Partial<Record<UserAction, number>> = {
  create: 8,
  changeAddress: 3,
  delete: 2,
  suspend: 3,
  unsuspend: 4,
  reinstall: 3,
  reinstallImpossible: 2,
  Start: 3,
  resume: 2,
}
const adminWeights: Partial<Record<AdminAction, number>> = { unlock: 3, stop: 2, start: 2, destroy: 0.5, plantStranger: 0.5, addRule: 5 }

/** The same for the same options. Begins with the creation of every VM. */
export function historyOf({ seed, lastsMs, vms, meanPauseMs }: HistoryOptions): Moment[] {
  const random = new Random(seed)
  const moments: Moment[] = []
  for (let vm = 0; vm < vms; vm++) moments.push({ afterMs: 50, pick: random.next(), by: 'user', does: 'create', vm })
  let leftMs = lastsMs
  while (leftMs > 0) {
    const moment = next(random, vms, meanPauseMs)
    leftMs -= moment.afterMs
    moments.push(moment)
  }
  return moments
}

function next(random: Random, vms: number, meanPauseMs: number): Moment {
  // Mostly close together, now and then a quiet while, in which what repeats by itself shows.
  const afterMs = Math.round(random.next() < 0.03 ? 8000 : random.next() * 2 * meanPauseMs)
  const at = { afterMs, pick: random.next() }
  const vm = random.below(vms)
  const kind = random.next()
  if (kind < 0.5) return { ...at, by: 'user', does: weighted(random, userActions, userWeights), vm }
  if (kind < 0.65) return { ...at, by: 'admin', does: weighted(random, adminActions, adminWeights), vm }
  if (kind < 0.88) return { ...at, by: 'mishap', does: weighted(random, mishaps, {}), vm, forMs: 500 + random.below(4000) }
  if (kind < 0.94) return { ...at, by: 'crash', atWrite: random.below(6), when: random.next() < 0.5 ? 'before' : 'after' }
  return { ...at, by: 'time', seconds: 5 + random.below(90) }
}

function weighted<T extends string>(random: Random, all: readonly T[], weights: Partial<Record<T, number>>): T {
  const weightOf = (one: T): number => weights[one] ?? 1
  let left = random.next() * all.reduce((sum, one) => sum + weightOf(one), 0)
  for (const one of all) {
    left -= weightOf(one)
    if (left <= 0) return one
  }
  return all.at(-1) as T
}

/** One line for people. */
export function told(moment: Moment): string {
  if (moment.by === 'crash') return `the operator dies ${moment.when} its write ${moment.atWrite + 1} from here`
  if (moment.by === 'time') return `${moment.seconds} s pass at once`
  return `${moment.by}: ${moment.does} vm-${moment.vm}${moment.by === 'mishap' ? ` for ${moment.forMs} ms` : ''}`
}
