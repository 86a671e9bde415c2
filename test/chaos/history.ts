// A random history: what people do to VMs, what goes wrong in PVE, when the operator dies. From the seed alone, before anything runs.
import { Random } from '../../src/simulator/world/random.ts'
import { type Coming, Fleet } from './fleet.ts'
import { drawFinales } from './finales.ts'
import { routesOf, silentRoutes } from './routes.ts'
import { likelyStrikes, needsCalm, sequelsOf, strikeOdds } from './sequels.ts'
import { showsAt } from './vms.ts'

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
  'packageLost',
  'packageBack',
  'reinstall',
  'reinstallImpossible',
  'Reinstall',
  'ReinstallImpossible',
  'Start',
  'Stop',
  'Shutdown',
  'Reboot',
  'Remove',
  'Clone',
  'ChangePackage',
  'snapshot',
  'deleteSnapshot',
  'rollback',
  'makeBackup',
  'restore',
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
  'editAndRestart',
  'lock',
  'unlock',
  'destroy',
  'replace',
  'copy',
  'hangOn',
  'toPool',
  'loseStatus',
  'backup',
  'haAdd',
  'haRemove',
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
  'secondTaskLate',
  'noEffect',
  'hangs',
  'workerDies',
  'warnings',
  'busy',
  'lockHeld',
  'taken',
  'denied',
  'keepsFailing',
  'lockStays',
  'nodeOff',
  'nodeDies',
  'storageOff',
  'noQuorum',
  'minority',
  'kubeLostBefore',
  'kubeLostAfter',
  'clockJumps',
] as const

export type UserAction = (typeof userActions)[number]
export type AdminAction = (typeof adminActions)[number]
export type Mishap = (typeof mishaps)[number]

/** One moment of a history. `pick` chooses among what is there when it comes: a node, a storage, a kind of request. */
export type Moment = Readonly<
  { afterMs: number; pick: number } & (
    | { by: 'user'; does: UserAction; vm: number; struckBy?: Strike }
    | { by: 'admin'; does: AdminAction; vm: number }
    | { by: 'mishap'; does: Mishap; vm: number; forMs: number }
    | { by: 'crash'; atWrite: number; when: 'before' | 'after' }
    | { by: 'time'; seconds: number }
  )
>

/** A mishap that meets the very requests an action of a user leads to. */
export interface Strike {
  readonly does: Mishap
  readonly pick: number
}

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
  changeAddress: 4,
  changeLive: 3,
  growDisk: 3,
  delete: 3,
  suspend: 3,
  unsuspend: 4,
  reinstall: 3,
  changeCold: 2,
  reinstallImpossible: 2,
  packageLost: 3,
  packageBack: 2,
  Start: 4,
  Stop: 2,
  Reboot: 4,
  snapshot: 2,
  makeBackup: 2,
  resume: 2,
  Clone: 2,
}
const adminWeights: Partial<Record<AdminAction, number>> = {
  unlock: 3,
  stop: 2,
  start: 2,
  destroy: 1,
  replace: 1.5,
  copy: 0.5,
  plantStranger: 0.5,
  editAndRestart: 2,
  hangOn: 5,
  toPool: 2,
  haAdd: 3,
  loseStatus: 0.5,
}

/** A lock that stays belongs to a finale. */
const mishapWeights: Partial<Record<Mishap, number>> = { nodeDies: 0.4, keepsFailing: 2, taken: 3, clockJumps: 0.5, lockStays: 0 }

/** What may strike the requests of one VM. */
const strikers = mishaps.slice(0, mishaps.indexOf('keepsFailing') + 1).filter((one) => one !== 'taken')

/** The same for the same options. Begins with the creation of every VM. */
export function historyOf({ seed, lastsMs, vms, meanPauseMs }: HistoryOptions): Moment[] {
  const random = new Random(seed)
  const fleet = new Fleet(vms)
  const coming: Coming[] = []
  for (let vm = 0; vm < vms; vm++) {
    const create = { atMs: 50 * (vm + 1), pick: random.next(), by: 'user', does: 'create', vm, ...struck(random, 'create') } as const
    const { follows } = sequelTo(random, create)
    coming.push(create, ...follows)
    fleet.note(create, follows, 0)
  }
  let atMs = 50 * vms
  let troubled = random.below(vms)
  while (atMs < lastsMs) {
    // Mostly close together, now and then a quiet while, in which what repeats by itself shows.
    atMs += Math.round(random.next() < 0.03 ? 8000 : random.next() * 2 * meanPauseMs)
    // Much happens to one VM for a while, so that what is under way is met by what comes next.
    if (random.next() < 0.08) troubled = random.below(vms)
    const moment = next(random, fleet, { atMs, vm: random.next() < 0.55 ? troubled : random.below(vms) })
    if ('vm' in moment && moment.by !== 'mishap' && fleet.isResting(moment.vm, atMs)) continue
    const { follows, restMs } = sequelTo(random, moment)
    coming.push(moment, ...follows)
    atMs += fleet.note(moment, follows, restMs)
  }
  return inOrder([...coming, ...drawFinales(random, fleet, atMs)])
}

