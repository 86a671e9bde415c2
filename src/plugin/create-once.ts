/** Creates an object whose name the caller chose, so that a lost answer can be looked up instead of making a second one. */
import type { KubeObject, Resource } from '../api/meta.ts'
import { KubeError } from '../kube/kube-error.ts'
import type { Session } from './session.ts'

/** The object as the API server has it. */
export async function createOnce<T extends KubeObject>({ client }: Pick<Session, 'client'>, resource: Resource<T>, wish: T): Promise<T> {
  const { namespace, name } = wish.metadata
  try {
    return await client.create(resource, wish)
  } catch (fault) {
    const isLost = fault instanceof KubeError && fault.status === 0
    const there = isLost && (await client.get(resource, { name, ...(namespace !== undefined && { namespace }) }))
    if (there) return there
    throw fault
  }
}
