import type { KubeObject } from '../api/meta.ts'
import { keyOf } from './keys.ts'
import { withoutManagedFields } from './trim.ts'

/** old absent = added, new absent = deleted. An object made anew under the name of a deleted one is two changes, never one. */
export interface StoreChange<T> {
  key: string
  old?: T
  new?: T
}

interface Index<T> {
  by: (object: T) => readonly string[]
  keys: Map<string, Set<string>>
}

const decimal = /^[1-9]\d*$|^0$/

/**
 * Whether version `a` is newer than `b`. Kubernetes documents resourceVersions as comparable decimals since 1.35 (KEP-5504); for
 * others the answer is undefined: nobody knows.
 */
export function isNewer(a: string | undefined, b: string | undefined): boolean | undefined {
  if (a === undefined || b === undefined || !decimal.test(a) || !decimal.test(b)) return undefined
  return a.length === b.length ? a > b : a.length > b.length
}

/** What a watch knows of one kind, indexed, with those it tells of changes. Filled by a Reflector; objects in it are never changed in place. */
export class Store<T extends KubeObject> {
  readonly #objects = new Map<string, T>()
  readonly #indexes = new Map<string, Index<T>>()
  readonly #listeners = new Set<(change: StoreChange<T>) => void>()
  readonly #onProblem: (message: string) => void
  readonly #trim: (object: T) => T
  /** Put in by our own requests, and not confirmed by the watch yet: it may still tell older news about these. */
  readonly #ahead = new Set<string>()
  readonly #synced = Promise.withResolvers<void>()
  #isSynced = false
  /** How far the watch has come: a write up to here is in the store already, or is overtaken. undefined while a list is read. */
  #seenVersion: string | undefined

  /** `trim` makes objects smaller before they are kept, whether the watch or our own write brings them; absent: managedFields go. */
  constructor(o: { onProblem?: (message: string) => void; trim?: (object: T) => T } = {}) {
    this.#onProblem = o.onProblem ?? (() => undefined)
    this.#trim = o.trim ?? withoutManagedFields
  }

  /** Resolves when everything that existed at the start is in. */
  get synced(): Promise<void> {
    return this.#synced.promise
  }

  get isSynced(): boolean {
    return this.#isSynced
  }

  get size(): number {
    return this.#objects.size
  }

  get(key: string): T | undefined {
    return this.#objects.get(key)
  }

  list(): T[] {
    return [...this.#objects.values()]
  }

  /** A maintained index; the answer looks up all objects for which `by` named that value. */
  index(name: string, by: (object: T) => readonly string[]): (value: string) => T[] {
    if (this.#indexes.has(name)) throw new Error(`index ${name} is declared already`)
    const index: Index<T> = { by, keys: new Map() }
    this.#indexes.set(name, index)
    for (const [key, object] of this.#objects) enter(index, key, object)
    return (value) => [...(index.keys.get(value) ?? [])].flatMap((key) => this.#objects.get(key) ?? [])
  }

  /** Tells of every change from now on; the answer ends that. What a listener throws is reported and stops nobody. */
  subscribe(listener: (change: StoreChange<T>) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Puts the answer of our own request in at once, a write or a read, so that the next look is not older than it. Ignored when the watch
   * is as far already: then the object is here, or was changed or deleted since.
   */
  put(object: T): void {
    const key = keyOf(object)
    const version = object.metadata.resourceVersion
    const known = this.#objects.get(key)
    if (this.#seenVersion !== undefined && isNewer(version, this.#seenVersion) !== true) return
    if (known && isNewer(version, known.metadata.resourceVersion) !== true) return
    this.#set(key, object)
    this.#ahead.add(key)
  }

  /** For the reflector: the watch says that the object is now like this. */
  upsert(object: T): void {
    const key = keyOf(object)
    // the objects of a list come in the order of their names: their versions tell nothing about how far we are
    if (this.#seenVersion !== undefined) this.#seenVersion = object.metadata.resourceVersion
    if (this.#isOvertaken(key, object)) return
    this.#ahead.delete(key)
    this.#set(key, object)
  }

  /** For the reflector: the watch says that the object is gone. `object` is its last state, with the version of the deletion. */
  remove(object: T): void {
    const key = keyOf(object)
    if (this.#seenVersion !== undefined) this.#seenVersion = object.metadata.resourceVersion
    if (this.#isOvertaken(key, object)) return
    this.#ahead.delete(key)
    this.#drop(key)
  }

  /** For the reflector: a bookmark. */
  progress(resourceVersion: string): void {
    this.#seenVersion = resourceVersion
  }

  /** For the reflector, before a complete list is asked for: that list will know everything written until now. */
  beginReplace(): void {
    this.#ahead.clear()
    this.#seenVersion = undefined
  }

  /** For the reflector, after a complete list of that version: what was not seen in it is gone, but for what we put in since. */
  endReplace(seen: ReadonlySet<string>, resourceVersion: string): void {
    this.#seenVersion = resourceVersion
    for (const [key, object] of this.#objects) {
      if (this.#ahead.has(key) && isNewer(object.metadata.resourceVersion, resourceVersion) === true) continue
      this.#ahead.delete(key)
      if (!seen.has(key)) this.#drop(key)
    }
    this.#isSynced = true
    this.#synced.resolve()
  }

  #isOvertaken(key: string, object: T): boolean {
    return this.#ahead.has(key) && isNewer(this.#objects.get(key)?.metadata.resourceVersion, object.metadata.resourceVersion) === true
  }

  #set(key: string, object: T): void {
    const old = this.#objects.get(key)
    if (old && old.metadata.resourceVersion === object.metadata.resourceVersion && old.metadata.uid === object.metadata.uid) return
    if (old && old.metadata.uid !== object.metadata.uid) {
      this.#drop(key)
      this.#set(key, object)
      return
    }
    const kept = this.#trim(object)
    for (const index of this.#indexes.values()) {
      if (old) leave(index, key, old)
      enter(index, key, kept)
    }
    this.#objects.set(key, kept)
    this.#tell(old ? { key, old, new: kept } : { key, new: kept })
  }

  #drop(key: string): void {
    const old = this.#objects.get(key)
    if (!old) return
    for (const index of this.#indexes.values()) leave(index, key, old)
    this.#objects.delete(key)
    this.#ahead.delete(key)
    this.#tell({ key, old })
  }

  #tell(change: StoreChange<T>): void {
    for (const listener of this.#listeners) {
      try {
        listener(change)
      } catch (fault) {
        this.#onProblem(`a listener failed on ${change.key}: ${String(fault)}`)
      }
    }
  }
}

function enter<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.by(object)) {
    const keys = index.keys.get(value)
    if (keys) keys.add(key)
    else index.keys.set(value, new Set([key]))
  }
}

function leave<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.by(object)) {
    const keys = index.keys.get(value)
    keys?.delete(key)
    if (keys?.size === 0) index.keys.delete(value)
  }
}