function inOrder(coming: readonly Coming[]): Moment[] {
  let beforeMs = 0
  return coming
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(({ atMs, ...moment }) => {
      const afterMs = atMs - beforeMs
      beforeMs = atMs
      return { ...moment, afterMs } as Moment
    })
}

function next(random: Random, fleet: Fleet, { atMs, vm }: { atMs: number; vm: number }): Coming {
  const at = { atMs, pick: random.next() }
  const kind = random.next()
  if (kind < 0.6) {
    const does = weighted(random, userActions, userWeights)
    const strike = struck(random, does)
    return { ...at, by: 'user', does, vm: whom(random, fleet, { does, atMs, vm, struckBy: strike.struckBy?.does }), ...strike }
  }
  if (kind < 0.75) {
    const does = weighted(random, adminActions, adminWeights)
    return { ...at, by: 'admin', does, vm: whom(random, fleet, { does, atMs, vm }) }
  }
  if (kind < 0.88) return { ...at, by: 'mishap', does: weighted(random, mishaps, mishapWeights), vm, forMs: 500 + random.below(4000) }
  if (kind < 0.94) return { ...at, by: 'crash', atWrite: random.below(6), when: random.next() < 0.5 ? 'before' : 'after' }
  return { ...at, by: 'time', seconds: 5 + random.below(90) }
}

interface Meant {
  readonly does: UserAction | AdminAction
  readonly atMs: number
  readonly vm: number
  readonly struckBy?: Mishap | undefined
}

/** Mostly a VM at which it shows, if there is one; else `vm`. */
function whom(random: Random, fleet: Fleet, { does, atMs, vm, struckBy }: Meant): number {
  const isChosen = random.next() < 0.7
  // What has no effect shows only at a VM that is there, works and is left alone.
  if (struckBy === 'noEffect') return fleet.calmest()
  const needy = isUserAction(does) ? fleet.whoNeeds(does, atMs) : undefined
  if (needy !== undefined) return isChosen ? needy : vm
  return isChosen && needsCalm.has(does) ? fleet.calmest(showsAt[does]) : vm
}

const isUserAction = (does: UserAction | AdminAction): does is UserAction => (userActions as readonly string[]).includes(does)

/** What comes after it to the same VM, if anything does, and for how many ms people leave the VM alone but for that. */
function sequelTo(random: Random, moment: Coming): { follows: Coming[]; restMs: number } {
  const none = { follows: [], restMs: 0 }
  if (moment.by !== 'user' && moment.by !== 'admin') return none
  let left = random.next()
  for (const { odds, does, after, restMs = 0 } of sequelsOf(moment.does, moment.by === 'user' ? moment.struckBy?.does : undefined)) {
    left -= odds
    if (left >= 0) continue
    const [from, to] = after
    const follows = does[random.below(does.length)] ?? 'Stop'
    return {
      follows: [{ atMs: moment.atMs + from + random.below(to - from), pick: random.next(), by: 'user', does: follows, vm: moment.vm }],
      restMs,
    }
  }
  return none
}

function struck(random: Random, does: UserAction): { struckBy?: Strike } {
  if (random.next() >= (strikeOdds[does] ?? 0.35)) return {}
  const likely = likelyStrikes[does] ?? []
  const isLikely = likely.length > 0 && random.next() < 0.6
  const mishap = isLikely ? likely[random.below(likely.length)] : undefined
  const strike = { does: mishap ?? weighted(random, strikers, {}), pick: random.next() }
  // Nothing of it would show, and the quiet after it would be for nothing.
  const isIdle = strike.does === 'noEffect' && !routesOf[does]?.some((route) => silentRoutes.includes(route))
  return isIdle ? {} : { struckBy: strike }
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
  const more = moment.by === 'mishap' ? ` for ${moment.forMs} ms` : ''
  const struck = moment.by === 'user' && moment.struckBy ? `, struck by ${moment.struckBy.does}` : ''
  return `${moment.by}: ${moment.does} vm-${moment.vm}${more}${struck}`
}
