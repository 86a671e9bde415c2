import { proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxVM, ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import { dnsCondition, dnsUnderWay } from '../dns/vm-status.ts'
import type { KubeClient } from '../kube/client.ts'
import { isSameJson, plain } from '../kube/json.ts'
import { isConflict } from '../kube/kube-error.ts'
import type { Store } from '../kube/store.ts'
import { remarksIn } from './remarks.ts'
import { phaseOf, type Change } from './status.ts'

/** Parts of a VM's status that other writers own; they pass through every write of ours. */
const foreignFields = ['dns'] as const
const foreignConditions: ReadonlySet<string> = new Set([dnsCondition])

/** The status of one VM during one pass: changed freely, written when it must be or when the pass returns, and only if different. */
export class VMStatusDraft {
  readonly #client: KubeClient
  readonly #store: Store<ProxmoxVM>
  /** metadata.generation of the spec this pass works for. */
  readonly generation: number
  #vm: ProxmoxVM
  #draft: ProxmoxVMStatus

  /** `kept`: a status of the pass before that was not written (held-status.ts). */
  constructor(o: { vm: ProxmoxVM; client: KubeClient; store: Store<ProxmoxVM>; kept?: ProxmoxVMStatus | undefined }) {
    this.#client = o.client
    this.#store = o.store
    this.#vm = o.vm
    this.generation = o.vm.metadata.generation ?? 0
    this.#draft = o.kept ?? withoutDnsRung(o.vm.status ?? {})
  }

  /** The object: metadata and spec. Its status is `status` (with the changes of this pass) or `written` (without). */
  get vm(): ProxmoxVM {
    return this.#vm
  }

  /** The status as last read or written: what the API server and everybody else sees. */
  get written(): ProxmoxVMStatus {
    return this.#vm.status ?? {}
  }

  /** Somebody edited the spec during this pass: what it found out is about the old one. */
  get isOvertaken(): boolean {
    return (this.#vm.metadata.generation ?? 0) !== this.generation
  }

  get status(): ProxmoxVMStatus {
    return this.#draft
  }

  change(...changes: readonly Change[]): void {
    this.#draft = changes.reduce((status, change) => change(status), this.#draft)
  }

  /** Takes over an object that was written without its status (finalizers). */
  adopt(vm: ProxmoxVM): void {
    this.#vm = vm
    this.#store.put(vm)
  }

  /**
   * Writes what differs. A conflict means that somebody edited the object meanwhile: our status goes onto the newer one. Not if our own part
   * of it has changed: another operator acts, and a VMID or UPID it noted must not be overwritten by one that has lost the lead.
   */
  async save(): Promise<void> {
    const { remarks: _, ...draft } = withFormerNode(this.#draft, this.written)
    const remarks = remarksIn(draft)
    this.#draft = plain({ ...draft, phase: phaseOf(this.#vm, draft), ...(remarks && { remarks }) })
    if (isSameJson(withDnsRung(this.#draft, this.#vm), this.#vm.status ?? {})) return
    for (;;) {
      try {
        this.adopt(
          await this.#client.replaceStatus(proxmoxVMs, {
            ...this.#vm,
            status: withForeign(withDnsRung(this.#draft, this.#vm), this.#vm.status),
          }),
        )
        return
      } catch (fault) {
        if (!isConflict(fault)) throw fault
        await this.#refresh()
      }
    }
  }

  async #refresh(): Promise<void> {
    const { namespace, name, uid } = this.#vm.metadata
    const newer = await this.#client.get(proxmoxVMs, { ...(namespace && { namespace }), name })
    if (!newer || newer.metadata.uid !== uid) throw new Error(`${namespace}/${name} is gone`)
    const isOurs = isSameJson(ownPart(newer.status), ownPart(this.#vm.status))
    if (!isOurs) this.#store.put(newer)
    if (!isOurs) throw new Error(`the status of ${namespace}/${name} was written by another operator, or by a write whose answer was lost`)
    this.#vm = newer
  }
}

const mostNodes = 32

/** A VM that moved may have left backups on its node's own storages. */
function withFormerNode(status: ProxmoxVMStatus, { node: before }: ProxmoxVMStatus): ProxmoxVMStatus {
  if (before === undefined || before === status.node) return status
  const others = (status.formerNodes ?? []).filter((node) => node !== before && node !== status.node)
  return { ...status, formerNodes: [...others, before].slice(-mostNodes) }
}

/** DNS has a track of its own and holds nothing up: its rung is shown in place of `ready`, and nothing reads it back. */
const withDnsRung = (status: ProxmoxVMStatus, vm: ProxmoxVM): ProxmoxVMStatus =>
  status.localStatus === 'ready' && dnsUnderWay(vm) ? { ...status, localStatus: 'set_dns_records' } : status
const withoutDnsRung = (status: ProxmoxVMStatus): ProxmoxVMStatus =>
  status.localStatus === 'set_dns_records' ? { ...status, localStatus: 'ready' } : status

/** What only the engine writes. */
export const ownPart = (status: ProxmoxVMStatus | undefined): ProxmoxVMStatus => withForeign(status ?? {}, undefined)

function withForeign(ours: ProxmoxVMStatus, theirs: ProxmoxVMStatus | undefined): ProxmoxVMStatus {
  const conditions = [
    ...(ours.conditions ?? []).filter((condition) => !foreignConditions.has(condition.type)),
    ...(theirs?.conditions ?? []).filter((condition) => foreignConditions.has(condition.type)),
  ]
  const fields = Object.fromEntries(
    foreignFields.flatMap((field) => (theirs && field in theirs ? [[field, theirs[field as keyof ProxmoxVMStatus]]] : [])),
  )
  const own = Object.fromEntries(Object.entries(ours).filter(([field]) => !foreignFields.some((foreign) => foreign === field)))
  return { ...own, conditions, ...fields }
}
