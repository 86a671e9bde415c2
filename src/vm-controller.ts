import type { ProxmoxVM } from './api/proxmoxvm.ts'
import type { BackupCensus } from './backups/backup-census.ts'
import { BackupKeeper } from './backups/backup-keeper.ts'
import { endStuck } from './commands/end-stuck.ts'
import { countOpenCommands, runCommands, refuseCommands } from './commands/run-commands.ts'
import { tellCommands } from './commands/unseen.ts'
import { failOverdue, nextExpiryMs } from './commands/expiry.ts'
import { forgetLastSent } from './engine/apply/repeats.ts'
import { holdOff } from './engine/apply/hold-off.ts'
import { judge } from './proxmox/failures.ts'
import type { WorkQueue } from './kube/queue.ts'
import { isNextDue, isObjectGone, mayBeCloning, metaOf, progressMarkOf, taskKindOf } from './engine/pass-marks.ts'
import { noteRecord } from './engine/create/recognise.ts'
import { openRequests, withoutEmptyLedger } from './engine/create/clone-requests.ts'
import { lookUpRequests } from './engine/create/clone-task.ts'
import type { Pass } from './engine/pass.ts'
import type { PveCluster } from './cluster/cluster.ts'
import { isTrue } from './api/condition.ts'
import { broadcastMs, readListing } from './engine/watch/listing.ts'
import { hasMissedChange } from './engine/watch/listing-wakes.ts'
import { showRow } from './engine/watch/show-row.ts'
import { isUnwatched, unwatchedPauseMs } from './engine/watch/unwatched.ts'
import { isListed, noteChecked } from './engine/watch/checked.ts'
import { takeHeld, writeOrHold } from './engine/held-status.ts'
import { freshMemory, type Memory } from './engine/memory.ts'
import { provisionVM } from './engine/apply/provision.ts'
import { clusterUnreachable, nodeOffline } from './engine/unseen.ts'
import { otherPve } from './engine/other-pve.ts'
import { noteEnd, tellNoted } from './engine/task-warnings.ts'
import { readGuestIfDue } from './engine/guest-facts.ts'
import { readReceipt } from './engine/receipt.ts'
import type { Dependencies } from './engine/dependencies.ts'
import { answerLook, isLookDue, isPaused, lookAsked, requeueAfter, showPaused } from './engine/after-pass.ts'
import { isSettled } from './engine/status.ts'
import { observedEnd } from './engine/observe.ts'
import { tearDownHeld } from './engine/remove/hold.ts'
import { letGo } from './engine/remove/let-go.ts'
import { tearDown } from './engine/remove/teardown.ts'
import { VMStatusDraft } from './engine/status-draft.ts'
import { isTrafficOpen } from './want/suspension.ts'
import type { UsageKeeper } from './usage/usage-keeper.ts'
import { followSnapshot, nextSnapshotMs, removeSnapshots, sayWaiting, snapshotProgress, takeSnapshots } from './snapshots/keep.ts'
import { followRollback } from './snapshots/rollback.ts'
import { releaseFormer, releaseLetGo } from './snapshots/orphans.ts'
import { type Outcome, done, retry, stalled } from './ladder/outcome.ts'
import { endWithoutVM } from './without-vm.ts'

/** How often it is looked what became of a clone request that is still open. */
const openRequestsMs = 15_000

/** How often the listing is asked whether a guest was started from off that does not have the newest values yet; it costs no request. */
const guestSeenMs = 30_000

/** One pass over one VM: look, choose, act, say. The queue never runs two for one VM. */
export class VMController {
  readonly #deps: Dependencies
  readonly #queue: WorkQueue
  readonly #backups: BackupKeeper
  readonly #usage: UsageKeeper
  readonly #memories = new Map<string, { uid: string; memory: Memory }>()

  constructor(o: { deps: Dependencies; queue: WorkQueue; census: BackupCensus; usage: UsageKeeper }) {
    this.#usage = o.usage
    this.#deps = o.deps
    this.#queue = o.queue
    this.#backups = new BackupKeeper({ deps: o.deps, census: o.census, wake: (key) => o.queue.add(key) })
  }

