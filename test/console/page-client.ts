/** What a page does, without a browser: the talk with the broker, and enough of VNC to see and type. */
import { WebSocket } from 'ws'
import { parseLink } from '../../src/console/key.ts'
import { ByteReader } from '../../src/console/broker/byte-reader.ts'
import type { FromPage, ToPage, VmState, Welcome } from '../../src/console-page/protocol.ts'
import { until } from '../support/until.ts'

export class PageClient {
  readonly socket: WebSocket
  readonly messages: ToPage[] = []
  /** The picture's bytes. */
  reader = new ByteReader()
  closeCode: number | undefined

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data, isBinary) => {
      if (isBinary) this.reader.push(data as Buffer)
      else this.#hear(JSON.parse((data as Buffer).toString('utf8')) as ToPage)
    })
    socket.on('close', (code) => {
      this.closeCode = code
      this.reader.end(new Error('closed'))
    })
  }

  #hear(message: ToPage): void {
    // What follows is of a new picture.
    if (message.attached) this.reader = new ByteReader()
    this.messages.push(message)
  }

  /** Connects and says who it is. `url` is that of the console, `at` another broker than it names. */
  static async open(
    url: string,
    o: { at?: string; key?: string; origin?: string; headers?: Record<string, string> } = {},
  ): Promise<PageClient> {
    const { origin, hash } = new URL(url)
    const link = parseLink(hash)
    if (!link) throw new Error(`${url} is not a link of a console`)
    const page = await PageClient.connect(o.at ?? origin, o)
    page.say({ hello: { ...link, ...(o.key && { key: o.key }) } })
    return page
  }

  static async connect(base: string, o: { origin?: string; headers?: Record<string, string> } = {}): Promise<PageClient> {
    const socket = new WebSocket(`${base.replace('http', 'ws')}/session`, {
      origin: o.origin ?? base,
      rejectUnauthorized: false,
      ...(o.headers && { headers: o.headers }),
    })
    const page = new PageClient(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
      socket.once('unexpected-response', (_, response) => reject(new Error(`${response.statusCode} ${response.statusMessage}`)))
    })
    return page
  }

  say(message: FromPage): void {
    this.socket.send(JSON.stringify(message))
  }

  /** The next message with that field, which is taken out. */
  async next<K extends keyof ToPage>(field: K): Promise<NonNullable<ToPage[K]>> {
    const found = await until(
      `the broker says ${field}`,
      () => {
        const at = this.messages.findIndex((message) => message[field] !== undefined)
        return at < 0 ? undefined : this.messages.splice(at, 1)[0]
      },
      { describe: () => ({ messages: this.messages, closed: this.closeCode }) },
    )
    return found[field] as NonNullable<ToPage[K]>
  }

  welcome = (): Promise<Welcome> => this.next('welcome')
  vm = (): Promise<VmState> => this.next('vm')
  /** The word of the end, once the connection is closed. */
  async ended(): Promise<string> {
    const word = await this.next('end')
    await until('the connection is closed', () => this.closeCode !== undefined)
    return word
  }

  /** Attaches and goes through VNC's opening; the size of the picture. */
  async seeScreen(): Promise<{ width: number; height: number; name: string }> {
    this.say({ attach: true })
    await this.next('attached')
    return await this.openVnc()
  }

  async openVnc(): Promise<{ width: number; height: number; name: string }> {
    const { reader, socket } = this
    await reader.take(12)
    socket.send(Buffer.from('RFB 003.008\n'))
    await reader.take(2)
    socket.send(Buffer.from([1]))
    await reader.take(4)
    socket.send(Buffer.from([1]))
    const init = await reader.take(24)
    const name = await reader.take(init.readUInt32BE(20))
    return { width: init.readUInt16BE(0), height: init.readUInt16BE(2), name: name.toString() }
  }

  /** One whole picture, 32 bits a dot. */
  async picture({ width, height }: { width: number; height: number }): Promise<Buffer> {
    const request = Buffer.alloc(10)
    request.writeUInt8(3, 0)
    request.writeUInt16BE(width, 6)
    request.writeUInt16BE(height, 8)
    this.socket.send(request)
    return await this.reader.take(16 + width * height * 4)
  }

  press(char: string): void {
    const message = Buffer.from([4, 1, 0, 0, 0, 0, 0, char.charCodeAt(0)])
    this.socket.send(message)
  }

  close(): void {
    this.socket.close()
  }
}
