import { exitText } from '../http/refusal.ts'
import type { TaskFault } from '../contracts.ts'
import type { SimClock } from '../world/clock.ts'
import type { Flocks } from '../world/flock.ts'
import type { Random } from '../world/random.ts'
import { type UpidParts, upidText } from './upid.ts'
import { InjectedFailure, Worker } from './worker.ts'

/** How many finished tasks a node remembers: index and index.1 of 50 kB each (PVE::RESTEnvironment). */
const remembered = 2000

export interface Task extends UpidParts {
  upid: string
  log: string[]
  /** Seconds since the epoch; undefined while it runs. */
  endtime?: number
  exitstatus?: string
  warnings: number
  worker: Worker
  /** Resolves when the task is over. */
  done: Promise<void>
}

export interface TaskStart {
  node: string
  type: string
  id: string
  user: string
  fault?: TaskFault | undefined
}

/** Every task of the cluster, running and finished, on the node it ran on. */
export class TaskTable {
  readonly #tasks = new Map<string, Task>()
  readonly #byNode = new Map<string, Task[]>()
  readonly #clock: SimClock
  readonly #random: Random
  readonly #flocks: Flocks
  readonly #bootMs: number
  #pid = 1000

  constructor(clock: SimClock, random: Random, flocks: Flocks) {
    this.#clock = clock
    this.#random = random
    this.#flocks = flocks
    this.#bootMs = clock.now() - 3_600_000
  }

  /** Another process id, for guests too. */
  nextPid(): number {
    this.#pid += 1 + this.#random.below(7)
    if (this.#pid > 4_000_000) this.#pid = 1000
    return this.#pid
  }

  /** Forks a worker: the UPID is there at once, the body runs after the answer has gone out. */
  start(what: TaskStart, body: (worker: Worker) => Promise<void>): Task {
    const parts: UpidParts = {
      node: what.node,
      pid: this.nextPid(),
      pstart: Math.floor((this.#clock.now() - this.#bootMs) / 10),
      starttime: this.#clock.seconds(),
      type: what.type,
      id: what.id,
      user: what.user,
    }
    const upid = upidText(parts)
    const log: string[] = []
    const worker = new Worker(this.#clock, this.#flocks, log, what.fault)
    const task: Task = { ...parts, upid, log, warnings: 0, worker, done: Promise.resolve() }
    this.#tasks.set(upid, task)
    const list = this.#byNode.get(what.node) ?? []
    list.push(task)
    this.#byNode.set(what.node, list)
    this.#forget(list)
    task.done = this.#run(task, body)
    return task
  }

  get(upid: string): Task | undefined {
    return this.#tasks.get(upid)
  }

  onNode(node: string): readonly Task[] {
    return this.#byNode.get(node) ?? []
  }

  /** SIGTERM: the worker cleans up and ends with an error text. */
  interrupt(upid: string): void {
    this.#tasks.get(upid)?.worker.interrupt()
  }

  /** SIGKILL or a node that loses power: nothing is cleaned up, file locks go with the process. */
  kill(upid: string): void {
    const task = this.#tasks.get(upid)
    if (!task || task.endtime !== undefined) return
    this.#end(task, 'unexpected status')
    task.worker.die()
  }

  killAllOn(node: string): void {
    for (const task of this.onNode(node)) if (task.endtime === undefined) this.kill(task.upid)
  }

  async #run(task: Task, body: (worker: Worker) => Promise<void>): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve))
    const died = task.worker.died.then(() => 'died' as const)
    const outcome = await Promise.race([died, this.#outcome(task.worker, body)])
    if (task.endtime !== undefined) return
    if (outcome === 'died') this.#end(task, 'unexpected status')
    else if (outcome.error !== undefined) {
      const text = outcome.error
      task.log.push(`TASK ERROR: ${text}`)
      this.#end(task, text)
    } else if (task.worker.warnings > 0) {
      task.log.push(`TASK WARNINGS: ${task.worker.warnings}`)
      this.#end(task, `WARNINGS: ${task.worker.warnings}`)
    } else {
      task.log.push('TASK OK')
      this.#end(task, 'OK')
    }
    task.worker.releaseAll()
  }

  async #outcome(worker: Worker, body: (worker: Worker) => Promise<void>): Promise<{ error?: string }> {
    try {
      if (worker.fault?.beginAfterMs !== undefined) await worker.sleep(worker.fault.beginAfterMs)
      await (worker.fault?.noEffect ? worker.work(0) : body(worker))
      const after = worker.fault?.failAfter
      if (after !== undefined) throw new InjectedFailure(after)
      for (let n = 0; n < (worker.fault?.warn ?? 0); n++) worker.warn('injected by the simulator')
      return {}
    } catch (fault) {
      return { error: exitText(fault) || 'unknown error' }
    }
  }

  #end(task: Task, exitstatus: string): void {
    task.exitstatus = exitstatus
    task.endtime = this.#clock.seconds()
  }

  #forget(list: Task[]): void {
    while (list.length > remembered) {
      const index = list.findIndex((t) => t.endtime !== undefined)
      if (index < 0) return
      const [old] = list.splice(index, 1)
      if (old) this.#tasks.delete(old.upid)
    }
  }
}
