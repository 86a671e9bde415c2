/** Which object of a kind. */
export interface Key {
  namespace?: string
  name: string
}

/** `namespace/name`, or `name` for a cluster-scoped object: neither part can contain a slash. */
export function keyOf(object: Key | { metadata: Key }): string {
  const { namespace, name } = 'metadata' in object ? object.metadata : object
  return namespace ? `${namespace}/${name}` : name
}

export function parseKey(key: string): Key {
  const slash = key.indexOf('/')
  return slash === -1 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}
