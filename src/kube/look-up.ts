/** An object that a store does not have: each kind has a watch of its own, so what names an object may come before it. */
import type { KubeObject, Resource } from '../api/meta.ts'
import type { KubeClient } from './client.ts'
import { parseKey } from './keys.ts'
import type { Store } from './store.ts'

/**
 * The object, for whoever is about to act on there being none: from the store or, where that has none, from the API server, at the
 * cost of one request. What the store did not know yet is put into it. Throws KubeError when the API server cannot be asked.
 * @param key as `keyOf` prints it
 */
export async function lookUp<T extends KubeObject>(
  o: { readonly client: KubeClient; readonly store: Store<T>; readonly resource: Resource<T> },
  key: string,
): Promise<T | undefined> {
  const known = o.store.get(key)
  if (known) return known
  const found = await o.client.get(o.resource, parseKey(key))
  if (found) o.store.put(found)
  return found
}
