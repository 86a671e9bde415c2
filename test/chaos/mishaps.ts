// What goes wrong in PVE and on the way to it: scripted faults of the simulator, each for a while.
import type { CallInfo } from '../../src/simulator/contracts.ts'
import { plantStranger } from './admins.ts'
import type { Mishap, Strike, UserAction } from './history.ts'
import type { Keeper } from './keeper.ts'
import { clone, destroy, otherRoutes, reboot, routesOf, silentRoutes, taskRoutes } from './routes.ts'
import { knownAtOnce, nameOf, type Scene } from './scene.ts'
import { bornLate } from './sequels.ts'

const failure = { exitstatus: 'injected by chaos' }
const busy = { status: 500, reason: "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout" }
/** Simulated: more than the minute after which a lost request is believed lost, once time is skipped. */
const lateMs = (pick: number): number => 10_000 + Math.floor(pick * 90_000)

type Fault = Record<string, unknown>

/** What strikes a request, by the route. A reboot's second task has a route of its own. */
const blows: Partial<Record<Mishap, (route: string, pick: number) => Fault>> = {
  lostBefore: (route) => ({ route, drop: 'before' }),
  lostAfter: (route) => ({ route, drop: 'after' }),
  beginsLate: (route, pick) => ({ route, beginAfterMs: lateMs(pick) }),
  // A lost destroy that began after its VMID is somebody's again would be PVE's doing, and no operator's to prevent.
  lostAndLate: (route, pick) => ({ route, drop: 'after', ...(route !== destroy && { beginAfterMs: lateMs(pick) }) }),
  taskFails: (route) => ({ route, task: { ...failure, before: true } }),
  taskFailsAfter: (route) => ({ route, task: failure }),
  secondTaskFails: () => ({ route: reboot, secondTask: { ...failure, before: true } }),
  secondTaskLate: (_, pick) => ({ route: reboot, secondTask: { extraMs: lateMs(pick) } }),
  // PVE takes it, and what was asked for does not show.
  noEffect: (route) => ({ route, times: 'always', task: { noEffect: true } }),
  // For half a minute of the operator's time and more, seconds here.
  hangs: (route, pick) => ({ route, task: { extraMs: lateMs(pick) * 2 } }),
  // What it had locked stays locked.
  workerDies: (route) => ({ route, task: { kill: true } }),
  warnings: (route) => ({ route, task: { warnings: 1 } }),
  busy: (route) => ({ route, ...busy, times: 2 }),
  // The clean-up of the last stop has the lock, for which the task waits too short.
  lockHeld: (route) => ({ route, times: 2, task: { exitstatus: busy.reason, before: true } }),
  // PVE waits 10 s for it.
  lockStays: (route) => ({ route, times: 'always', task: { exitstatus: busy.reason, before: true, extraMs: 20_000 } }),
  denied: (route) => ({ route, status: 403, reason: 'Permission check failed (/vms/100, VM.Config.Disk)' }),
  keepsFailing: (route) => ({ route, times: 'always', task: { ...failure, before: true } }),
}
/** What is off altogether. */
const outages: Partial<Record<Mishap, (pick: number) => Fault>> = {
  nodeOff: (pick) => ({ node: { name: oneOf(['pve2', 'pve3'], pick), state: 'off' } }),
  nodeDies: (pick) => ({ node: { name: oneOf(['pve2', 'pve3'], pick), state: 'off' } }),
  storageOff: () => ({ storage: { name: 'local-lvm', state: 'off' } }),
  noQuorum: () => ({ noQuorum: true }),
  // The node that answers shows the guests of the others as they were when it was cut off.
  minority: () => ({ minority: true }),
}
/** Without a task there is none that could fail. */
const alsoWithoutTask: readonly Mishap[] = ['lostBefore', 'lostAfter']
const lateOnes: readonly Mishap[] = ['beginsLate', 'lostAndLate', 'hangs', 'secondTaskLate']
const hourMs = 3_600_000
/** Of those that begin latest. */
const jumpsFrom = 0.75
/** By then the request is mostly sent. */
const jumpAfterMs = 900
/** Real time in which the request of an action is waited for. */
const strikesForMs = 4000
/** Times as long as the history says: HA takes a dead node's guests after 3 minutes, which are 9 s here. */
const longer: Partial<Record<Mishap, number>> = { keepsFailing: 4, noEffect: 2, lockStays: 2, nodeDies: 5 }

export class Mishaps {
  readonly #scene: Scene
  readonly #keeper: Keeper
  readonly #ending = new Map<string, NodeJS.Timeout>()
  readonly #outages = new Set<string>()
  /** Armed fault → the VM it is about. */
  readonly #struck = new Map<string, number | undefined>()
  #takesNextClone = false

  constructor(scene: Scene, keeper: Keeper) {
    this.#scene = scene
    this.#keeper = keeper
  }

