/** Where a clone stands: it may run, or how many are before it (1 = next). */
export type Slot = { readonly granted: true } | { readonly granted: false; readonly position: number }

interface Lane {
  readonly granted: Set<string>
  /** First come first served. */
  readonly waiting: string[]
}

/**
 * Full clones at the same time per node. Linked clones copy nothing and take no slot. A key that waits must come back when it is woken,
 * or be released; a release of a key that holds or waits for nothing is harmless.
 */
export class CloneSlots {
  readonly #lanes = new Map<string, Lane>()
  readonly #nodeOf = new Map<string, string>()
  readonly #listeners = new Set<(key: string) => void>()
  #perNode: number

  constructor(perNode: number) {
    this.#perNode = perNode
  }

  setLimit(perNode: number): void {
    this.#perNode = perNode
    for (const lane of this.#lanes.values()) this.#grant(lane)
  }

  /** Asks for a slot, or where the key stands. May be called any number of times; another node than before starts anew at the end. */
  take(node: string, key: string): Slot {
    const lane = this.#enter(node, key)
    if (!lane.granted.has(key) && !lane.waiting.includes(key)) {
      if (lane.waiting.length === 0 && lane.granted.size < this.#perNode) lane.granted.add(key)
      else lane.waiting.push(key)
    }
    return lane.granted.has(key) ? { granted: true } : { granted: false, position: lane.waiting.indexOf(key) + 1 }
  }

  /** For a clone that already runs, after a restart: it counts even beyond the limit. */
  hold(node: string, key: string): void {
    const lane = this.#enter(node, key)
    const at = lane.waiting.indexOf(key)
    if (at !== -1) lane.waiting.splice(at, 1)
    lane.granted.add(key)
  }

  release(key: string): void {
    const node = this.#nodeOf.get(key)
    const lane = node === undefined ? undefined : this.#lanes.get(node)
    if (lane === undefined) return
    this.#nodeOf.delete(key)
    lane.granted.delete(key)
    const at = lane.waiting.indexOf(key)
    if (at !== -1) lane.waiting.splice(at, 1)
    this.#grant(lane)
  }

  /** Called with the key that got a slot while it waited. */
  subscribe(listener: (key: string) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  get waiting(): number {
    return [...this.#lanes.values()].reduce((sum, { waiting }) => sum + waiting.length, 0)
  }

  #enter(node: string, key: string): Lane {
    if (this.#nodeOf.get(key) !== node) this.release(key)
    this.#nodeOf.set(key, node)
    const lane = this.#lanes.get(node) ?? { granted: new Set<string>(), waiting: [] }
    this.#lanes.set(node, lane)
    return lane
  }

  #grant(lane: Lane): void {
    while (lane.granted.size < this.#perNode) {
      const next = lane.waiting.shift()
      if (next === undefined) return
      lane.granted.add(next)
      for (const listener of this.#listeners) listener(next)
    }
  }
}
