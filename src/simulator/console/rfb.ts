// A VNC server of RFC 6143 with one screen: it asks for the password, draws the guest's name and state, and echoes keys.
import { createCipheriv, timingSafeEqual } from 'node:crypto'
import { draw, height, width } from './picture.ts'

const version = 'RFB 003.008\n'
const vncAuthentication = 2
/** X11's codes of keys that change the line. */
const keys = { backspace: 0xff08, enter: 0xff0d } as const

export interface RfbScreen {
  name: string
  password: string
  /** 16 bytes. */
  challenge: Buffer
  /** The lines above what is typed, as they are now. */
  lines: () => string[]
  send: (data: Buffer) => void
  close: () => void
}

interface PixelFormat {
  bytes: number
  isBigEndian: boolean
  white: number
}

const trueColour: PixelFormat = { bytes: 4, isBigEndian: false, white: 0xffffff }

/** The server's half of the talk: `take` what the client sends. */
export class RfbServer {
  readonly #screen: RfbScreen
  #rest = Buffer.alloc(0)
  #state: 'version' | 'security' | 'challenge' | 'init' | 'open' = 'version'
  #format = trueColour
  #typed = ''

  constructor(screen: RfbScreen) {
    this.#screen = screen
    screen.send(Buffer.from(version))
  }

  take(data: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, data])
    while (this.#step()) continue
  }

  /** Takes one message; false when it is not there as a whole. */
  #step(): boolean {
    switch (this.#state) {
      case 'version':
        if (this.#eat(version.length) === undefined) return false
        this.#screen.send(Buffer.from([1, vncAuthentication]))
        this.#state = 'security'
        return true
      case 'security':
        if (this.#eat(1) === undefined) return false
        this.#screen.send(this.#screen.challenge)
        this.#state = 'challenge'
        return true
      case 'challenge':
        return this.#login()
      case 'init':
        if (this.#eat(1) === undefined) return false
        this.#screen.send(serverInit(this.#screen.name))
        this.#state = 'open'
        return true
      case 'open':
        return this.#message()
    }
  }

  #login(): boolean {
    const response = this.#eat(16)
    if (response === undefined) return false
    if (timingSafeEqual(response, answerOf(this.#screen.password, this.#screen.challenge))) {
      this.#screen.send(Buffer.from([0, 0, 0, 0]))
      this.#state = 'init'
      return true
    }
    const reason = Buffer.from('Authentication failed')
    this.#screen.send(Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, reason.length]), reason]))
    this.#screen.close()
    return false
  }

  #message(): boolean {
    const type = this.#rest[0]
    if (type === undefined) return false
    const body = this.#eat(this.#lengthOf(type))
    if (body === undefined) return false
    if (type === 0) this.#format = formatOf(body)
    // An incremental request waits for a change, and every change is drawn at once.
    else if (type === 3 && body[1] === 0) this.#update()
    else if (type === 4 && body[1] === 1) this.#press(body.readUInt32BE(4))
    return true
  }

  /** Of a client's message; unknown ones end the talk. */
  #lengthOf(type: number): number {
    const fixed = new Map([
      [0, 20],
      [3, 10],
      [4, 8],
      [5, 6],
    ]).get(type)
    if (fixed !== undefined) return fixed
    if (type === 2) return this.#rest.length < 4 ? 4 : 4 + 4 * this.#rest.readUInt16BE(2)
    if (type === 6) return this.#rest.length < 8 ? 8 : 8 + this.#rest.readUInt32BE(4)
    this.#screen.close()
    return Number.POSITIVE_INFINITY
  }

  #press(key: number): void {
    if (key === keys.backspace) this.#typed = this.#typed.slice(0, -1)
    else if (key === keys.enter) this.#typed = ''
    else if (key >= 0x20 && key < 0x7f) this.#typed += String.fromCharCode(key)
    this.#update()
  }

  /** The whole screen, not compressed. */
  #update(): void {
    const dots = draw([...this.#screen.lines(), `> ${this.#typed}_`])
    const { bytes, isBigEndian, white } = this.#format
    const head = Buffer.from([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    head.writeUInt16BE(width, 8)
    head.writeUInt16BE(height, 10)
    const pixels = Buffer.alloc(width * height * bytes)
    for (let i = 0; i < dots.length; i++) {
      if (dots[i] !== 1) continue
      if (isBigEndian) pixels.writeUIntBE(white, i * bytes, bytes)
      else pixels.writeUIntLE(white, i * bytes, bytes)
    }
    this.#screen.send(Buffer.concat([head, pixels]))
  }

  #eat(bytes: number): Buffer | undefined {
    if (this.#rest.length < bytes) return undefined
    const out = this.#rest.subarray(0, bytes)
    this.#rest = this.#rest.subarray(bytes)
    return out
  }
}

function serverInit(name: string): Buffer {
  const text = Buffer.from(name)
  const out = Buffer.alloc(24 + text.length)
  out.writeUInt16BE(width, 0)
  out.writeUInt16BE(height, 2)
  // 32 bits a pixel, depth 24, little endian, true colour, 8 bits each, red << 16, green << 8, blue.
  Buffer.from([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0]).copy(out, 4)
  out.writeUInt32BE(text.length, 20)
  text.copy(out, 24)
  return out
}

/** SetPixelFormat: the pixel value of white in the client's own format. */
function formatOf(message: Buffer): PixelFormat {
  const [bits = 32, , isBigEndian] = message.subarray(4)
  const part = (index: number) => message.readUInt16BE(8 + 2 * index) * 2 ** (message[14 + index] ?? 0)
  return { bytes: bits / 8, isBigEndian: isBigEndian === 1, white: part(0) + part(1) + part(2) }
}

/** The challenge under DES with the password, whose bytes have their bits turned round (RFC 6143 7.2.2). Three equal keys make 3DES plain DES. */
export function answerOf(password: string, challenge: Buffer): Buffer {
  const key = Buffer.alloc(8)
  Buffer.from(password).copy(key, 0, 0, 8)
  for (let i = 0; i < 8; i++) key[i] = turned(key[i] ?? 0)
  const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([key, key, key]), null)
  cipher.setAutoPadding(false)
  return Buffer.concat([cipher.update(challenge), cipher.final()])
}

function turned(byte: number): number {
  let out = 0
  for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) out |= 0x80 >> bit
  return out
}