  async reconcile(key: string): Promise<void> {
    const vm = this.#deps.vms.get(key)
    if (!vm) {
      this.#forget(key)
      const afterMs = await endWithoutVM(this.#deps, key, this.#backups)
      return afterMs === undefined ? undefined : this.#queue.addAfter(key, afterMs)
    }
    const pauseMs = this.#pauseMs(key, vm)
    if (pauseMs > 0) return this.#queue.addAfter(key, pauseMs)
    const memory = this.#memoryOf(key, vm)
    const draft = new VMStatusDraft({ vm, client: this.#deps.client, store: this.#deps.vms, kept: takeHeld(memory, vm.status) })
    const pass = { deps: this.#deps, key, draft, memory }
    const wasSettled = isSettled(vm)
    const openBefore = countOpenCommands({ deps: this.#deps, key })
    const backupsMs = await this.#backups.tend(key, pass)
    await this.#usage.tend(pass)
    await tellNoted(pass, this.#deps.clusters.get(vm.spec.clusterRef.name))
    const wasListed = isListed(this.#deps.clusters.get(vm.spec.clusterRef.name))
    const changesBefore = this.#deps.clusters.get(vm.spec.clusterRef.name)?.inventory.changes
    const outcome = await this.#pass(key, draft, memory)
    noteChecked(memory, wasListed, outcome)
    this.#noteProgress(key, draft, memory)
    const again = requeueAfter({ deps: this.#deps, draft, memory, wasSettled, attempts: this.#queue.attempts(key) }, outcome)
    answerLook(draft, outcome)
    showRow({ draft, memory }, this.#deps.clusters.get(vm.spec.clusterRef.name))
    this.#follow(key, draft, memory, outcome)
    if (!mayBeCloning(outcome)) this.#deps.clusters.get(vm.spec.clusterRef.name)?.cloneSlots.release(key)
    const isThere = this.#deps.vms.get(key) && !isObjectGone(draft)
    const heldMs = isThere ? await writeOrHold(draft, memory, outcome, this.#deps.clock) : undefined
    if (again.is === 'never') this.#queue.forget(key)
    const isChanged = vm.status?.change !== undefined && draft.status.change === undefined
    if (isThere) await endStuck(pass, outcome)
    const openNow = countOpenCommands({ deps: this.#deps, key })
    const isOver = outcome.is === 'done' || isChanged || (outcome.is === 'stalled' && openNow < openBefore)
    if (isOver && !isObjectGone(draft) && isNextDue(vm, openBefore, openNow)) this.#queue.add(key)
    if (memory.listing.isBehind) this.#queue.addAfter(key, broadcastMs)
    if (isUnwatched(outcome)) this.#queue.addAfter(key, unwatchedPauseMs(this.#deps.clusters.get(vm.spec.clusterRef.name)?.unwatchedLooks))
    if (again.is === 'after') this.#queue.addAfter(key, again.ms)
    if (draft.status.guestSeen) this.#queue.addAfter(key, guestSeenMs)
    if (openRequests(draft.status, memory).length > 0) this.#queue.addAfter(key, openRequestsMs)
    if (again.is === 'backoff') this.#queue.retry(key)
    const cluster = this.#deps.clusters.get(vm.spec.clusterRef.name)
    if (hasMissedChange(outcome, changesBefore, cluster?.inventory.changes)) this.#queue.add(key)
    const nextMs = [heldMs, backupsMs, nextExpiryMs(pass), nextSnapshotMs(pass, cluster)]
    for (const ms of nextMs) if (ms !== undefined) this.#queue.addAfter(key, ms)
  }

  /** The only catch: faults are thrown wherever they arise and judged here. */
  async #pass(key: string, draft: VMStatusDraft, memory: Memory): Promise<Outcome> {
    try {
      const outcome = await this.#work(key, draft, memory)
      if (outcome.is !== 'done') await sayWaiting({ deps: this.#deps, key, draft, memory }, 'SnapshotPending', outcome.message)
      return outcome
    } catch (fault) {
      const failure = judge(fault)
      this.#deps.log.warn({ vm: key, vmid: draft.status.vmid, step: draft.status.step?.name, err: fault }, failure.message)
      return failure.terminal ? stalled(failure.reason, failure.message) : retry(failure.reason, failure.message)
    }
  }

  async #work(key: string, draft: VMStatusDraft, memory: Memory): Promise<Outcome> {
    const deps = this.#deps
    const { vm } = draft
    noteRecord({ deps, draft, memory })
    showPaused(deps, draft)
    const released = await letGo({ deps, key, draft, memory })
    if (released) {
      await refuseCommands(deps, key, 'The object was released from its VM (annotation pve.hosting/release).')
      await releaseLetGo(deps, key)
      return released
    }
    await failOverdue({ deps, key, draft, memory })
    await releaseFormer(deps, key, vm.metadata.uid ?? '')
    memory.listing.isBehind = false
    const cluster = deps.clusters.get(vm.spec.clusterRef.name)
    const shows =
      cluster !== undefined && draft.status.intentAt !== undefined && isSettled(vm) && (await readListing({ deps, draft, memory }, cluster))
    if (isPaused(vm))
      await sayWaiting({ deps, key, draft, memory }, 'Paused', 'reconciliation of the VM is paused (annotation pve.hosting/paused).')
    if (isPaused(vm) && !vm.metadata.deletionTimestamp) return (await runCommands({ deps, key, draft, memory }, cluster)) ?? done
    if (isPaused(vm)) {
      await refuseCommands(deps, key, 'The VM is being deleted.')
      return done
    }
    const other = otherPve(draft, cluster)
    if (other) return other
    const unseen = nodeOffline({ deps, draft, memory }, cluster) ?? clusterUnreachable({ deps, draft, memory }, cluster)
    if (unseen) return await tellCommands(deps, key, unseen)
    if (vm.metadata.deletionTimestamp) {
      const held = await tearDownHeld({ deps, key, draft, memory })
      if (held) return held
      await refuseCommands(deps, key, 'The VM is being deleted.')
      const observed = observedEnd({ deps, key, draft, memory }, cluster)
      if (observed) return observed
      return await tearDown({ deps, key, draft, memory })
    }
    const isOpen = isTrafficOpen(vm)
    if (cluster && (!isSettled(vm) || shows || memory.audit.isDue || isOpen)) {
      const held = await holdOff({ deps, key, draft, memory }, cluster)
      if (held) return held
    }
    if (cluster) await this.#followRequests({ deps, key, draft, memory }, cluster)
    const rolled = cluster && (await followRollback({ deps, key, draft, memory }, cluster))
    if (rolled) return rolled
    const snapshot = cluster && (await followSnapshot({ deps, key, draft, memory }, cluster))
    if (snapshot) return snapshot
    const pending = cluster && !isSettled(vm) && readReceipt({ deps, draft, memory }, cluster)
    if (pending && pending.is !== 'wait') forgetLastSent(memory)
    if (pending) return pending
    const pressed = await runCommands({ deps, key, draft, memory }, cluster)
    if (pressed) return pressed
    // One that a command has just asked for.
    const rolling = cluster && (await followRollback({ deps, key, draft, memory }, cluster))
    if (rolling) return rolling
    const removed = cluster && (await removeSnapshots({ deps, key, draft, memory }, cluster))
    if (removed) return removed
    const isThorough = !isSettled(draft.vm) || shows || this.#isDue(vm, memory) || isOpen
    if (isThorough) memory.controller.lastMeta = metaOf(vm)
    const outcome = isThorough ? await provisionVM({ deps, key, draft, memory }) : done
    if (outcome.is !== 'done' || !cluster) return outcome
    return await this.#afterLadder({ deps, key, draft, memory }, cluster, isThorough)
  }

  /** The VM is as declared: what is asked for beside that. */
  async #afterLadder(pass: Pass, cluster: PveCluster, isThorough: boolean): Promise<Outcome> {
    const { draft, memory } = pass
    const taking = await takeSnapshots(pass, cluster, isThorough)
    if (taking) return taking
    if (lookAsked(draft) !== undefined) memory.guest.isDue = true
    await readGuestIfDue(pass, cluster)
    return done
  }

  /** A VM about which nothing changes has so many requests a minute, whatever goes wrong; what a person asks for goes at once. */
  #pauseMs(key: string, vm: ProxmoxVM): number {
    const { vmid } = vm.status ?? {}
    const cluster = this.#deps.clusters.get(vm.spec.clusterRef.name)
    const { memory } = this.#memories.get(key) ?? {}
    if (!cluster || vmid === undefined || !memory || memory.controller.progress !== this.#progressOf(key, vm)) return 0
    return countOpenCommands({ deps: this.#deps, key }) > 0 ? 0 : cluster.perGuest.pauseMs(vmid)
  }

  #progressOf = (key: string, vm: ProxmoxVM, status = vm.status ?? {}) =>
    `${progressMarkOf(vm, status)} ${snapshotProgress({ deps: this.#deps, key })}`

  #noteProgress(key: string, { vm, status }: VMStatusDraft, memory: Memory): void {
    const mark = this.#progressOf(key, vm, status)
    if (mark !== memory.controller.progress) this.#deps.clusters.get(vm.spec.clusterRef.name)?.perGuest.forget(status.vmid ?? 0)
    memory.controller.progress = mark
  }

  /** A clone request whose answer was lost stays open also when another one has made the VM. */
  async #followRequests(pass: Pass, cluster: PveCluster): Promise<void> {
    const { draft, memory } = pass
    if (!isTrue(draft.status.conditions, 'Cloned') || openRequests(draft.status, memory).length === 0) return
    await lookUpRequests(pass, cluster)
    draft.change(withoutEmptyLedger)
  }

  /** A settled VM is looked at thoroughly when somebody touched its object, or when the audit calls. */
  #isDue(vm: ProxmoxVM, memory: Memory): boolean {
    const isTouched = memory.controller.lastMeta !== undefined && memory.controller.lastMeta !== metaOf(vm)
    memory.controller.lastMeta ??= metaOf(vm)
    return isTouched || isLookDue({ vm, status: vm.status ?? {} }, memory)
  }

  isChecked = (key: string): boolean => this.#memories.get(key)?.memory.controller.isChecked === true

  /** Called by the audit: the next pass over this VM is a thorough one. */
  audit(key: string, of: 'changed' | 'round'): void {
    const vm = this.#deps.vms.get(key)
    if (!vm) return
    const { audit } = this.#memoryOf(key, vm)
    // A round that comes after a change takes nothing from the look that is due.
    audit.isRound = of === 'round' && !audit.isDue
    audit.isDue = true
    this.#queue.add(key)
  }

  /** Called by the rounds: the agent of this VM's guest is asked in the next pass. */
  askGuest(key: string): void {
    const vm = this.#deps.vms.get(key)
    if (!vm) return
    this.#memoryOf(key, vm).guest.isDue = true
    this.#queue.add(key)
  }

  /** Somebody's task may have changed its power: the next pass asks the VM itself. */
  askPower(key: string): void {
    const vm = this.#deps.vms.get(key)
    if (!vm) return
    this.#memoryOf(key, vm).listing.isTouched = true
    this.#queue.add(key)
  }

  #memoryOf(key: string, vm: ProxmoxVM): Memory {
    const uid = vm.metadata.uid ?? ''
    const known = this.#memories.get(key)
    if (known?.uid === uid) return known.memory
    known?.memory.controller.unfollow?.()
    // Made anew under the same name before the end of the former one was seen here.
    if (known) this.#deps.inFlight.forget(known.uid)
    const memory = freshMemory()
    this.#memories.set(key, { uid, memory })
    return memory
  }

  #follow(key: string, draft: VMStatusDraft, memory: Memory, outcome: Outcome): void {
    memory.controller.unfollow?.()
    delete memory.controller.unfollow
    const task = outcome.is === 'wait' ? outcome.task : undefined
    const cluster = this.#deps.clusters.get(draft.vm.spec.clusterRef.name)
    if (!task || !cluster) return
    const onEnd = (end: Parameters<typeof noteEnd>[2]) => {
      noteEnd(memory, task, end)
      // Whatever became of the clone, its place is free: the next one need not wait for this VM's pass.
      cluster.cloneSlots.release(key)
      this.#queue.addFirst(key)
    }
    memory.controller.unfollow = cluster.tasks.follow(task, onEnd, taskKindOf(draft))
  }

  #forget(key: string): void {
    const known = this.#memories.get(key)
    known?.memory.controller.unfollow?.()
    if (known) for (const one of [this.#deps.inFlight, this.#deps.kinds]) one.forget(known.uid)
    this.#memories.delete(key)
    this.#queue.forget(key)
    for (const cluster of this.#deps.clusters.list()) cluster.cloneSlots.release(key)
  }
}
