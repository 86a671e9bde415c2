/** Seeded randomness (mulberry32): two runs with the same calls give the same MACs, uuids and process ids. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  hex(digits: number): string {
    let text = ''
    while (text.length < digits) text += this.below(16).toString(16)
    return text
  }

  uuid(): string {
    return `${this.hex(8)}-${this.hex(4)}-4${this.hex(3)}-${'89ab'[this.below(4)]}${this.hex(3)}-${this.hex(12)}`
  }

  /** A MAC with the datacenter's prefix, default `BC:24:11` (PVE::Tools random_ether_addr). */
  mac(prefix = 'BC:24:11'): string {
    const parts = prefix.split(':')
    while (parts.length < 6) parts.push(this.hex(2))
    return parts.join(':').toUpperCase()
  }

  /** Fisher-Yates, for lists whose order PVE leaves to a hash. */
  shuffled<T>(list: readonly T[]): T[] {
    const out = [...list]
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const a = out[i] as T
      out[i] = out[j] as T
      out[j] = a
    }
    return out
  }
}
