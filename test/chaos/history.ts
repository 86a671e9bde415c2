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
  'hangs',
  'workerDies',
  'warnings',
  'busy',
  'taken',
  'denied',
  'keepsFailing',
  'nodeOff',
  'nodeDies',
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
  changeAddress: 3,
  delete: 2,
  suspend: 3,
  unsuspend: 4,
  reinstall: 3,
  reinstallImpossible: 2,
  packageLost: 3,
  Start: 4,
  Stop: 2,
  Reboot: 4,
  snapshot: 2,
  makeBackup: 2,
  resume: 2,
}
const adminWeights: Partial<Record<AdminAction, number>> = {
  unlock: 3,
  stop: 2,
  start: 2,
  destroy: 0.5,
  replace: 1,
  copy: 0.5,
  plantStranger: 0.5,
  hangOn: 5,
  haAdd: 3,
  loseStatus: 0.5,
}

const mishapWeights: Partial<Record<Mishap, number>> = { nodeDies: 0.4, keepsFailing: 2 }

/** What may strike the requests of one VM. */
const strikers = mishaps.slice(0, mishaps.indexOf('keepsFailing') + 1).filter((one) => one !== 'taken')

/** The same for the same options. Begins with the creation of every VM. */
export function historyOf({ seed, lastsMs, vms, meanPauseMs }: HistoryOptions): Moment[] {
  const random = new Random(seed)
  const moments: Moment[] = []
  for (let vm = 0; vm < vms; vm++) moments.push({ afterMs: 50, pick: random.next(), by: 'user', does: 'create', vm })
  let leftMs = lastsMs
  let troubled = random.below(vms)
  while (leftMs > 0) {
    // Much happens to one VM for a while, so that what is under way is met by what comes next.
    if (random.next() < 0.08) troubled = random.below(vms)
    const vm = random.next() < 0.55 ? troubled : random.below(vms)
    const moment = next(random, vm, meanPauseMs)
    leftMs -= moment.afterMs
    moments.push(moment)
  }
  return moments
}

function next(random: Random, vm: number, meanPauseMs: number): Moment {
  // Mostly close together, now and then a quiet while, in which what repeats by itself shows.
  const afterMs = Math.round(random.next() < 0.03 ? 8000 : random.next() * 2 * meanPauseMs)
  const at = { afterMs, pick: random.next() }
  const kind = random.next()
  if (kind < 0.6) return { ...at, by: 'user', does: weighted(random, userActions, userWeights), vm, ...struck(random) }
  if (kind < 0.75) return { ...at, by: 'admin', does: weighted(random, adminActions, adminWeights), vm }
  if (kind < 0.88) return { ...at, by: 'mishap', does: weighted(random, mishaps, mishapWeights), vm, forMs: 500 + random.below(4000) }
  if (kind < 0.94) return { ...at, by: 'crash', atWrite: random.below(6), when: random.next() < 0.5 ? 'before' : 'after' }
  return { ...at, by: 'time', seconds: 5 + random.below(90) }
}

function struck(random: Random): { struckBy?: Strike } {
  return random.next() < 0.35 ? { struckBy: { does: weighted(random, strikers, {}), pick: random.next() } } : {}
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
