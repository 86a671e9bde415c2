// What goes wrong in PVE and on the way to it: scripted faults of the simulator, each for a while.
import type { CallInfo } from '../../src/simulator/contracts.ts'
import { plantStranger } from './admins.ts'
import type { Mishap } from './history.ts'
import type { Keeper } from './keeper.ts'
import { nameOf, type Scene } from './scene.ts'

const vm = '/nodes/{node}/qemu/{vmid}'
const destroy = `DELETE ${vm}`
/** Requests that start a task. */
const tasks = [
  `POST ${vm}/clone`,
  `POST ${vm}/clone`,
  `POST ${vm}/config`,
  `PUT ${vm}/resize`,
  `POST ${vm}/status/start`,
  `POST ${vm}/status/stop`,
  `POST ${vm}/status/shutdown`,
  `POST ${vm}/status/reboot`,
  destroy,
]
const others = [
  `POST ${vm}/firewall/rules`,
  `PUT ${vm}/firewall/options`,
  `POST ${vm}/firewall/ipset/{name}`,
  `GET ${vm}/config`,
  `GET ${vm}/status/current`,
]
const failure = { exitstatus: 'injected by chaos' }
const busy = { status: 500, reason: "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout" }
/** Simulated: more than the minute after which a lost request is believed lost, once time is skipped. */
const lateMs = (pick: number): number => 10_000 + Math.floor(pick * 90_000)

type Fault = Record<string, unknown>

/** The fault of one mishap; undefined: it is none of the simulator's scripted ones. */
const faults: Partial<Record<Mishap, (pick: number) => Fault>> = {
  lostBefore: (pick) => ({ route: oneOf([...tasks, ...others], pick), drop: 'before' }),
  lostAfter: (pick) => ({ route: oneOf([...tasks, ...others], pick), drop: 'after' }),
  beginsLate: (pick) => ({ route: oneOf(tasks, pick), beginAfterMs: lateMs(pick) }),
  // A lost destroy that began after its VMID is somebody's again would be PVE's doing, and no operator's to prevent.
  lostAndLate: (pick) => ({
    route: oneOf(
      tasks.filter((task) => task !== destroy),
      pick,
    ),
    drop: 'after',
    beginAfterMs: lateMs(pick),
  }),
  taskFails: (pick) => ({ route: oneOf(tasks, pick), task: { ...failure, before: true } }),
  taskFailsAfter: (pick) => ({ route: oneOf(tasks, pick), task: failure }),
  secondTaskFails: () => ({ route: `POST ${vm}/status/reboot`, secondTask: { ...failure, before: true } }),
  warnings: (pick) => ({ route: oneOf(tasks, pick), task: { warnings: 1 } }),
  busy: (pick) => ({ route: oneOf(tasks, pick), ...busy, times: 2 }),
  denied: (pick) => ({ route: oneOf(tasks, pick), status: 403, reason: 'Permission check failed (/vms/100, VM.Config.Disk)' }),
  keepsFailing: (pick) => ({ route: oneOf(tasks, pick), times: 'always', task: { ...failure, before: true } }),
  nodeOff: (pick) => ({ node: { name: oneOf(['pve2', 'pve3'], pick), state: 'off' } }),
  storageOff: () => ({ storage: { name: 'local-lvm', state: 'off' } }),
  noQuorum: () => ({ noQuorum: true }),
  // The node that answers shows the guests of the others as they were when it was cut off.
  minority: () => ({ minority: true }),
}
const outages: readonly Mishap[] = ['nodeOff', 'storageOff', 'noQuorum', 'minority']

export class Mishaps {
  readonly #scene: Scene
  readonly #keeper: Keeper
  readonly #ending = new Map<string, NodeJS.Timeout>()
  readonly #outages = new Set<string>()
  #takesNextClone = false

  constructor(scene: Scene, keeper: Keeper) {
    this.#scene = scene
    this.#keeper = keeper
  }

  /** Something is armed that may delay anything. */
  get isAny(): boolean {
    return this.#ending.size > 0
  }

  get isOutage(): boolean {
    return this.#outages.size > 0
  }

  strike(does: Mishap, target: number, pick: number, forMs: number): void {
    if (does === 'kubeLostBefore') return this.#keeper.loseNextOfKube('lost before')
    if (does === 'kubeLostAfter') return this.#keeper.loseNextOfKube('lost after')
    if (does === 'taken') {
      this.#takesNextClone = true
      return
    }
    const fault = faults[does]?.(pick)
    if (!fault) throw new Error(`no fault for ${does}`)
    const id = `${does}-${this.#scene.number()}`
    const { vmid } = this.#scene.ledger.of(nameOf(target))
    // Of the VM where it has one and the fault is not about a clone, else of whoever comes first.
    const isOfOne = vmid !== undefined && !outages.includes(does) && !String(fault['route']).endsWith('/clone') && (pick * 1000) % 1 < 0.6
    this.#scene.world.simulator.faults.add([{ id, ...fault, ...(isOfOne && { match: { vmid } }) }], [])
    this.#scene.ledger.touchedAll()
    if (outages.includes(does)) this.#outages.add(id)
    const lastsMs = does === 'keepsFailing' ? forMs * 4 : forMs
    this.#ending.set(
      id,
      setTimeout(() => this.#end(id), lastsMs),
    )
  }

  /** Sees each request of an operator before PVE does. */
  sees({ method, template, params }: CallInfo): void {
    if (!this.#takesNextClone || method !== 'POST' || !template.endsWith('/clone')) return
    this.#takesNextClone = false
    plantStranger(this.#scene, Number(params['newid']))
  }

  /** Everything works again. */
  calm(): void {
    this.#takesNextClone = false
    for (const id of this.#ending.keys()) this.#end(id)
  }

  #end(id: string): void {
    clearTimeout(this.#ending.get(id))
    this.#ending.delete(id)
    this.#outages.delete(id)
    this.#scene.world.simulator.faults.remove(id)
    this.#scene.ledger.touchedAll()
  }
}

function oneOf<T>(all: readonly T[], pick: number): T {
  return all[Math.floor(pick * 97) % all.length] as T
}
