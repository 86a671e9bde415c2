/** Bytes that arrive in pieces, taken in the sizes that a protocol names. */
export class ByteReader {
  #bytes: Buffer = Buffer.alloc(0)
  #wanted: { readonly count: number; readonly resolve: (bytes: Buffer) => void; readonly reject: (fault: Error) => void } | undefined
  #fault: Error | undefined

  push(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes])
    this.#serve()
  }

  /** The other end is gone: who waits, and who asks from now on, gets the fault. */
  end(fault: Error): void {
    this.#fault ??= fault
    this.#wanted?.reject(this.#fault)
    this.#wanted = undefined
  }

  /** The next `count` bytes, waiting for them. One taker at a time. */
  take(count: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#fault) {
        reject(this.#fault)
        return
      }
      this.#wanted = { count, resolve, reject }
      this.#serve()
    })
  }

  /** What has come and nobody took. */
  rest(): Buffer {
    const rest = this.#bytes
    this.#bytes = Buffer.alloc(0)
    return rest
  }

  #serve(): void {
    const wanted = this.#wanted
    if (!wanted || this.#bytes.length < wanted.count) return
    this.#wanted = undefined
    const taken = this.#bytes.subarray(0, wanted.count)
    this.#bytes = this.#bytes.subarray(wanted.count)
    wanted.resolve(taken)
  }
}