  /** Something is armed that may delay what is done to this VM. */
  mayDelay(vmid: number): boolean {
    return this.isOutage || [...this.#struck.values()].some((of) => of === undefined || of === vmid)
  }

  #jump(pick: number): void {
    const ms = pick < 0.5 ? hourMs : -hourMs
    this.#scene.tell(`  the clock is set ${pick < 0.5 ? 'forward' : 'back'} by an hour`)
    this.#scene.world.clock.jump(ms)
  }

  get isOutage(): boolean {
    return this.#outages.size > 0
  }

  strike(does: Mishap, target: number, pick: number, forMs: number): void {
    if (does === 'kubeLostBefore') return this.#keeper.loseNextOfKube('lost before')
    if (does === 'kubeLostAfter') return this.#keeper.loseNextOfKube('lost after')
    if (does === 'clockJumps') return this.#jump(pick)
    if (does === 'taken') {
      this.#takesNextClone = true
      return
    }
    const outage = outages[does]?.(pick)
    if (outage) return this.#arm(does, outage, forMs, undefined)
    const route = oneOf(struckBy(does), pick)
    const { vmid } = this.#scene.ledger.of(nameOf(target))
    // Of the VM where it has one and the fault is not about a clone, else of whoever comes first.
    const isOfOne = !route.endsWith('/clone') && (pick * 1000) % 1 < 0.6
    this.#arm(does, faultOf(does, route, pick), forMs, isOfOne ? vmid : undefined)
  }

  /** The next request of those that `action` leads to at this VM. */
  strikeAction(action: UserAction, { does, pick }: Strike, target: number): void {
    const name = nameOf(target)
    const { vmid } = this.#scene.ledger.of(name)
    const routes = routesOf[action]?.filter((route) => mayStrike(does, action, route)) ?? []
    if (routes.length === 0) return
    const route = oneOf(routes, pick)
    // Somebody sets the clock while the request is open.
    if (does === 'lostAndLate' && pick > jumpsFrom) setTimeout(() => this.#jump((pick - jumpsFrom) / (1 - jumpsFrom)), jumpAfterMs)
    // A VM that is being born has no VMID that anybody knows, and is called as its object.
    const ofOne = action === 'create' && route === clone && { match: { params: { name } } }
    this.#arm(does, { ...faultOf(does, route, pick), ...ofOne }, strikesForMs, route === clone ? undefined : vmid)
  }

  #arm(does: Mishap, fault: Fault, forMs: number, vmid: number | undefined): void {
    const id = `${does}-${this.#scene.number()}`
    this.#scene.world.simulator.faults.add([{ id, ...fault, ...(vmid !== undefined && { match: { vmid } }) }], [])
    if (lateOnes.includes(does)) this.#scene.comesLate(vmid)
    if (does in outages) this.#outages.add(id)
    if (does in outages) this.#unsettle()
    this.#struck.set(id, vmid)
    const lastsMs = forMs * (longer[does] ?? 1)
    this.#ending.set(
      id,
      setTimeout(() => this.#end(id), lastsMs),
    )
  }

  /** Sees each request of an operator before PVE does. */
  sees({ method, template, params }: CallInfo): void {
    if (!this.#takesNextClone || method !== 'POST' || !template.endsWith('/clone')) return
    this.#takesNextClone = false
    const vmid = Number(params['newid'])
    const isUsedBefore = this.#scene.ledger.ofVmid(vmid)?.wasReady ?? false
    plantStranger(this.#scene, vmid, isUsedBefore ? undefined : knownAtOnce)
  }

  /** Everything works again. */
  calm(): void {
    this.#takesNextClone = false
    for (const id of this.#ending.keys()) this.#end(id)
  }

  /** What ran where something is off may be off after it. */
  #unsettle(): void {
    this.#scene.ledger.touchedAll()
    for (const account of this.#scene.ledger.all()) account.shouldRun = false
  }

  #end(id: string): void {
    clearTimeout(this.#ending.get(id))
    this.#ending.delete(id)
    const vmid = this.#struck.get(id)
    this.#struck.delete(id)
    if (this.#outages.delete(id)) this.#unsettle()
    this.#scene.world.simulator.faults.remove(id)
    if (lateOnes.some((late) => id.startsWith(late))) this.#scene.comesLate(vmid)
  }
}

/** What has no effect shows only at some requests; a birth that comes late is one whose clone does. */
function mayStrike(does: Mishap, action: UserAction, route: string): boolean {
  if (does === 'noEffect') return silentRoutes.includes(route)
  return action !== 'create' || !bornLate.has(does) || route === clone
}

/** Routes of requests that it may meet. */
function struckBy(does: Mishap): readonly string[] {
  if (does === 'noEffect') return silentRoutes
  return alsoWithoutTask.includes(does) ? [...taskRoutes, ...otherRoutes] : taskRoutes
}

function faultOf(does: Mishap, route: string, pick: number): Fault {
  const fault = blows[does]?.(route, pick)
  if (!fault) throw new Error(`no fault for ${does}`)
  return fault
}

function oneOf<T>(all: readonly T[], pick: number): T {
  return all[Math.floor(pick * 97) % all.length] as T
}
