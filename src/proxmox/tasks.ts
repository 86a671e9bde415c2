import { aborted } from '../ops/abort.ts'
import type { Clock } from '../ops/clock.ts'
import type { TaskStatus, Upid } from './answers.ts'
import type { Pve } from './endpoints.ts'
import { nodeOfUpid, startOfUpid, typeOfUpid, vmidOfUpid } from './upid.ts'
import { judge } from './failures.ts'
import { LookCadence } from './look-cadence.ts'
import { endOf, endOnSilentNode, isTaskOver, type TaskEnd } from './task-end.ts'

/** More open tasks than this on a node are looked at by one shared list. */
const listAbove = 2
/** Looks at the shared list of a node never start closer together than this. */
const closestListMs = 250
/** A node that has not answered for this long gets its tasks declared unknown; those who wait then say so, and most continue to wait. */
const nodeSilenceMs = 120_000
/** Until PVE is asked again about a task whose end it could not report. */
const unreportedAgainMs = 15_000
/** Results kept for those who ask late. */
const remembered = 5_000

interface OpenTask {
  readonly upid: Upid
  readonly kind: string
  readonly followedAtMs: number
  readonly listeners: Set<(end: TaskEnd) => void>
  looks: number
  /** Age at the last look that found it running. */
  ranMs: number
  nextLookMs: number
}

interface NodeWatch {
  readonly node: string
  readonly tasks: Map<Upid, OpenTask>
  silentSinceMs: number | undefined
  lastListMs: number
  looking: boolean
  cancel: () => void
}

/**
 * Sees tasks end. Nobody holds a worker meanwhile: who follows is called back, and who asks late finds the result remembered.
 * The first look comes when that type of task usually ends, so most tasks cost one request.
 */
export class TaskTracker {
  readonly #pve: Pick<Pve, 'task' | 'tasks'>
  readonly #clock: Clock
  readonly #cadence = new LookCadence()
  readonly #nodes = new Map<string, NodeWatch>()
  readonly #ends = new Map<Upid, TaskEnd>()
  readonly #onProblem: (fault: unknown) => void
  readonly #hold: (() => () => void) | undefined
  #release: (() => void) | undefined
  #running = false

  /**
   * `hold` is called when a task is open after none was, and what it answers when none is any more. `onProblem` gets what a
   * follower throws.
   */
  constructor(o: { pve: Pick<Pve, 'task' | 'tasks'>; clock: Clock; hold?: () => () => void; onProblem?: (fault: unknown) => void }) {
    this.#pve = o.pve
    this.#clock = o.clock
    this.#hold = o.hold
    this.#onProblem = o.onProblem ?? (() => {})
  }

