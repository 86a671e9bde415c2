/** All kinds that one process watches. */
import type { KubeObject, Resource } from '../api/meta.ts'
import type { Clock } from '../ops/clock.ts'
import type { KubeClient } from './client.ts'
import { Store } from './store.ts'
import { Reflector } from './watch.ts'

export interface CachesOptions {
  readonly client: KubeClient
  readonly clock: Clock
  readonly onProblem: (resource: string, message: string) => void
  /** Whether a kind that the server does not serve is known to be deleted; see the reflector's option. */
  readonly isGone: (resource: Resource<KubeObject>) => boolean
}

/** What one watch holds, and for how long its server has been silent. */
export interface CacheState {
  readonly resource: string
  readonly objects: number
  readonly synced: boolean
  readonly silentSeconds?: number
}

interface Watched {
  readonly resource: string
  readonly store: { readonly size: number; readonly isSynced: boolean }
  readonly reflector: { run(signal: AbortSignal): Promise<void>; readonly silentSeconds: number | undefined }
}

export class Caches {
  readonly #o: CachesOptions
  readonly #watched: Watched[] = []

  constructor(o: CachesOptions) {
    this.#o = o
  }

  /** A store that is kept equal to what the API server has, from `run` on; `trim` makes objects smaller before it keeps them. */
  watch<T extends KubeObject>(resource: Resource<T>, trim?: (object: T) => T): Store<T> {
    const { client, clock } = this.#o
    const onProblem = (message: string): void => this.#o.onProblem(resource.plural, message)
    const store = new Store<T>({ onProblem, ...(trim && { trim }) })
    const isGone = (): boolean => this.#o.isGone(resource)
    const reflector = new Reflector<T>({ client, resource, store, clock, onProblem, isGone })
    this.#watched.push({ resource: resource.plural, store, reflector })
    return store
  }

  /** Resolves after the signal aborted, when every connection is closed. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#watched.map(({ reflector }) => reflector.run(signal)))
  }

  get isSynced(): boolean {
    return this.#watched.every(({ store }) => store.isSynced)
  }

  states(): CacheState[] {
    return this.#watched.map(({ resource, store, reflector: { silentSeconds } }) => ({
      resource,
      objects: store.size,
      synced: store.isSynced,
      ...(silentSeconds !== undefined && { silentSeconds }),
    }))
  }
}
