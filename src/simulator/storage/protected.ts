/** How many backups of a guest may be protected (PVE::Storage get_max_protected_backups, update_volume_attribute). */
import type { Call } from '../routes.ts'
import type { Storage } from './table.ts'

/** -1: as many as one likes. */
export function maxProtected({ world, user }: Pick<Call, 'world' | 'user'>, storage: Storage): number {
  const set = storage.properties['max-protected-backups']
  if (set !== undefined) return Number(set)
  return world.access.has(user, `/storage/${storage.storage}`, 'Datastore.Allocate') ? -1 : 5
}

export const protectedLimit = (most: number, storage: string): string =>
  `The number of protected backups per guest is limited to ${most} on storage '${storage}'`