  /**
   * Calls back once, never before it returns. The answer stops the call, not the task. `kind`: what takes equally long, if the type says too
   * little (a linked clone is over at once). About a task whose end PVE could not report, PVE is asked again after 15 s.
   */
  follow(upid: Upid, onEnd: (end: TaskEnd) => void, kind: string = typeOfUpid(upid)): () => void {
    const end = this.#ends.get(upid) ?? (typeOfUpid(upid) === '' ? { is: 'unknown', why: `"${upid}" is not a UPID` } : undefined)
    if (end !== undefined && isTaskOver(end)) {
      let wanted = true
      queueMicrotask(() => wanted && this.#tell(onEnd, end))
      return () => void (wanted = false)
    }
    const watch = this.#watch(nodeOfUpid(upid))
    const task = watch.tasks.get(upid) ?? this.#open(watch, upid, kind)
    task.listeners.add(onEnd)
    return () => void task.listeners.delete(onEnd)
  }

  /** Undefined: it runs, as far as is known. An end that PVE could not report (not `isTaskOver`) stays until PVE says more. */
  ended(upid: Upid): TaskEnd | undefined {
    return this.#ends.get(upid)
  }

  /** Tasks of a guest that were followed here and started at that second or later, the newest first. */
  ofGuest(vmid: number, type: string, sinceSeconds: number): Upid[] {
    const open = [...this.#nodes.values()].flatMap(({ tasks }) => [...tasks.keys()])
    return [...new Set([...this.#ends.keys(), ...open])]
      .filter((upid) => vmidOfUpid(upid) === vmid && typeOfUpid(upid) === type && startOfUpid(upid) >= sinceSeconds)
      .toSorted((a, b) => startOfUpid(b) - startOfUpid(a))
  }

  /** Tasks whose end has not been seen yet. */
  get open(): number {
    return [...this.#nodes.values()].reduce((sum, { tasks }) => sum + tasks.size, 0)
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#running = !signal.aborted
    for (const watch of this.#nodes.values()) this.#arm(watch)
    await aborted(signal)
    this.#running = false
    for (const watch of this.#nodes.values()) watch.cancel()
  }

  #watch(node: string): NodeWatch {
    const known = this.#nodes.get(node)
    if (known !== undefined) return known
    const watch: NodeWatch = { node, tasks: new Map(), silentSinceMs: undefined, lastListMs: 0, looking: false, cancel: () => {} }
    this.#nodes.set(node, watch)
    return watch
  }

  #open(watch: NodeWatch, upid: Upid, kind: string): OpenTask {
    const now = this.#clock.monotonicMs()
    // The silence that another task met, perhaps days ago, says nothing: nobody has asked the node since.
    if (watch.tasks.size === 0 && !this.#ends.has(upid)) watch.silentSinceMs = undefined
    const task = { upid, kind, followedAtMs: now, listeners: new Set<(end: TaskEnd) => void>(), looks: 0, ranMs: 0, nextLookMs: 0 }
    task.nextLookMs = now + (this.#ends.has(upid) ? unreportedAgainMs : this.#cadence.firstLookMs(kind))
    watch.tasks.set(upid, task)
    this.#release ??= this.#hold?.()
    this.#arm(watch)
    return task
  }

  #arm(watch: NodeWatch): void {
    watch.cancel()
    if (!this.#running || watch.looking || watch.tasks.size === 0) return
    const soonest = Math.min(...[...watch.tasks.values()].map(({ nextLookMs }) => nextLookMs))
    const due = watch.tasks.size > listAbove ? Math.max(soonest, watch.lastListMs + closestListMs) : soonest
    watch.cancel = this.#clock.after(Math.max(0, due - this.#clock.monotonicMs()), () => void this.#look(watch))
  }

  async #look(watch: NodeWatch): Promise<void> {
    watch.looking = true
    try {
      await (watch.tasks.size > listAbove ? this.#lookAtList(watch) : this.#lookAtDue(watch))
      watch.silentSinceMs = undefined
    } catch (fault) {
      this.#noAnswer(watch, fault)
    } finally {
      watch.looking = false
      this.#arm(watch)
    }
  }

  async #lookAtDue(watch: NodeWatch): Promise<void> {
    const now = this.#clock.monotonicMs()
    const due = [...watch.tasks.values()].filter(({ nextLookMs }) => nextLookMs <= now)
    await Promise.all(due.map((task) => this.#lookAt(watch, task)))
  }

  /** Only own tasks are in the list, and only running ones: what is missing from it has ended, or is asked for by name. */
  async #lookAtList(watch: NodeWatch): Promise<void> {
    watch.lastListMs = this.#clock.monotonicMs()
    const before = [...watch.tasks.values()]
    const active = new Set((await this.#pve.tasks(watch.node, { source: 'active', limit: 500 })).map(({ upid }) => upid))
    // One whose end PVE could not tell keeps its 15 s.
    const left = before.filter((task) => !active.has(task.upid) && (!this.#ends.has(task.upid) || task.nextLookMs <= watch.lastListMs))
    for (const upid of active) this.#ends.delete(upid)
    // Those that were not due keep their own time: a shared look must not push the look at their usual end away.
    for (const task of before) if (active.has(task.upid) && task.nextLookMs <= watch.lastListMs) this.#stillRuns(task)
    await Promise.all(left.map((task) => this.#lookAt(watch, task)))
  }

  async #lookAt(watch: NodeWatch, task: OpenTask): Promise<void> {
    const status = await this.#status(task.upid)
    if ('running' in status) {
      if (status.running) {
        this.#ends.delete(task.upid)
        this.#stillRuns(task)
      } else this.#end(watch, task, endOf(status.exitstatus))
    } else this.#end(watch, task, status)
  }

  /** Answers that say for ever that PVE will not tell are an end; faults of the way are thrown. */
  async #status(upid: Upid): Promise<TaskStatus | TaskEnd> {
    try {
      return await this.#pve.task(upid)
    } catch (fault) {
      const { reason, message } = judge(fault)
      const final = message.includes('no such task') || message.includes('unable to parse worker upid') || reason === 'PermissionDenied'
      if (final) return { is: 'unknown', why: message }
      throw fault
    }
  }

  #stillRuns(task: OpenTask): void {
    const now = this.#clock.monotonicMs()
    task.nextLookMs = now + this.#cadence.nextLookMs(task.looks, now - task.followedAtMs)
    task.looks += 1
    task.ranMs = now - task.followedAtMs
  }

  #noAnswer(watch: NodeWatch, fault: unknown): void {
    const now = this.#clock.monotonicMs()
    const { reason, message } = judge(fault)
    // No word from PVE at all says nothing about the node; then everybody waits until somebody answers.
    watch.silentSinceMs = reason === 'NodeOffline' ? (watch.silentSinceMs ?? now) : undefined
    const nodeIsGone = watch.silentSinceMs !== undefined && now - watch.silentSinceMs >= nodeSilenceMs
    for (const task of watch.tasks.values()) {
      if (nodeIsGone) this.#end(watch, task, endOnSilentNode(watch.node, message))
      else this.#stillRuns(task)
    }
  }

  #end(watch: NodeWatch, task: OpenTask, end: TaskEnd): void {
    watch.tasks.delete(task.upid)
    if (this.open === 0) {
      this.#release?.()
      this.#release = undefined
    }
    if (end.is === 'ok') this.#cadence.learn(task.kind, task.ranMs, this.#clock.monotonicMs() - task.followedAtMs)
    this.#ends.set(task.upid, end)
    const oldest = this.#ends.keys().next().value
    if (this.#ends.size > remembered && oldest !== undefined) this.#ends.delete(oldest)
    for (const listener of task.listeners) this.#tell(listener, end)
  }

  #tell(listener: (end: TaskEnd) => void, end: TaskEnd): void {
    try {
      listener(end)
    } catch (fault) {
      this.#onProblem(fault)
    }
  }
}
