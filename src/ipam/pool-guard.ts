/** The finalizer on a pool: it is there before the first address is taken, so that no pool goes while one is held. */
import { heldFinalizer } from '../api/group.ts'
import type { IPPool } from '../api/ippool.ts'
import { ipPools, poolAddresses } from '../api/meta.ts'
import type { PoolAddress } from '../api/pooladdress.ts'
import type { KubeClient } from '../kube/client.ts'
import { isOutdated } from '../kube/kube-error.ts'
import { findOne } from '../kube/look-up.ts'
import type { Store } from '../kube/store.ts'
import { KeyedMutex } from '../ops/keyed-mutex.ts'

export class PoolGuard {
  readonly #client: KubeClient
  readonly #pools: Store<IPPool>
  readonly #addresses: Store<PoolAddress>
  readonly #isUsed: (pool: string) => boolean
  readonly #turns = new KeyedMutex()
  /** Pools whose finalizer we removed: the store may still show it. */
  readonly #bare = new Set<string>()

  /** @param o.isUsed whether an address of the pool is held or being taken */
  constructor(o: { client: KubeClient; pools: Store<IPPool>; addresses: Store<PoolAddress>; isUsed: (pool: string) => boolean }) {
    this.#client = o.client
    this.#addresses = o.addresses
    this.#pools = o.pools
    this.#isUsed = o.isUsed
  }

  /** Before an address is taken; the caller has made `isUsed` true. One write per pool, then none. */
  async protect(name: string): Promise<void> {
    const isProtected = (): boolean => !this.#bare.has(name) && hasFinalizer(this.#pools.get(name))
    if (isProtected() && !this.#turns.isTaken(name)) return
    await this.#turns.take(name, async () => {
      if (isProtected()) return
      await this.#write(name, (finalizers) => [...finalizers, heldFinalizer])
      this.#bare.delete(name)
    })
  }

  /** Removes the finalizer if nothing of the pool is used; answers whether the pool is without it. */
  async unprotect(name: string): Promise<boolean> {
    return this.#turns.take(name, async () => {
      if (this.#isUsed(name)) return false
      if (!hasFinalizer(this.#pools.get(name))) return true
      if (await this.#isHeld(name)) return false
      this.#bare.add(name)
      await this.#write(name, (finalizers) => finalizers.filter((one) => one !== heldFinalizer))
      return true
    })
  }

  /** Asked of the API server before the finalizer is removed: the watch may not have told of an address yet. One request. */
  async #isHeld(name: string): Promise<boolean> {
    const kind = { client: this.#client, store: this.#addresses, resource: poolAddresses }
    const held = await findOne(kind, { fieldSelector: `spec.poolRef.name=${name},spec.claimRef.uid!=` })
    return held !== undefined
  }

  async #write(name: string, change: (others: readonly string[]) => string[]): Promise<void> {
    for (let seen = this.#pools.get(name); seen; seen = await this.#client.get(ipPools, { name })) {
      const { finalizers = [], resourceVersion } = seen.metadata
      try {
        const metadata = { resourceVersion, finalizers: change(finalizers.filter((one) => one !== heldFinalizer)) }
        const written = await this.#client.mergePatch(ipPools, { name }, { metadata })
        const isGone = written.metadata.deletionTimestamp !== undefined && (written.metadata.finalizers ?? []).length === 0
        if (!isGone) this.#pools.put(written)
        return
      } catch (fault) {
        if (!isOutdated(fault)) throw fault
      }
    }
  }
}

const hasFinalizer = (pool: IPPool | undefined): boolean => pool?.metadata.finalizers?.includes(heldFinalizer) ?? false
