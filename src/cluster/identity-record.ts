/** What is known of which PVE it is, from the object and from what answers (pure). */
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { Listing } from '../proxmox/inventory.ts'

/** A person's word counts for more than what was recorded. */
export const expectedIdentity = ({ spec, status }: ProxmoxCluster): string | undefined => spec.identity ?? status?.identity

/**
 * What to record of what was found. With nothing on record yet: only if the PVE shows at least one of the VMs (`known`: their VMIDs), or there
 * are none; else nobody can tell whether it is theirs.
 */
export function identityToRecord(
  object: ProxmoxCluster,
  o: { found: string | undefined; listing: Listing | undefined; known: readonly number[] },
): string | undefined {
  const expected = expectedIdentity(object)?.toUpperCase()
  if (!o.found) return undefined
  if (expected !== undefined) return o.found === expected ? o.found : undefined
  if (o.listing === undefined) return undefined
  return o.known.length === 0 || o.known.some((vmid) => o.listing?.guests.has(vmid)) ? o.found : undefined
}
