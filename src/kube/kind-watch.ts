/**
 * Which of our CustomResourceDefinitions are being deleted. The API server answers that deletion by deleting every object of the kind, and a
 * controller that takes each of these for a wish destroys a fleet.
 */
import { group } from '../api/group.ts'
import { crdResource, type KubeObject, proxmoxVMs } from '../api/meta.ts'
import type { KubeClient } from './client.ts'
import { KubeError } from './kube-error.ts'
import type { Store } from './store.ts'

/** Keeps of a CRD what is asked here: there may be hundreds, with long annotations. */
export function strippedKind({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  const { name, uid, resourceVersion, deletionTimestamp } = metadata
  return {
    apiVersion,
    kind,
    metadata: { name, ...(uid && { uid }), ...(resourceVersion && { resourceVersion }), ...(deletionTimestamp && { deletionTimestamp }) },
  }
}

export class KindWatch {
  readonly #client: Pick<KubeClient, 'get'>
  readonly #store: Store<KubeObject>
  readonly #asked = new Set<string>()

  constructor(o: { client: Pick<KubeClient, 'get'>; store: Store<KubeObject> }) {
    this.#client = o.client
    this.#store = o.store
  }

  /** Names of those that are being deleted, as far as the watch has come. */
  get leaving(): string[] {
    const ours = this.#store.list().filter(({ metadata }) => metadata.name.endsWith(`.${group}`))
    return ours.flatMap(({ metadata }) => (metadata.deletionTimestamp ? [metadata.name] : []))
  }

  /**
   * As `leaving`, for one object (`uid`, of the kind `plural`) that is seen deleted: its CRD had its deletionTimestamp before the object got one, so the API server
   * is asked once, since the watch of CRDs may be behind. Throws while the CRDs cannot be read: then nobody can tell.
   */
  async leavingFor(uid: string, plural: string = proxmoxVMs.plural): Promise<string[]> {
    const { leaving } = this
    if (leaving.length > 0 || this.#asked.has(uid)) return leaving
    const name = `${plural}.${group}`
    const crd = await this.#read(name)
    if (crd?.metadata.deletionTimestamp) return [name]
    this.#asked.add(uid)
    return []
  }

  /** Whether the kind went while others of ours are still going: nothing of it can be there. */
  isGone(plural: string): boolean {
    return this.#store.isSynced && this.leaving.length > 0 && this.#store.get(`${plural}.${group}`) === undefined
  }

  /** Calls when one of ours begins to go, or is gone. */
  subscribe(listener: () => void): () => void {
    return this.#store.subscribe(({ key, old, new: now }) => {
      if (key.endsWith(`.${group}`) && old?.metadata.deletionTimestamp !== now?.metadata.deletionTimestamp) listener()
    })
  }

  /** The object is gone. */
  forget(uid: string): void {
    this.#asked.delete(uid)
  }

  async #read(name: string): Promise<KubeObject | undefined> {
    try {
      return await this.#client.get(crdResource, { name })
    } catch (fault) {
      if (!(fault instanceof KubeError) || fault.status !== 403) throw fault
      throw new Error(
        'the operator may not read CustomResourceDefinitions, so it cannot see whether this object was deleted or its whole kind; apply deploy/rbac.yaml of this version',
        { cause: fault },
      )
    }
  }
}
