/** The writes that take and give back one address. The API server is the judge between operators: create, or update by resourceVersion. */
import { poolAddresses } from '../api/meta.ts'
import type { PoolAddress } from '../api/pooladdress.ts'
import type { KubeClient } from '../kube/client.ts'
import { isNotFound, isOutdated, KubeError } from '../kube/kube-error.ts'
import { type Claim, isProtected, nameOf, recordOf, releasedAtMs, underEntry, taken } from './records.ts'

/** Beyond this somebody writes the object in a loop; the caller tries again later. */
const tries = 8

/** `ours`: the object as it is now. `theirs`: somebody else has it, or it is not to be had now. */
export type Taking = { is: 'ours' | 'theirs'; object: PoolAddress }

export interface TakeOptions {
  /** The object as far as it is known; wrong or missing costs one request more, never a wrong answer. */
  readonly known: PoolAddress | undefined
  readonly reuseAfterMs: number
  /** Takes it also when the same VM holds it for another entry or from another pool. */
  readonly adopt: boolean
}

/**
 * Takes an address with one write. Safe to repeat: one that is ours already (a lost reply, a crash after the create) is found to be so.
 * Throws what the API server or the network threw; after that the address may or may not be ours.
 */
export async function take(client: KubeClient, claim: Claim, nowMs: () => number, o: TakeOptions): Promise<Taking> {
  const key = { name: nameOf(claim.address, claim.scope) }
  let seen = o.known
  for (let left = tries; left > 0; left--) {
    const verdict = seen && judge(seen, claim, nowMs() - o.reuseAfterMs, o.adopt)
    if (seen && verdict !== 'write') return { is: verdict === 'ours' ? 'ours' : 'theirs', object: seen }
    try {
      if (!seen) return { is: 'ours', object: await client.create(poolAddresses, taken(claim, nowMs())) }
      const next = seen.spec.claimRef ? underEntry(seen, claim) : taken(claim, nowMs(), seen)
      return { is: 'ours', object: await client.replace(poolAddresses, next) }
    } catch (fault) {
      // A create is "not found" only when there is no such kind.
      if (!isOvertaken(fault) || (!seen && isNotFound(fault))) throw fault
      seen = await client.get(poolAddresses, key)
    }
  }
  throw new Error(`PoolAddress ${key.name} changed at each of ${tries} attempts to take it`)
}

/** What is to be done with an object that exists. `restedSinceMs`: what was released after that still cools. */
function judge(seen: PoolAddress, claim: Claim, restedSinceMs: number, adopt: boolean): 'ours' | 'theirs' | 'write' {
  const { claimRef } = seen.spec
  if (claimRef && claimRef.uid === claim.who.uid) {
    if (claimRef.entry === claim.entry && seen.spec.poolRef.name === claim.pool) return 'ours'
    return adopt ? 'write' : 'theirs'
  }
  if (claimRef || seen.metadata.deletionTimestamp !== undefined) return 'theirs'
  const { inUse } = seen.spec
  if (inUse && (inUse.cluster !== claim.who.cluster || inUse.vmid !== claim.who.vmid)) return 'theirs'
  return releasedAtMs(seen) > restedSinceMs ? 'theirs' : 'write'
}

/**
 * Changes an address as long as `change` says so: it sees the newest object each time, and `undefined` means "leave it".
 * @returns the object as it is afterwards; undefined = there is none
 */
export async function update(
  client: KubeClient,
  name: string,
  known: PoolAddress | undefined,
  change: (now: PoolAddress) => PoolAddress | undefined,
): Promise<PoolAddress | undefined> {
  let seen = known ?? (await client.get(poolAddresses, { name }))
  for (let left = tries; left > 0; left--) {
    const next = seen && change(seen)
    if (!next) return seen
    try {
      const written = await client.replace(poolAddresses, next)
      return isGoing(written) ? await keepRecord(client, written) : written
    } catch (fault) {
      if (!isOvertaken(fault)) throw fault
      seen = await client.get(poolAddresses, { name })
    }
  }
  throw new Error(`PoolAddress ${name} changed at each of ${tries} attempts to update it`)
}

/** Somebody deleted the object and our finalizer was all that held it: with this write it is gone. */
const isGoing = ({ metadata }: PoolAddress): boolean => metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0

/** Who had the address stays on record, and reuseAfter is kept, also when the object was deleted by hand: the record is made anew. */
async function keepRecord(client: KubeClient, gone: PoolAddress): Promise<PoolAddress | undefined> {
  if (gone.spec.claimRef || isProtected(gone)) return undefined
  try {
    return await client.create(poolAddresses, recordOf(gone))
  } catch (fault) {
    if (!isOvertaken(fault)) throw fault
    return client.get(poolAddresses, { name: gone.metadata.name })
  }
}

/** The object was made, changed or deleted since we looked: look again. */
const isOvertaken = (fault: unknown): boolean => isOutdated(fault) || (fault instanceof KubeError && fault.reason === 'AlreadyExists')

/** Whether the API server refused the write: then it did not happen. Without an answer, or after a 5xx, it may have. */
export const wasRefused = (fault: unknown): boolean => fault instanceof KubeError && fault.status >= 400 && fault.status < 500
