/** The talk with the broker: one WebSocket, made again when it is lost. */
import { forget, remember } from './link.ts'
import type { FromPage, Hello, ToPage } from './protocol.ts'

export interface TalkEvents {
  message(message: ToPage): void
  bytes(bytes: ArrayBuffer): void
  /** The connection was lost; it is made again. */
  lost(): void
}

const pauses = [500, 1000, 2000, 4000, 8000, 15_000]

export class Talk {
  readonly #events: TalkEvents
  #hello: Hello
  #socket: WebSocket | undefined
  #failures = 0
  #isOver = false
  #timer = 0

  constructor(hello: Hello, events: TalkEvents) {
    this.#hello = hello
    this.#events = events
    this.connect()
  }

  say(message: FromPage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message))
  }

  send(bytes: ArrayBufferView<ArrayBuffer> | ArrayBuffer): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(bytes)
  }

  /** Also by hand, before its time. */
  connect(): void {
    if (this.#isOver) return
    clearTimeout(this.#timer)
    const former = this.#socket
    if (former) former.onclose = null
    former?.close()
    const url = new URL('/session', location.href)
    url.protocol = url.protocol.replace('http', 'ws')
    const socket = new WebSocket(url)
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => socket.send(JSON.stringify({ hello: this.#hello } satisfies FromPage))
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data === 'string') this.#hear(JSON.parse(data) as ToPage)
      else this.#events.bytes(data)
    }
    socket.onclose = () => {
      if (this.#isOver) return
      this.#events.lost()
      const pause = pauses[Math.min(this.#failures, pauses.length - 1)] ?? 0
      this.#failures += 1
      this.#timer = setTimeout(() => this.connect(), pause)
    }
  }

  #hear(message: ToPage): void {
    if (message.welcome) {
      this.#failures = 0
      this.#hello = { ...this.#hello, key: message.welcome.key }
      remember(this.#hello)
    }
    if (message.end) {
      this.#isOver = true
      if (message.end !== 'busy') forget()
    }
    this.#events.message(message)
  }
}
