import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { makeTicket } from '../../src/simulator/access/authenticate.ts'
import { answerOf } from '../../src/simulator/console/rfb.ts'
import { startDrill, type Drill } from './drill.ts'

interface Proxy {
  port: string
  ticket: string
  password: string
  upid: string
  user: string
}

const vm = '/nodes/pve1/qemu/200'
const byToken = { Authorization: 'PVEAPIToken=root@pam!sim=sim' }

/** What came in, and a way to wait for so many bytes of it. */
class Talk {
  readonly socket: WebSocket
  #bytes = Buffer.alloc(0)

  constructor(url: string, headers: Record<string, string> = byToken) {
    this.socket = new (WebSocket as unknown as new (url: string, options: object) => WebSocket)(url, { headers, protocols: ['binary'] })
    this.socket.binaryType = 'arraybuffer'
    this.socket.addEventListener('message', ({ data }) => {
      this.#bytes = Buffer.concat([this.#bytes, Buffer.from(data as ArrayBuffer)])
    })
  }

  async take(count: number): Promise<Buffer> {
    const end = performance.now() + 60_000
    while (this.#bytes.length < count) {
      if (performance.now() > end) throw new Error(`only ${this.#bytes.length} of ${count} bytes came`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const out = this.#bytes.subarray(0, count)
    this.#bytes = this.#bytes.subarray(count)
    return out
  }

  send(...bytes: number[]): void {
    this.socket.send(Uint8Array.from(bytes))
  }

  closed(): Promise<void> {
    return new Promise((resolve) => this.socket.addEventListener('close', () => resolve()))
  }
}

describe('the console of a VM', () => {
  let pve: Drill

  beforeAll(async () => {
    // PVE waits ten seconds for a connection: 2.5 s here.
    pve = await startDrill({ speed: 4 })
  })
  beforeEach(async () => {
    pve.simulator.reset()
    const params = { vmid: 200, name: 'web', memory: 64, serial0: 'socket' }
    await pve.exitOf((await pve.api('POST', '/nodes/pve1/qemu', params)).data)
  })
  afterAll(() => pve.stop())

  const start = async () => expect(await pve.exitOf((await pve.api('POST', `${vm}/status/start`)).data)).toBe('OK')
  const ask = async (path: string, params: Record<string, number> = {}) => (await pve.api('POST', `${vm}/${path}`, params)).data as Proxy
  const address = ({ port, ticket }: Pick<Proxy, 'port' | 'ticket'>) =>
    `${pve.simulator.url.replace('http', 'ws')}/api2/json${vm}/vncwebsocket?port=${port}&vncticket=${encodeURIComponent(ticket)}`

  it('draws a picture after the password, and another one after a key', async () => {
    await start()
    const proxy = await ask('vncproxy', { websocket: 1, 'generate-password': 1 })
    expect(proxy.ticket.startsWith(`${proxy.password}:PVEVNC:`)).toBe(true)
    const talk = new Talk(address(proxy))
    expect((await talk.take(12)).toString()).toBe('RFB 003.008\n')
    talk.send(...Buffer.from('RFB 003.008\n'))
    expect([...(await talk.take(2))]).toEqual([1, 2])
    talk.send(2)
    talk.send(...answerOf(proxy.password, await talk.take(16)))
    expect([...(await talk.take(4))]).toEqual([0, 0, 0, 0])
    talk.send(1)
    const init = await talk.take(27)
    const [width, height] = [init.readUInt16BE(0), init.readUInt16BE(2)]
    expect(init.subarray(24).toString()).toBe('web')
    const picture = async () => {
      const frame = await talk.take(16 + width * height * 4)
      expect([frame.readUInt16BE(8), frame.readUInt16BE(10)]).toEqual([width, height])
      return frame
    }
    talk.send(3, 0, 0, 0, 0, 0, width >> 8, width & 255, height >> 8, height & 255)
    const before = await picture()
    expect(before.subarray(16).some((byte) => byte !== 0)).toBe(true)
    talk.send(4, 1, 0, 0, 0, 0, 0, 'x'.charCodeAt(0))
    expect((await picture()).equals(before)).toBe(false)
    talk.socket.close()
    expect(await pve.exitOf(proxy.upid)).toBe('OK')
  })

  it('closes on a wrong password, and its task ends', async () => {
    await start()
    const proxy = await ask('vncproxy', { websocket: 1 })
    const talk = new Talk(address(proxy))
    await talk.take(12)
    talk.send(...Buffer.from('RFB 003.008\n'), 2)
    await talk.take(2 + 16)
    const closed = talk.closed()
    talk.send(...Buffer.alloc(16))
    expect((await talk.take(4))[3]).toBe(1)
    await closed
  })

  it.each([
    ['another port', (proxy: Proxy) => ({ ...proxy, port: '5999' })],
    ['a forged ticket', (proxy: Proxy) => ({ ...proxy, ticket: `${proxy.ticket.slice(0, -4)}AAA=` })],
  ])('refuses %s with 401', async (_what, change) => {
    await start()
    const { port, ticket } = change(await ask('vncproxy', { websocket: 1 }))
    const answer = await pve.api('GET', `${vm}/vncwebsocket`, { port, vncticket: ticket })
    expect([answer.status, answer.reason]).toEqual([401, 'permission denied - invalid PVEVNC ticket'])
  })

  it('waits ten seconds for its connection', async () => {
    const { upid } = await ask('vncproxy', { websocket: 1 })
    expect(await pve.exitOf(upid)).toBe('connection timed out')
  })

  it('of a VM that does not run is closed at once', async () => {
    const proxy = await ask('vncproxy', { websocket: 1 })
    const talk = new Talk(address(proxy))
    await talk.closed()
    expect(await pve.exitOf(proxy.upid)).toBe('Failed to run vncproxy.')
  })

  it('is cut when the process of the guest ends', async () => {
    await start()
    const talk = new Talk(address(await ask('vncproxy', { websocket: 1 })))
    await talk.take(12)
    const closed = talk.closed()
    expect(await pve.exitOf((await pve.api('POST', `${vm}/status/stop`)).data)).toBe('OK')
    await closed
  })

  /** As a person who logged in. */
  const terminal = async (serial: string) => {
    const { ticket, csrf } = makeTicket(pve.simulator.world, 'root@pam')
    const login = { Cookie: `PVEAuthCookie=${encodeURIComponent(ticket)}`, CSRFPreventionToken: csrf }
    const url = `${pve.simulator.url}/api2/json${vm}/termproxy`
    const answer = await fetch(url, { method: 'POST', headers: login, body: new URLSearchParams({ serial }) })
    const { data } = (await answer.json()) as { data: Proxy }
    return { proxy: data, talk: new Talk(address(data), login) }
  }

  it('is a terminal too: the ticket first, then keys, which come back', async () => {
    await start()
    const { proxy, talk } = await terminal('serial0')
    await new Promise((resolve) => talk.socket.addEventListener('open', resolve))
    talk.socket.send(Buffer.from(`${proxy.user}:${proxy.ticket}\n`))
    expect((await talk.take(15)).toString()).toBe('OK\r\nweb login: ')
    talk.socket.send(Buffer.from('0:4:root'))
    expect((await talk.take(4)).toString()).toBe('root')
    talk.socket.close()
    expect(await pve.exitOf(proxy.upid)).toBe('OK')
    await expect(pve.api('POST', `${vm}/termproxy`, { serial: 'serial1' })).resolves.toMatchObject({ status: 500 })
  })

  it('is no terminal for an API token, whose name PVE takes for no user', async () => {
    await start()
    const proxy = (await pve.api('POST', `${vm}/termproxy`, { serial: 'serial0' })).data as Proxy
    const talk = new Talk(address(proxy))
    await new Promise((resolve) => talk.socket.addEventListener('open', resolve))
    const closed = talk.closed()
    talk.socket.send(Buffer.from(`${proxy.user}:${proxy.ticket}\n`))
    await closed
    expect(await pve.exitOf(proxy.upid)).toBe('OK')
  })
})
