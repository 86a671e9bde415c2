/** Makes the ProxmoxVMBackups that the schedules of packages ask for, each VM in its turn, and wakes VMs whose backup was missed. */
import { conditionOf } from '../api/condition.ts'
import { apiVersion, originLabel, slotAnnotation } from '../api/group.ts'
import { proxmoxVMBackups } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { Package } from '../api/package.ts'
import { isPaused } from '../engine/after-pass.ts'
import type { Dependencies } from '../engine/dependencies.ts'
import { keyOf } from '../kube/keys.ts'
import { KubeError } from '../kube/kube-error.ts'
import { offsetMs, slotAfter, slotBefore } from '../want/backup-schedule.ts'
import { missedSinceMs } from './backed-up.ts'
import { isUnfinished, scheduledOf, slotOf } from './scheduled.ts'

const tickMs = 30_000

type Backups = NonNullable<Package['backups']>

interface Turn {
  /** The schedule it was reckoned by. */
  readonly of: string
  dueMs: number
}

export class BackupScheduler {
  readonly #deps: Dependencies
  readonly #wake: (key: string) => void
  readonly #turns = new Map<string, Turn>()

  constructor(o: { deps: Dependencies; wake: (key: string) => void }) {
    this.#deps = o.deps
    this.#wake = o.wake
    o.deps.vms.subscribe(({ old, new: now }) => {
      if (old && !now) this.#turns.delete(old.metadata.uid ?? '')
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#deps.clock.sleep(tickMs, signal)
      if (signal.aborted) return
      for (const vm of this.#deps.vms.list()) {
        await this.#look(vm).catch((err: unknown) =>
          this.#deps.log.warn({ vm: keyOf(vm), err }, 'failed to make a backup of the schedule; retrying'),
        )
      }
    }
  }

  async #look(vm: ProxmoxVM): Promise<void> {
    const backups = vm.status?.package?.backups
    if (backups?.schedule === undefined || !isKept(vm)) return
    const nowMs = this.#deps.clock.now()
    const isTold = conditionOf(vm.status?.conditions, 'BackedUp')?.status
    const isMissed = isTold !== 'False' && missedSinceMs(vm, this.#deps.backupsOf(keyOf(vm)), nowMs) !== undefined
    if (isTold === undefined || isMissed) this.#wake(keyOf(vm))
    const turn = this.#turnOf(vm, backups, nowMs)
    if (nowMs < turn.dueMs) return
    const offset = offsetMs(backups, vm.metadata.uid ?? '')
    const slot = slotBefore(backups, nowMs - offset)
    if (slot !== undefined && !isPaused(vm) && !this.#mine(vm).some((backup) => isUnfinished(backup) || slotOf(backup) >= slot))
      await this.#make(vm, slot)
    turn.dueMs = (slotAfter(backups, slot ?? nowMs) ?? Infinity) + offset
  }

  #mine(vm: ProxmoxVM) {
    return scheduledOf(this.#deps.backupsOf(keyOf(vm)), vm.metadata.uid ?? '')
  }

  /** A turn that nobody was there for is made up for, once. */
  #turnOf(vm: ProxmoxVM, backups: Backups, nowMs: number): Turn {
    const uid = vm.metadata.uid ?? ''
    const of = `${backups.schedule} ${backups.spread}`
    const known = this.#turns.get(uid)
    if (known?.of === of) return known
    const offset = offsetMs(backups, uid)
    const slots = this.#mine(vm).map(slotOf)
    const after = slots.length > 0 ? Math.max(...slots) : nowMs - offset
    const turn = { of, dueMs: (slotAfter(backups, after) ?? Infinity) + offset }
    this.#turns.set(uid, turn)
    return turn
  }

  /** Named after its time, so that it is made once whatever is lost. */
  async #make({ metadata }: ProxmoxVM, slot: number): Promise<void> {
    this.#deps.mayAct()
    const iso = new Date(slot).toISOString()
    const stamp = iso.slice(0, 16).replaceAll(/[-:]/g, '').replace('T', '-')
    try {
      await this.#deps.client.create(proxmoxVMBackups, {
        apiVersion,
        kind: 'ProxmoxVMBackup',
        metadata: {
          ...(metadata.namespace && { namespace: metadata.namespace }),
          name: `${metadata.name}-${stamp}`,
          labels: { [originLabel]: 'Schedule' },
          annotations: { [slotAnnotation]: `${iso.slice(0, 19)}Z` },
        },
        spec: { vmRef: { name: metadata.name }, deletionPolicy: 'Delete' },
      })
    } catch (fault) {
      if (!(fault instanceof KubeError && fault.reason === 'AlreadyExists')) throw fault
    }
  }
}

/** It is there, and it is ours to look after. */
const isKept = ({ metadata, status }: ProxmoxVM): boolean =>
  status?.firstReadyAt !== undefined && !metadata.deletionTimestamp && !status.removedAt && !status.released
