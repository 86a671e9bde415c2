/** Work under one key runs one after the other; under different keys side by side. */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>()

  isTaken(key: string): boolean {
    return this.#last.has(key)
  }

  /** Runs the work when what came before under the key has ended, well or not. */
  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const mine = (this.#last.get(key) ?? Promise.resolve()).then(work, work)
    this.#last.set(key, mine)
    try {
      return await mine
    } finally {
      if (this.#last.get(key) === mine) this.#last.delete(key)
    }
  }
}
