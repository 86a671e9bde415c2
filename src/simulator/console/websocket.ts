// The server's side of RFC 6455, as far as consoles need it: binary messages both ways, ping and close.
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const
/** Frames a console client sends are small; a bigger one is not from a console. */
const maxFrameBytes = 1024 ** 2

interface Frame {
  opcode: number
  payload: Buffer
  bytes: number
}

/** A switched connection. `onData` gets what the client sends, in order; `onClose` runs once. */
export class WebSocketConnection {
  onData: (data: Buffer) => void = () => {}
  onClose: () => void = () => {}
  readonly #socket: Duplex
  #rest = Buffer.alloc(0)
  #isClosed = false

  constructor(socket: Duplex) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', () => this.close())
    socket.on('close', () => this.close())
  }

  send(data: Buffer): void {
    if (!this.#isClosed) this.#socket.write(frame(opcodes.binary, data))
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (!this.#socket.destroyed) this.#socket.end(frame(opcodes.close, Buffer.alloc(0)))
    this.onClose()
  }

  #take(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (let next = parse(this.#rest); next !== undefined && !this.#isClosed; next = parse(this.#rest)) {
      if (next === 'bad') {
        this.close()
        return
      }
      this.#rest = this.#rest.subarray(next.bytes)
      if (next.opcode === opcodes.close) this.close()
      else if (next.opcode === opcodes.ping) this.#socket.write(frame(opcodes.pong, next.payload))
      else if (next.opcode <= opcodes.binary) this.onData(next.payload)
    }
  }
}

/** Answers an upgrade request; undefined when it is none this side speaks. Text that came with it is given back to the socket. */
export function acceptWebSocket(request: IncomingMessage, socket: Duplex, head: Buffer): WebSocketConnection | undefined {
  const key = request.headers['sec-websocket-key']
  if (request.headers.upgrade?.toLowerCase() !== 'websocket' || key === undefined) return undefined
  const accept = createHash('sha1')
    .update(key + magic)
    .digest('base64')
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(/,\s*/)
  const protocol = offered.includes('binary') ? 'Sec-WebSocket-Protocol: binary\r\n' : ''
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${protocol}\r\n`,
  )
  if (head.length > 0) socket.unshift(head)
  return new WebSocketConnection(socket)
}

function frame(opcode: number, data: Buffer): Buffer {
  const n = data.length
  const header = n < 126 ? Buffer.from([0x80 | opcode, n]) : n < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10)
  header[0] = 0x80 | opcode
  if (header.length === 4) {
    header[1] = 126
    header.writeUInt16BE(n, 2)
  } else if (header.length === 10) {
    header[1] = 127
    header.writeBigUInt64BE(BigInt(n), 2)
  }
  return Buffer.concat([header, data])
}

/** The first whole frame, unmasked; undefined when more is to come. Clients must mask. */
function parse(from: Buffer): Frame | 'bad' | undefined {
  if (from.length < 2) return undefined
  const short = (from[1] ?? 0) & 0x7f
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0
  const start = 2 + lengthBytes + 4
  if (((from[1] ?? 0) & 0x80) === 0) return 'bad'
  if (from.length < start) return undefined
  const length = lengthBytes === 0 ? short : lengthBytes === 2 ? from.readUInt16BE(2) : Number(from.readBigUInt64BE(2))
  if (length > maxFrameBytes) return 'bad'
  if (from.length < start + length) return undefined
  const mask = from.subarray(start - 4, start)
  const payload = Buffer.from(from.subarray(start, start + length))
  for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] ?? 0) ^ (mask[i % 4] ?? 0)
  return { opcode: (from[0] ?? 0) & 0x0f, payload, bytes: start + length }
}
