// Puts a switched connection onto its console.
import { randomBytes } from 'node:crypto'
import type { World } from '../world/world.ts'
import { RfbServer } from './rfb.ts'
import type { ConsoleSession } from './session.ts'
import type { WebSocketConnection } from './websocket.ts'

/** Serves the console until the client goes; a guest that does not run has none. */
export function connectConsole(world: World, session: ConsoleSession, connection: WebSocketConnection): void {
  session.opened()
  const guest = world.guests.get(session.vmid)
  if (!guest?.process) {
    connection.close()
    session.closed('Failed to run vncproxy.')
    return
  }
  const cut = (): void => connection.close()
  guest.onProcessEnd.add(cut)
  connection.onClose = () => {
    guest.onProcessEnd.delete(cut)
    session.closed()
  }
  const send = (data: Buffer) => connection.send(data)
  const name = () => guest.config.get('name') ?? `VM ${guest.vmid}`
  if (session.kind === 'terminal') {
    serveTerminal(session, connection, name())
    return
  }
  const lines = () => [name(), guest.process?.run ?? 'stopped', `VM ${guest.vmid} on ${guest.node}`]
  const screen = {
    name: name(),
    password: session.password ?? '',
    challenge: randomBytes(16),
    lines,
    send,
    close: () => connection.close(),
  }
  const server = new RfbServer(screen)
  connection.onData = (data) => server.take(data)
}

/** PVE's termproxy: `USER:TICKET` first, which it gives to POST /access/ticket, where the name of a token counts as no user's; then `0:LENGTH:TEXT` for keys, `1:COLUMNS:ROWS:` and `2` for sizes and pings. Keys are echoed. */
function serveTerminal(session: ConsoleSession, connection: WebSocketConnection, name: string): void {
  let isKnown = false
  connection.onData = (data) => {
    const text = data.toString('utf8')
    if (!isKnown) {
      isKnown = text.trimEnd() === `${session.user}:${session.ticket}` && !session.user.includes('!')
      if (!isKnown) connection.close()
      else connection.send(Buffer.from(`OK\r\n${name} login: `))
      return
    }
    const keys = /^0:(\d+):([\s\S]*)$/.exec(text)
    if (keys) connection.send(Buffer.from((keys[2] ?? '').slice(0, Number(keys[1])).replaceAll('\r', `\r\n${name} login: `)))
  }
}
