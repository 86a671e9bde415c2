/** What a page may say to a guest in VNC: drawing, keys and mouse, or only drawing. Everything else is left out or ends the session. */

const types = {
  setPixelFormat: 0,
  setEncodings: 2,
  updateRequest: 3,
  key: 4,
  pointer: 5,
  cutText: 6,
  continuousUpdates: 150,
  fence: 248,
  xvp: 250,
  desktopSize: 251,
  qemu: 255,
} as const

/** Of fixed length; the others say theirs. */
const lengths: ReadonlyMap<number, number> = new Map([
  [types.setPixelFormat, 20],
  [types.updateRequest, 10],
  [types.key, 8],
  [types.pointer, 6],
  [types.continuousUpdates, 10],
  [types.xvp, 4],
  [types.qemu, 12],
])

/** Act on the guest: thrown away where one may only look. */
const acting: ReadonlySet<number> = new Set([types.key, types.pointer, types.cutText, types.desktopSize, types.qemu])
/** Pseudo-encodings that would open a way to switch the power (xvp), or messages of another length (extended mouse buttons). */
const withheldEncodings: ReadonlySet<number> = new Set([-309, -316])

const longestText = 256 * 1024

/** Client messages in, allowed client messages out. Throws a sentence for what is not VNC as we know it. */
export class RfbFilter {
  readonly #readOnly: boolean
  #rest: Buffer = Buffer.alloc(0)

  constructor(o: { readOnly: boolean }) {
    this.#readOnly = o.readOnly
  }

  push(bytes: Buffer): Buffer {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    const allowed: Buffer[] = []
    for (let length = this.#lengthOfFirst(); length !== undefined && this.#rest.length >= length; length = this.#lengthOfFirst()) {
      const message = this.#rest.subarray(0, length)
      this.#rest = this.#rest.subarray(length)
      const passed = this.#judge(message)
      if (passed) allowed.push(passed)
    }
    return Buffer.concat(allowed)
  }

  #judge(message: Buffer): Buffer | undefined {
    const type = message[0] ?? 0
    if (type === types.xvp || (this.#readOnly && acting.has(type))) return undefined
    return type === types.setEncodings ? withoutWithheld(message) : message
  }

  /** Undefined: its length is not known yet. */
  #lengthOfFirst(): number | undefined {
    const [type] = this.#rest
    if (type === undefined) return undefined
    const fixed = lengths.get(type)
    if (fixed !== undefined) return type === types.qemu ? this.#qemu(fixed) : fixed
    const has = (count: number) => this.#rest.length >= count
    switch (type) {
      case types.setEncodings:
        return has(4) ? 4 + 4 * this.#rest.readUInt16BE(2) : undefined
      case types.cutText:
        return has(8) ? 8 + bounded(Math.abs(this.#rest.readInt32BE(4))) : undefined
      case types.fence:
        return has(9) ? 9 + (this.#rest[8] ?? 0) : undefined
      case types.desktopSize:
        return has(8) ? 8 + 16 * (this.#rest[6] ?? 0) : undefined
      default:
        throw new Error(`the page sent a message of the unknown type ${type}`)
    }
  }

  /** Only its extended key event; audio is not for consoles. */
  #qemu(length: number): number | undefined {
    if (this.#rest.length < 2) return undefined
    if (this.#rest[1] !== 0) throw new Error('the page sent a message of QEMU that is not a key')
    return length
  }
}

function bounded(length: number): number {
  if (length > longestText) throw new Error(`the page pasted ${length} bytes; ${longestText} are allowed`)
  return length
}

function withoutWithheld(message: Buffer): Buffer {
  const kept: number[] = []
  for (let at = 4; at < message.length; at += 4) if (!withheldEncodings.has(message.readInt32BE(at))) kept.push(message.readInt32BE(at))
  const out = Buffer.alloc(4 + 4 * kept.length)
  message.copy(out, 0, 0, 2)
  out.writeUInt16BE(kept.length, 2)
  for (const [index, encoding] of kept.entries()) out.writeInt32BE(encoding, 4 + 4 * index)
  return out
}
