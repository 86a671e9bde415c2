import { randomInt } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import type { Clock } from '../../../ops/clock.ts'
import { DnsFault } from '../provider.ts'
import { uint16 } from './wire.ts'

export interface ServerAddress {
  readonly host: string
  readonly port: number
}

/** `ns1.example.com`, `192.0.2.53:5353`, `2001:db8::53` or `[2001:db8::53]:5353`. Port 53 unless given; undefined when it is none of these. */
export function parseServer(text: string): ServerAddress | undefined {
  const bracketed = /^\[([0-9a-fA-F:.]+)\](?::(\d{1,5}))?$/.exec(text)
  const plain = /^([^:[\]/\s]+)(?::(\d{1,5}))?$/.exec(text)
  const bare = /^[0-9a-fA-F:.]+$/.test(text) && text.split(':').length > 2 ? [text, text] : null
  const [, host, port = '53'] = bracketed ?? plain ?? bare ?? []
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return undefined
  return { host, port: Number(port) }
}

interface Waiting {
  readonly answered: (reply: Buffer) => void
  readonly failed: (fault: DnsFault) => void
  readonly cancel: () => void
}

/** One TCP connection: messages with a length in front (RFC 1035 4.2.2), replies found by their ID. UDP is never used: it is lost and forged. */
export class Channel {
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #deadlineMs: number
  readonly #waiting = new Map<number, Waiting>()
  readonly #where: string
  #unread: Buffer = Buffer.alloc(0)
  #nextId = randomInt(65_536)

  private constructor(socket: Socket, where: string, deadlineMs: number, clock: Clock) {
    this.#socket = socket
    this.#where = where
    this.#deadlineMs = deadlineMs
    this.#clock = clock
    socket.on('data', (bytes: Buffer) => this.#read(bytes))
    socket.on('error', (fault) => this.#fail(unreachable(where, fault)))
    socket.on('close', () => this.#fail(new DnsFault('unreachable', `${where} closed the connection`)))
  }

  /** Throws DnsFault `unreachable` when nobody answers within the deadline, which also holds for each message later. */
  static open(server: ServerAddress, options: { deadlineMs: number; clock: Clock }): Promise<Channel> {
    const where = `${server.host} port ${server.port}`
    return new Promise((resolve, reject) => {
      const socket = connect({ host: server.host, port: server.port, noDelay: true })
      const failed = (fault: unknown): void => {
        cancel()
        socket.destroy()
        reject(unreachable(where, fault))
      }
      const cancel = options.clock.after(options.deadlineMs, () => failed(new Error('no connection in time')))
      socket.once('error', failed)
      socket.once('connect', () => {
        cancel()
        socket.off('error', failed)
        resolve(new Channel(socket, where, options.deadlineMs, options.clock))
      })
    })
  }

  /** An ID no message under way has. */
  id(): number {
    do this.#nextId = (this.#nextId + 1) % 65_536
    while (this.#waiting.has(this.#nextId))
    return this.#nextId
  }

  /** Sends a message, whose first two bytes are its ID, and answers with the reply of that ID. */
  ask(message: Buffer): Promise<Buffer> {
    const id = message.readUInt16BE(0)
    return new Promise((answered, failed) => {
      if (this.#socket.destroyed) return failed(new DnsFault('unreachable', `${this.#where} closed the connection`))
      const cancel = this.#clock.after(this.#deadlineMs, () => this.#fail(new DnsFault('unreachable', `${this.#where} does not answer`)))
      this.#waiting.set(id, { answered, failed, cancel })
      this.#socket.write(Buffer.concat([uint16(message.length), message]))
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(bytes: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, bytes])
    while (this.#unread.length >= 2 && this.#unread.length >= 2 + this.#unread.readUInt16BE(0)) {
      const length = this.#unread.readUInt16BE(0)
      const reply = Buffer.from(this.#unread.subarray(2, 2 + length))
      this.#unread = this.#unread.subarray(2 + length)
      const id = reply.length < 2 ? undefined : reply.readUInt16BE(0)
      const waiting = id === undefined ? undefined : this.#waiting.get(id)
      if (id === undefined || waiting === undefined) continue
      this.#waiting.delete(id)
      waiting.cancel()
      waiting.answered(reply)
    }
  }

  #fail(fault: DnsFault): void {
    this.#socket.destroy()
    for (const waiting of this.#waiting.values()) {
      waiting.cancel()
      waiting.failed(fault)
    }
    this.#waiting.clear()
  }
}

function unreachable(where: string, cause: unknown): DnsFault {
  return new DnsFault('unreachable', `${where}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
}
