// vncproxy, termproxy and vncwebsocket of a VM (PVE::API2::Qemu).
import { loadGuest } from '../guests/find.ts'
import { begin } from '../guests/guest-task.ts'
import { PveRefusal, refuse } from '../http/refusal.ts'
import { flag, int, str, type Call, type Route } from '../routes.ts'
import type { ConsoleSession } from './session.ts'
import { checkVncTicket, vncTicket } from './ticket.ts'

/** How long the proxy waits for its one connection. */
const connectMs = 10_000

const vm = '/nodes/{node}/qemu/{vmid}'

/** The proxy's task: it waits for the connection, then for its end. */
function open(call: Call, kind: ConsoleSession['kind'], password: string | undefined): { session: ConsoleSession; upid: string } {
  const { world, vmid, user } = call
  const port = world.consoles.freePort()
  let opened = (): void => {}
  let closed: ConsoleSession['closed'] = () => {}
  const connection = new Promise<'there'>((resolve) => {
    opened = () => resolve('there')
  })
  const end = new Promise<string | undefined>((resolve) => {
    closed = resolve
  })
  const session: ConsoleSession = {
    kind,
    user: user.id,
    vmid,
    port,
    ticket: vncTicket(world, user.id, vmid, port),
    password,
    opened,
    closed,
  }
  world.consoles.add(session)
  const upid = begin(call, kind === 'vnc' ? 'vncproxy' : 'vncshell', async (worker) => {
    try {
      const first = await Promise.race([connection, worker.sleep(connectMs)])
      if (first !== 'there') refuse('connection timed out')
      const failure = await end
      if (failure !== undefined) refuse(failure)
    } finally {
      world.consoles.remove(port)
    }
  })
  return { session, upid }
}

function vncProxy(call: Call): Record<string, unknown> {
  const { world, node, vmid, user } = call
  const { config } = loadGuest(world, node, vmid)
  const isSerial = /^(?:type=)?serial\d/.test(config.get('vga') ?? '')
  const hasPassword = flag(call, 'generate-password') || flag(call, 'websocket') || !isSerial
  const password = hasPassword ? world.random.hex(8) : undefined
  const { session, upid } = open(call, 'vnc', password)
  const { port, ticket } = session
  return {
    user: user.id,
    ticket: password === undefined ? ticket : `${password}:${ticket}`,
    port: String(port),
    upid,
    cert: world.rootCa,
    ...(password === undefined ? {} : { password }),
  }
}

function termProxy(call: Call): Record<string, unknown> {
  const { world, node, vmid, user } = call
  const guest = loadGuest(world, node, vmid)
  const serial = str(call, 'serial')
  const vga = /^(?:type=)?(serial\d)/.exec(guest.config.get('vga') ?? '')?.[1]
  const iface = serial ?? vga
  if (iface === undefined || guest.config.get(iface) === undefined) refuse(`unable to find a serial interface`)
  const { session, upid } = open(call, 'terminal', undefined)
  return { user: user.id, ticket: session.ticket, port: String(session.port), upid }
}

/** Before the connection is switched over; without a request to switch it just tells the port. */
function webSocket(call: Call): Record<string, unknown> {
  const { world, vmid, user } = call
  const port = int(call, 'port') ?? 0
  checkVncTicket(world, str(call, 'vncticket') ?? '', { user: user.id, vmid, port })
  if (!world.consoles.get(port)) throw new PveRefusal(500, `connect to 'localhost:${port}' failed: Connection refused`)
  return { port: String(port) }
}

export const consoleRoutes: readonly Route[] = [
  { method: 'POST', path: `${vm}/vncproxy`, handler: vncProxy },
  { method: 'POST', path: `${vm}/termproxy`, handler: termProxy },
  { method: 'GET', path: `${vm}/vncwebsocket`, handler: webSocket },
]
