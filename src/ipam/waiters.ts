/** Who waits at which pool, first come first served (no I/O, no clock of its own). */
import type { Claimant } from './claim.ts'

/** `any`: the next free address. An address: that one. `pool`: a change of the pool, its namespaces or its cluster list. */
export type AddressWish = 'any' | 'pool' | bigint

export interface Waiter {
  readonly who: Claimant
  readonly entry: string
  readonly wish: AddressWish
  /** When it was told to come, by the clock that never jumps; one that does not come in time loses its place. */
  wokenMs?: number | undefined
}

/** A woken waiter that has not asked again by then is passed over: its VM is paused or gone. */
export const comeWithinMs = 60_000

export class Waiters {
  /** By pool, then by ticket, in order of arrival: a Map keeps the order of first insertion. */
  readonly #lines = new Map<string, Map<string, Waiter>>()

  /** Takes or keeps a place. A changed wish keeps it too; the wake is used up. */
  join(pool: string, who: Claimant, entry: string, wish: AddressWish): void {
    const line = this.#lines.get(pool) ?? new Map<string, Waiter>()
    line.set(ticketOf(who.uid, entry), { who, entry, wish })
    this.#lines.set(pool, line)
  }

  /** Gives up the place of an entry; answers whether it had one. */
  leave(uid: string, entry: string): boolean {
    return [...this.#lines.keys()].map((pool) => this.#drop(pool, ticketOf(uid, entry))).includes(true)
  }

  /** Gives up the places of a VM but those of the entries it still has. */
  keepOnly(uid: string, wanted: readonly { name: string; pool: string }[]): void {
    for (const [pool, line] of this.#lines) {
      for (const [ticket, waiter] of line) {
        if (waiter.who.uid === uid && !wanted.some((entry) => entry.name === waiter.entry && entry.pool === pool)) this.#drop(pool, ticket)
      }
    }
  }

  /** Those who wait before this one, or everybody when it has no place yet. */
  ahead(pool: string, uid: string, entry: string): Waiter[] {
    const before: Waiter[] = []
    const ticket = ticketOf(uid, entry)
    for (const [other, waiter] of this.#lines.get(pool) ?? []) {
      if (other === ticket) break
      before.push(waiter)
    }
    return before
  }

  line(pool: string): Waiter[] {
    return [...(this.#lines.get(pool)?.values() ?? [])]
  }

  pools(): string[] {
    return [...this.#lines.keys()]
  }

  /** Removes those who were called and did not come. */
  passOver(pool: string, monotonicMs: number): void {
    for (const [ticket, { wokenMs }] of this.#lines.get(pool) ?? []) {
      if (wokenMs !== undefined && monotonicMs - wokenMs >= comeWithinMs) this.#drop(pool, ticket)
    }
  }

  #drop(pool: string, ticket: string): boolean {
    const line = this.#lines.get(pool)
    const had = line?.delete(ticket) ?? false
    if (line?.size === 0) this.#lines.delete(pool)
    return had
  }
}

/**
 * Who can be served now, in order: each takes one of the free addresses, or the very one it asks for.
 * @param free how many addresses anybody may have
 * @param look whether this one may be had, and whether it is one of those anybody may have (a reserved one is not)
 */
export function servable(line: readonly Waiter[], free: bigint, look: (value: bigint) => { free: boolean; open: boolean }): Waiter[] {
  let left = free
  return line.filter((waiter) => {
    if (waiter.wish === 'pool') return false
    if (waiter.wish === 'any') return left-- > 0n
    const { free: isFree, open } = look(waiter.wish)
    return isFree && (!open || left-- > 0n)
  })
}

const ticketOf = (uid: string, entry: string): string => `${uid}/${entry}`
