import type { KubeObject, Resource } from '../api/meta.ts'
import type { Key } from './keys.ts'

export type Subresource = 'status'

const segment = encodeURIComponent

/** `/apis/pve.hosting/v1alpha1/namespaces/<ns>/proxmoxvms`, or without the namespace: all of them, or a cluster-scoped kind. */
export function collectionPath(resource: Resource<KubeObject>, namespace?: string): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`
  const scope = resource.namespaced && namespace ? `/namespaces/${segment(namespace)}` : ''
  return `${root}${scope}/${resource.plural}`
}

/** Throws when a namespaced kind is addressed without one: the path would name another thing. */
export function objectPath(resource: Resource<KubeObject>, key: Key, subresource?: Subresource): string {
  if (resource.namespaced && !key.namespace) throw new Error(`${resource.kind} ${key.name} needs a namespace`)
  const path = `${collectionPath(resource, key.namespace)}/${segment(key.name)}`
  return subresource ? `${path}/${subresource}` : path
}

const metadataAs = (kind: string): string => `application/json;as=${kind};g=meta.k8s.io;v=v1`

/** The media type to ask for; undefined: plain JSON. */
export const acceptOf = (resource: Resource<KubeObject>, what: 'object' | 'list'): string | undefined =>
  resource.metadataOnly && metadataAs(what === 'list' ? 'PartialObjectMetadataList' : 'PartialObjectMetadata')

/** A query string with its question mark, without what is absent; empty if all is. */
export function query(parameters: Record<string, string | undefined>): string {
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '')
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`
}
