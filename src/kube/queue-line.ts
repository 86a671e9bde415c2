/** The keys of one group of a work queue in the order in which they are served. */
export class QueueLine {
  /** Keys that go before all others. */
  readonly #first: string[] = []
  /** From #head on: shift() on a large array copies it each time. */
  #order: string[] = []
  #head = 0
  /** How many of its keys are being worked on. */
  running = 0

  add(key: string): void {
    this.#order.push(key)
  }

  addFirst(key: string): void {
    this.#first.push(key)
  }

  /** The next key that is wanted still; what was served meanwhile from the front of the line is passed over. */
  take(isWanted: (key: string) => boolean): string | undefined {
    for (let key = this.#shift(); key !== undefined; key = this.#shift()) if (isWanted(key)) return key
    return undefined
  }

  get isEmpty(): boolean {
    return this.#first.length === 0 && this.#head >= this.#order.length
  }

  #shift(): string | undefined {
    const first = this.#first.shift()
    if (first !== undefined) return first
    const key = this.#order[this.#head]
    if (key === undefined) return undefined
    this.#head += 1
    if (this.#head > 1024 && this.#head * 2 > this.#order.length) {
      this.#order = this.#order.slice(this.#head)
      this.#head = 0
    }
    return key
  }
}
