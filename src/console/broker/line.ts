/** The line from one page to one guest: a picture or a terminal, with the login at PVE's end done by the broker. */
import type { WebSocket } from 'ws'
import type { Clock } from '../../ops/clock.ts'
import type { ConsoleWire } from '../../proxmox/console-door.ts'
import { ByteReader } from './byte-reader.ts'
import { letIn, logIn } from './rfb-login.ts'
import { RfbFilter } from './rfb-filter.ts'

export interface Line {
  /** The page is ready for what the guest shows. Rejects with a sentence when the page opens as no console does. */
  start(): Promise<void>
  /** What the page sends. Throws a sentence when it is not what a console sends. */
  fromPage(bytes: Buffer): void
  /** The size of a terminal, in characters; a picture has its own. */
  resize(columns: number, rows: number): void
  /** Stops and goes on reading from the guest: the page is slower than its screen. */
  hold(isHeld: boolean): void
  close(): void
}

export interface LineOptions {
  readonly wire: ConsoleWire
  readonly readOnly: boolean
  readonly clock: Clock
  readonly toPage: (bytes: Buffer) => void
  /** Once; PVE or the guest ended it. */
  readonly onEnd: () => void
}

/** How long PVE's end may take to let us in. */
const loginMs = 15_000
const pingMs = 30_000

const asBuffer = (data: unknown): Buffer => {
  if (Buffer.isBuffer(data)) return data
  return Array.isArray(data) ? Buffer.concat(data as Buffer[]) : Buffer.from(data as ArrayBuffer)
}

/** Reads from PVE's end with a limit in time; the limit is off once the login is through. */
function readerOf(
  socket: WebSocket,
  clock: Clock,
): { reader: ByteReader; ready: () => void; listen: (to: (bytes: Buffer) => void) => void } {
  const reader = new ByteReader()
  let sink = (bytes: Buffer): void => reader.push(bytes)
  const cancel = clock.after(loginMs, () => {
    reader.end(new Error(`no login within ${loginMs / 1000} s`))
    socket.terminate()
  })
  socket.on('message', (data) => sink(asBuffer(data)))
  socket.on('close', () => {
    cancel()
    reader.end(new Error('PVE closed the console'))
  })
  socket.on('error', () => socket.terminate())
  socket.resume()
  const listen = (to: (bytes: Buffer) => void): void => {
    const early = reader.rest()
    sink = to
    if (early.length > 0) to(early)
  }
  return { reader, ready: cancel, listen }
}

/** A picture. Resolves when PVE's end has let us in; the page's own opening follows. */
export async function screenLine({ wire, readOnly, clock, toPage, onEnd }: LineOptions): Promise<Line> {
  const { socket, password } = wire
  const { reader, ready, listen } = readerOf(socket, clock)
  await logIn({ reader, send: (bytes) => socket.send(bytes) }, password).catch((fault: unknown) => {
    socket.terminate()
    throw fault
  })
  ready()
  socket.on('close', onEnd)
  if (socket.readyState !== socket.OPEN) onEnd()
  const page = new ByteReader()
  const filter = new RfbFilter({ readOnly })
  let isIn = false
  const pass = (bytes: Buffer): void => {
    const allowed = filter.push(bytes)
    if (allowed.length > 0 && socket.readyState === socket.OPEN) socket.send(allowed)
  }
  return {
    fromPage: (bytes) => (isIn ? pass(bytes) : page.push(bytes)),
    resize: () => undefined,
    hold: (isHeld) => (isHeld ? socket.pause() : socket.resume()),
    close: () => {
      page.end(new Error('the line is closed'))
      socket.off('close', onEnd)
      socket.close()
    },
    start: async () => {
      await letIn({ reader: page, send: toPage })
      isIn = true
      // ClientInit: somebody else may look at the same screen.
      socket.send(Buffer.from([1]))
      listen(toPage)
      pass(page.rest())
    },
  }
}

/** PVE's termproxy: `USER:TICKET` and OK, then `0:LENGTH:TEXT` for keys, `1:COLUMNS:ROWS:` for the size and `2` to stay awake. */
export async function terminalLine({ wire, readOnly, clock, toPage, onEnd }: LineOptions): Promise<Line> {
  const { socket, user, ticket } = wire
  const { reader, ready, listen } = readerOf(socket, clock)
  socket.send(`${user}:${ticket}\n`)
  const answer = await reader.take(2).catch((fault: unknown) => {
    socket.terminate()
    throw fault
  })
  if (answer.toString('latin1') !== 'OK') {
    socket.terminate()
    throw new Error('PVE refused the login to the terminal')
  }
  ready()
  let cancel = (): void => undefined
  const stayAwake = (): void => {
    cancel = clock.after(pingMs, () => {
      if (socket.readyState === socket.OPEN) socket.send('2')
      stayAwake()
    })
  }
  const ended = (): void => {
    cancel()
    onEnd()
  }
  socket.on('close', ended)
  stayAwake()
  if (socket.readyState !== socket.OPEN) ended()
  return {
    fromPage: (bytes) => {
      if (!readOnly && bytes.length > 0 && socket.readyState === socket.OPEN)
        socket.send(Buffer.concat([Buffer.from(`0:${bytes.length}:`), bytes]))
    },
    resize: (columns, rows) => {
      if (socket.readyState === socket.OPEN) socket.send(`1:${columns}:${rows}:`)
    },
    hold: (isHeld) => (isHeld ? socket.pause() : socket.resume()),
    close: () => {
      cancel()
      socket.off('close', ended)
      socket.close()
    },
    start: async () => listen(toPage),
  }
}
