/** Which Kubernetes cluster this is. */
import { namespaces } from '../api/meta.ts'
import type { Clock } from '../ops/clock.ts'
import type { KubeClient } from './client.ts'

/** An API server makes the namespace within its first seconds. */
const againMs = 1_000

/** The uid of the namespace kube-system: it is never made a second time, so it names a Kubernetes cluster for as long as that lives. */
export class Installation {
  #uid = ''

  /** Empty until `read` has ended. */
  get uid(): string {
    return this.#uid
  }

  /** Asks until it is known or the signal aborts. Throws KubeError when the API server refuses. */
  async read(o: { client: Pick<KubeClient, 'get'>; clock: Clock; signal: AbortSignal }): Promise<void> {
    while (!o.signal.aborted) {
      this.#uid = (await o.client.get(namespaces, { name: 'kube-system' }))?.metadata.uid ?? ''
      if (this.#uid !== '') return
      await o.clock.sleep(againMs, o.signal)
    }
  }
}
