import { createServer, connect, type Server, type Socket } from 'node:net'

/** A TCP proxy to the API server that does what networks do. */
export class FaultProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #mode: 'pass' | 'stall' | 'refuse' = 'pass'
  port = 0
  /** Connections that were reset as soon as they were made. */
  refused = 0
  /** What a client sends from now on arrives so much later. */
  delayMs = 0

  private constructor(target: URL) {
    this.#server = createServer((client) => this.#join(client, connect(Number(target.port), target.hostname)))
  }

  static async to(url: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(new URL(url))
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    const address = proxy.#server.address()
    proxy.port = typeof address === 'object' && address ? address.port : 0
    return proxy
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`
  }

  /** Connections of clients that are open now. */
  get open(): number {
    return this.#sockets.size / 2
  }

  pass(): void {
    this.#mode = 'pass'
    for (const socket of this.#sockets) socket.resume()
  }

  /** Connections stay open, new ones are taken, and not a byte comes through. */
  stall(): void {
    this.#mode = 'stall'
    for (const socket of this.#sockets) socket.pause()
  }

  /** Every connection is reset, and so is every new one until `pass`. */
  refuse(): void {
    this.#mode = 'refuse'
    this.cut()
  }

  /** Every connection is reset once. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #join(client: Socket, upstream: Socket): void {
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(from)
      from.on('error', () => undefined)
      from.on('close', () => (this.#sockets.delete(from), to.destroy()))
      from.on('data', (bytes) => {
        if (from === client && this.delayMs > 0) setTimeout(() => to.write(bytes), this.delayMs)
        else to.write(bytes)
      })
    }
    if (this.#mode === 'refuse') {
      this.refused += 1
      client.resetAndDestroy()
    }
    if (this.#mode === 'stall') for (const socket of [client, upstream]) socket.pause()
  }
}
