/** What is shown: a picture by noVNC, or a terminal by xterm.js. Each is loaded only where it is needed. */
import type { Talk } from './talk.ts'

export interface Display {
  /** Bytes of the guest. */
  take(bytes: ArrayBuffer): void
  focus(): void
  /** Types a text, key by key. */
  type(text: string): Promise<void>
  ctrlAltDel(): void
  /** A key that is no character: its keysym, and what a terminal gets. */
  press(keysym: number, text: string): void
  close(): void
}

/** As much of noVNC's RFB as is used here (its docs/API.md). */
interface Vnc extends EventTarget {
  scaleViewport: boolean
  viewOnly: boolean
  focusOnClick: boolean
  background: string
  showDotCursor: boolean
  sendKey(keysym: number, code: string | null, down?: boolean): void
  sendCtrlAltDel(): void
  focus(): void
  disconnect(): void
}
type VncClass = new (target: HTMLElement, channel: object, options: { shared: boolean }) => Vnc

/** Keeps up with guests that read their keyboard slowly, such as a boot loader. */
const keyPauseMs = 8
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Of X11: Latin-1 as it is, everything else by its code point. */
function keysymOf(char: string): number {
  const code = char.codePointAt(0) ?? 0
  if (char === '\n') return 0xff0d
  if (char === '\t') return 0xff09
  return code <= 0xff ? code : 0x01000000 | code
}

/** What noVNC takes for a WebSocket: the binary half of the talk. */
class Channel {
  onopen: (() => void) | null = null
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null
  onclose: ((event: object) => void) | null = null
  onerror: ((event: object) => void) | null = null
  binaryType = 'arraybuffer'
  protocol = ''
  readyState: number = WebSocket.OPEN
  readonly #talk: Talk

  constructor(talk: Talk) {
    this.#talk = talk
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.readyState === WebSocket.OPEN) this.#talk.send(bytes)
  }

  close(): void {
    this.readyState = WebSocket.CLOSED
    // Later, as a WebSocket tells it.
    setTimeout(() => this.onclose?.({ code: 1000, reason: '' }))
  }
}

export async function openPicture(target: HTMLElement, talk: Talk, o: { readOnly: boolean; drawn: () => void }): Promise<Display> {
  const { default: Vnc } = (await import('@novnc/novnc' as string)) as { default: VncClass }
  target.replaceChildren()
  const channel = new Channel(talk)
  const vnc = new Vnc(target, channel, { shared: true })
  vnc.scaleViewport = true
  vnc.viewOnly = o.readOnly
  vnc.background = 'transparent'
  vnc.showDotCursor = true
  vnc.addEventListener('connect', () => {
    o.drawn()
    vnc.focus()
  })
  return {
    take: (bytes) => channel.onmessage?.({ data: bytes }),
    focus: () => vnc.focus(),
    type: async (text) => {
      for (const char of text.replaceAll('\r\n', '\n')) {
        vnc.sendKey(keysymOf(char), null)
        await pause(keyPauseMs)
      }
    },
    ctrlAltDel: () => vnc.sendCtrlAltDel(),
    press: (keysym) => vnc.sendKey(keysym, null),
    close: () => vnc.disconnect(),
  }
}

/** xterm.js makes style elements; the policy of the page takes those with its nonce only. */
function lendNonce(): void {
  const nonce = document.querySelector<HTMLMetaElement>('meta[name="style-nonce"]')?.content ?? ''
  const make = document.createElement.bind(document) as (name: string, options?: ElementCreationOptions) => HTMLElement
  document.createElement = ((name: string, options?: ElementCreationOptions) => {
    const element = make(name, options)
    if (name === 'style') element.nonce = nonce
    return element
  }) as typeof document.createElement
}

let isLent = false

export async function openTerminal(target: HTMLElement, talk: Talk, o: { readOnly: boolean; drawn: () => void }): Promise<Display> {
  if (!isLent) lendNonce()
  isLent = true
  const [{ Terminal }, { FitAddon }] = await Promise.all([import('@xterm/xterm'), import('@xterm/addon-fit')])
  target.replaceChildren()
  const terminal = new Terminal({
    cursorBlink: true,
    fontSize: 15,
    scrollback: 5000,
    disableStdin: o.readOnly,
    theme: { background: '#0a0e13' },
  })
  const fit = new FitAddon()
  terminal.loadAddon(fit)
  terminal.open(target)
  const toGuest = (text: string): void => talk.send(new TextEncoder().encode(text))
  terminal.onData(toGuest)
  terminal.onResize(({ cols, rows }) => talk.say({ size: { columns: cols, rows } }))
  const watch = new ResizeObserver(() => fit.fit())
  watch.observe(target)
  fit.fit()
  talk.say({ size: { columns: terminal.cols, rows: terminal.rows } })
  o.drawn()
  terminal.focus()
  return {
    take: (bytes) => terminal.write(new Uint8Array(bytes)),
    focus: () => terminal.focus(),
    type: async (text) => terminal.paste(text),
    ctrlAltDel: () => undefined,
    press: (_, text) => toGuest(text),
    close: () => {
      watch.disconnect()
      terminal.dispose()
    },
  }
}
