/**
 * Asks the API server for what a store lacks or has in an older version. Each kind has a watch of its own: an object may be seen before another
 * one that it names, and a watch may be dead for 90 s before the operator notices. Whoever is about to destroy, free, take over or end
 * something for good asks here first.
 *
 * lookUp: the store's own version will do, only absence must be proved. readNow: the newest version is needed. hasChangedSince: a version
 * was judged, and may be an older one. findOne: the name is not known.
 */
import { crdResource, type KubeObject, type Resource } from '../api/meta.ts'
import type { KubeClient, Selection } from './client.ts'
import { isSameJson } from './json.ts'
import { keyOf, parseKey } from './keys.ts'
import type { Store } from './store.ts'
import { isNotServed } from './kube-error.ts'
import { withoutManifest } from './trim.ts'

interface StoredKind<T extends KubeObject> {
  readonly client: Pick<KubeClient, 'get'>
  readonly store: Store<T>
  readonly resource: Resource<T>
}

/**
 * The object from the store or, where the store has none, from the API server, in one request; the store then has it too. Undefined proves
 * that there is none. Throws KubeError when the API server cannot be asked.
 * @param key as `keyOf` prints it
 */
export async function lookUp<T extends KubeObject>(o: StoredKind<T>, key: string): Promise<T | undefined> {
  return o.store.get(key) ?? (await readNow(o, key))
}

/** The object as the API server has it now, in one request; the store then has it too. */
export async function readNow<T extends KubeObject>(o: StoredKind<T>, key: string): Promise<T | undefined> {
  const found = await served(o, async () => await o.client.get(o.resource, parseKey(key)))
  if (found) o.store.put(found)
  return found
}

/**
 * Whether somebody has changed the spec or an annotation of the object since `seen`, deleted it, or created it again: then nothing may be ended
 * for good by what `seen` says. One request; the store then has the new version, and calls those who listen.
 */
export async function hasChangedSince<T extends KubeObject>(o: StoredKind<T>, seen: T): Promise<boolean> {
  return !isSameJson(wishOf(await readNow(o, keyOf(seen))), wishOf(seen))
}

function wishOf(object: KubeObject | undefined): unknown[] {
  if (!object) return []
  const { uid, generation, annotations, deletionTimestamp } = withoutManifest(object).metadata
  return [uid, generation, annotations ?? {}, deletionTimestamp]
}

/** The first object of the selection that fits, from the API server, one request for each page of 500; the store, if given, then has it too. */
export async function findOne<T extends KubeObject>(
  o: { readonly client: Pick<KubeClient, 'get' | 'pages'>; readonly store?: Store<T>; readonly resource: Resource<T> },
  selection: Selection,
  fits: (object: T) => boolean = () => true,
): Promise<T | undefined> {
  return await served(o, async () => {
    for await (const { items } of o.client.pages(o.resource, selection)) {
      const found = items.find(fits)
      if (found) o.store?.put(found)
      if (found) return found
    }
    return undefined
  })
}

/** Of a kind that was deleted there is no object. That the API server does not serve the kind proves nothing; that it has no definition of it does. */
async function served<T extends KubeObject>(
  { client, resource }: Pick<StoredKind<T>, 'client' | 'resource'>,
  ask: () => Promise<T | undefined>,
): Promise<T | undefined> {
  try {
    return await ask()
  } catch (fault) {
    if (!isNotServed(fault) || (await client.get(crdResource, { name: `${resource.plural}.${resource.group}` }))) throw fault
    return undefined
  }
}
