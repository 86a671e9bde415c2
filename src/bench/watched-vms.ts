/** The ProxmoxVMs as the API server tells of them, for whoever waits for a status. */
import { proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { conditionOf, isTrue } from '../api/condition.ts'
import type { KubeClient } from '../kube/client.ts'
import { Store } from '../kube/store.ts'
import { Reflector } from '../kube/watch.ts'
import { systemClock } from '../ops/clock.ts'

/** What a bench reads of one. */
export interface SeenVM {
  readonly isReady: boolean
  readonly power?: string
  readonly vmid?: number
  readonly node?: string
}

export class WatchedVMs {
  readonly #store = new Store<ProxmoxVM>({ trim: lean })
  readonly #watching = new AbortController()
  readonly #waiters = new Set<() => void>()
  readonly #lostAnswers = new Set<string>()
  #ready = 0

  constructor(client: KubeClient) {
    this.#store.subscribe(({ key, old, new: now }) => {
      if (waitsForAnswer(now)) this.#lostAnswers.add(key)
      this.#ready += Number(isReady(now)) - Number(isReady(old))
      for (const look of this.#waiters) look()
    })
    const reflector = new Reflector({ client, resource: proxmoxVMs, store: this.#store, clock: systemClock })
    reflector.run(this.#watching.signal).catch(() => undefined)
  }

  end(): void {
    this.#watching.abort()
  }

  get ready(): number {
    return this.#ready
  }

  /** False also while there is none. */
  isReady(key: string): boolean {
    return isReady(this.#store.get(key))
  }

  /** It has waited at some time for the outcome of a clone request that got no answer. */
  hasLostAnswer(key: string): boolean {
    return this.#lostAnswers.has(key)
  }

  get(key: string): SeenVM {
    const vm = this.#store.get(key)
    if (!vm) throw new Error(`there is no ProxmoxVM ${key}`)
    const { remoteStatus: power, vmid, node } = vm.status ?? {}
    return { isReady: isReady(vm), ...(power && { power }), ...(vmid !== undefined && { vmid }), ...(node && { node }) }
  }

  /** Resolves with performance.now() of the news that made it so, at once if it is so already; undefined after the patience. */
  async when(look: () => boolean, patienceSeconds: number): Promise<number | undefined> {
    if (look()) return performance.now()
    return await new Promise((resolve) => {
      const end = (atMs?: number): void => {
        clearTimeout(timer)
        this.#waiters.delete(check)
        resolve(atMs)
      }
      const timer = setTimeout(() => end(), patienceSeconds * 1_000)
      const check = (): void => {
        if (look()) end(performance.now())
      }
      this.#waiters.add(check)
    })
  }
}

const isReady = (vm: ProxmoxVM | undefined): boolean => isTrue(vm?.status?.conditions, 'Ready')

const waitsForAnswer = (vm: ProxmoxVM | undefined): boolean =>
  conditionOf(vm?.status?.conditions, 'Ready')?.message?.includes('may have been lost') === true

/** Ten thousand of them beside the operator: the bench keeps what it reads. */
function lean(vm: ProxmoxVM): ProxmoxVM {
  const { name, namespace, uid, resourceVersion } = vm.metadata
  const { conditions = [], remoteStatus, vmid, node } = vm.status ?? {}
  const status = {
    conditions: conditions.filter(({ type }) => type === 'Ready'),
    ...(remoteStatus && { remoteStatus }),
    ...(vmid !== undefined && { vmid }),
    ...(node && { node }),
  }
  const metadata = { name, ...(namespace && { namespace }), ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) }
  return { apiVersion: vm.apiVersion, kind: vm.kind, metadata, spec: { clusterRef: vm.spec.clusterRef } as ProxmoxVM['spec'], status }
}
