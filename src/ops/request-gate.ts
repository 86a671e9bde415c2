/** At most `limit` requests in flight per PVE cluster: first come first served, but power and destroy pass everybody else. */
export class RequestGate {
  #limit: number
  #inFlight = 0
  readonly #lanes: { urgent: (() => void)[]; plain: (() => void)[] } = { urgent: [], plain: [] }

  constructor(limit: number) {
    this.#limit = limit
  }

  setLimit(limit: number): void {
    this.#limit = limit
    this.#admit()
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get waiting(): number {
    return this.#lanes.urgent.length + this.#lanes.plain.length
  }

  /** Resolves when it is this caller's turn; the returned function gives the place back. */
  async enter(urgent: boolean): Promise<() => void> {
    await new Promise<void>((admitted) => {
      this.#lanes[urgent ? 'urgent' : 'plain'].push(admitted)
      this.#admit()
    })
    let left = false
    return () => {
      if (left) return
      left = true
      this.#inFlight -= 1
      this.#admit()
    }
  }

  #admit(): void {
    while (this.#inFlight < this.#limit) {
      const next = this.#lanes.urgent.shift() ?? this.#lanes.plain.shift()
      if (next === undefined) return
      this.#inFlight += 1
      next()
    }
  }
}
