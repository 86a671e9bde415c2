/**
 * What a store does not have, or has of a while ago. Each kind has a watch of its own, so what names an object may come before it, and a watch may
 * be dead for 90 s before anybody knows. Whoever is about to destroy, free, take or end something for good asks the API server first.
 */
import { crdResource, type KubeObject, type Resource } from '../api/meta.ts'
import type { KubeClient, Selection } from './client.ts'
import { isSameJson } from './json.ts'
import { keyOf, parseKey } from './keys.ts'
import type { Store } from './store.ts'
import { isNotServed } from './kube-error.ts'
import { withoutManifest } from './trim.ts'

interface Kept<T extends KubeObject> {
  readonly client: Pick<KubeClient, 'get'>
  readonly store: Store<T>
  readonly resource: Resource<T>
}

/**
 * The object, for whoever is about to act on there being none: from the store or, where that has none, from the API server, at the
 * cost of one request. What the store did not know yet is put into it. Throws KubeError when the API server cannot be asked.
 * @param key as `keyOf` prints it
 */
export async function lookUp<T extends KubeObject>(o: Kept<T>, key: string): Promise<T | undefined> {
  return o.store.get(key) ?? (await readNow(o, key))
}

/** The object as the API server has it now; the store learns of it. One request. */
export async function readNow<T extends KubeObject>(o: Kept<T>, key: string): Promise<T | undefined> {
  const found = await served(o, async () => await o.client.get(o.resource, parseKey(key)))
  if (found) o.store.put(found)
  return found
}

/**
 * Whether somebody has changed what is wanted of the object since `seen` (its spec, an annotation, its deletion), or has made it anew: then
 * nothing may be ended for good by what `seen` says. The store learns of it, which calls those who listen. One request.
 */
export async function isBehind<T extends KubeObject>(o: Kept<T>, seen: T): Promise<boolean> {
  return !isSameJson(wishOf(await readNow(o, keyOf(seen))), wishOf(seen))
}

function wishOf(object: KubeObject | undefined): unknown[] {
  if (!object) return []
  const { uid, generation, annotations, deletionTimestamp } = withoutManifest(object).metadata
  return [uid, generation, annotations ?? {}, deletionTimestamp]
}

/** One object of the selection that fits, from the API server: a page at a time, no further than the first. The store learns of it. */
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

/** Where the kind itself was deleted there is none of it; that it is not served proves nothing, that it has no definition does. */
async function served<T extends KubeObject>(
  { client, resource }: Pick<Kept<T>, 'client' | 'resource'>,
  ask: () => Promise<T | undefined>,
): Promise<T | undefined> {
  try {
    return await ask()
  } catch (fault) {
    if (!isNotServed(fault) || (await client.get(crdResource, { name: `${resource.plural}.${resource.group}` }))) throw fault
    return undefined
  }
}
