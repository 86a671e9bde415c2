import type { ProxmoxVM } from './api/proxmoxvm.ts'
import { hasOpenCommand, pressButtons, refuseDeleting, refuseOrphans } from './commands/run-commands.ts'
import { judge } from './proxmox/failures.ts'
import type { WorkQueue } from './kube/queue.ts'
import { clonedFull } from './engine/create/intent-state.ts'
import { broadcastMs, readListing } from './engine/watch/listing.ts'
import { freshMemory, type Memory } from './engine/memory.ts'
import { provisionVM } from './engine/apply/provision.ts'
import { readReceipt } from './engine/receipt.ts'
import type { Room } from './engine/dependencies.ts'
import { isPaused, settle, showPaused } from './engine/after-pass.ts'
import { isSettled } from './engine/status.ts'
import { tearDown } from './engine/remove/teardown.ts'
import { VMRecord } from './engine/status-draft.ts'
import { type Outcome, done, retry, stalled } from './ladder/outcome.ts'

/** One pass over one VM: look, choose, act, say. The queue never runs two for one VM. */
export class VMController {
  readonly #room: Room
  readonly #queue: WorkQueue
  readonly #memories = new Map<string, { uid: string; memory: Memory }>()

  constructor(o: { room: Room; queue: WorkQueue }) {
    this.#room = o.room
    this.#queue = o.queue
  }

  async reconcile(key: string): Promise<void> {
    const vm = this.#room.vms.get(key)
    if (!vm) {
      this.#forget(key)
      return await refuseOrphans(this.#room, key)
    }
    const record = new VMRecord({ vm, client: this.#room.client, store: this.#room.vms })
    const memory = this.#memoryOf(key, vm)
    const wasSettled = isSettled(vm)
    const outcome = await this.#pass(key, record, memory)
    const again = settle({ room: this.#room, record, memory, wasSettled, attempts: this.#queue.attempts(key) }, outcome)
    this.#follow(key, record, memory, outcome)
    if (!mayBeCloning(outcome)) this.#room.clusters.get(vm.spec.clusterRef.name)?.cloneSlots.release(key)
    if (this.#room.vms.get(key) && !isGone(record)) await record.save()
    if (again.is === 'never') this.#queue.forget(key)
    if (outcome.is === 'done' && !isGone(record) && hasOpenCommand(this.#room, key)) this.#queue.add(key)
    if (memory.isListingBehind) this.#queue.addAfter(key, broadcastMs)
    if (again.is === 'after') this.#queue.addAfter(key, again.ms)
    if (again.is === 'backoff') this.#queue.retry(key)
  }

  /** The only catch: faults are thrown wherever they arise and judged here. */
  async #pass(key: string, record: VMRecord, memory: Memory): Promise<Outcome> {
    try {
      return await this.#work(key, record, memory)
    } catch (fault) {
      const failure = judge(fault)
      this.#room.log.warn({ vm: key, vmid: record.status.vmid, step: record.status.step?.name, err: fault }, failure.message)
      return failure.terminal ? stalled(failure.reason, failure.message) : retry(failure.reason, failure.message)
    }
  }

  async #work(key: string, record: VMRecord, memory: Memory): Promise<Outcome> {
    const room = this.#room
    const { vm } = record
    showPaused(room, record)
    memory.isListingBehind = false
    const cluster = room.clusters.get(vm.spec.clusterRef.name)
    const shows =
      cluster !== undefined &&
      record.status.intentAt !== undefined &&
      isSettled(vm) &&
      (await readListing({ room, record, memory }, cluster))
    if (isPaused(vm) && !vm.metadata.deletionTimestamp) return (await pressButtons({ room, key, record, memory }, cluster)) ?? done
    if (isPaused(vm)) return done
    if (vm.metadata.deletionTimestamp) {
      await refuseDeleting(room, key)
      return await tearDown({ room, key, record, memory })
    }
    const pending = cluster && !isSettled(vm) && readReceipt(room, record, cluster)
    if (pending) return pending
    const pressed = await pressButtons({ room, key, record, memory }, cluster)
    if (pressed) return pressed
    if (isSettled(record.vm) && !shows && !this.#isDue(vm, memory)) return done
    memory.lastMeta = metaOf(vm)
    return await provisionVM({ room, key, record, memory })
  }

  /** A settled VM is looked at thoroughly when somebody touched its object, or when the audit calls. */
  #isDue(vm: ProxmoxVM, memory: Memory): boolean {
    const isTouched = memory.lastMeta !== undefined && memory.lastMeta !== metaOf(vm)
    memory.lastMeta ??= metaOf(vm)
    return isTouched || memory.auditDue === true
  }

  /** Called by the audit: the next pass over this VM is a thorough one. */
  audit(key: string): void {
    const vm = this.#room.vms.get(key)
    if (!vm) return
    this.#memoryOf(key, vm).auditDue = true
    this.#queue.add(key)
  }

  #memoryOf(key: string, vm: ProxmoxVM): Memory {
    const uid = vm.metadata.uid ?? ''
    const known = this.#memories.get(key)
    if (known?.uid === uid) return known.memory
    known?.memory.unfollow?.()
    // Made anew under the same name before the end of the former one was seen here.
    if (known) this.#room.intents.forget(known.uid)
    const memory = freshMemory()
    this.#memories.set(key, { uid, memory })
    return memory
  }

  #follow(key: string, record: VMRecord, memory: Memory, outcome: Outcome): void {
    memory.unfollow?.()
    delete memory.unfollow
    const task = outcome.is === 'wait' ? outcome.task : undefined
    const cluster = this.#room.clusters.get(record.vm.spec.clusterRef.name)
    if (!task || !cluster) return
    const onEnd = () => {
      // Whatever became of the clone, its place is free: the next one need not wait for this VM's pass.
      cluster.cloneSlots.release(key)
      this.#queue.addFirst(key)
    }
    memory.unfollow = cluster.tasks.follow(task, onEnd, kindOf(record))
  }

  #forget(key: string): void {
    const known = this.#memories.get(key)
    known?.memory.unfollow?.()
    if (known) this.#room.intents.forget(known.uid)
    this.#memories.delete(key)
    this.#queue.forget(key)
    for (const cluster of this.#room.clusters.list()) cluster.cloneSlots.release(key)
  }
}

/** A place in the line of clones is kept by who waits in it, or for PVE. Whoever was stopped by anything else must not hold up the others. */
const mayBeCloning = (outcome: Outcome): boolean =>
  outcome.is === 'wait' && (outcome.task !== undefined || outcome.reason === 'Queued' || outcome.reason === 'Retrying')

/** A linked clone copies nothing: what full clones take says nothing about it. */
const kindOf = ({ vm, status }: VMRecord) => (status.step?.name === 'clone' && !clonedFull(vm, status) ? 'qmclone linked' : undefined)

/** The finalizer was dropped in this pass: the API server has removed the object, or another finalizer holds it without us. */
const isGone = ({ vm }: VMRecord) => vm.metadata.deletionTimestamp !== undefined && (vm.metadata.finalizers ?? []).length === 0

const metaOf = (vm: ProxmoxVM) => JSON.stringify([vm.metadata.labels ?? {}, vm.metadata.annotations ?? {}])
