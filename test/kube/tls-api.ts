/** A TLS server of a test's own that knows its clients by certificate, with the kubeconfig and the files that lead to it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { type Authority, makeAuthority, makeNodeCertificate } from '../../src/simulator/tls/certificate.ts'

/** Answers `{user, connection, authorization}`: the name in the client's certificate, the number of the connection, the header; or 401. */
export class TlsApi {
  readonly #server: Server
  readonly #dir: string
  readonly #connections: TLSSocket[] = []
  #authority: Authority
  readonly #refused = new Set<string>()

  private constructor(o: { authority: Authority; dir: string }) {
    this.#authority = o.authority
    this.#dir = o.dir
    const { key, cert } = makeNodeCertificate(o.authority, 'api', [])
    this.#server = createServer({ key, cert, ca: o.authority.certificate, requestCert: true, rejectUnauthorized: false })
    this.#server.on('secureConnection', (socket: TLSSocket) => this.#connections.push(socket))
    this.#server.on('request', (request, response) => {
      const socket = request.socket as TLSSocket
      const name = socket.getPeerCertificate().subject?.CN
      const user = Array.isArray(name) ? name[0] : name
      const { authorization } = request.headers
      if (this.#refused.has(user ?? '') || this.#refused.has(authorization ?? '')) response.writeHead(401).end()
      else response.end(JSON.stringify({ user, connection: this.#connections.indexOf(socket), authorization }))
    })
  }

  static async start(): Promise<TlsApi> {
    const api = new TlsApi({ authority: makeAuthority(), dir: await mkdtemp(join(tmpdir(), 'tls-api-')) })
    await new Promise<void>((listening) => api.#server.listen(0, '127.0.0.1', listening))
    await api.writeCa()
    return api
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get authority(): Authority {
    return this.#authority
  }

  file(name: string): string {
    return join(this.#dir, name)
  }

  /** Answers 401 to whoever shows that name or that Authorization header. */
  refuse(whom: string): void {
    this.#refused.add(whom)
  }

  refuseNobody(): void {
    this.#refused.clear()
  }

  /** Writes a client certificate for that name, and its key unless that is still to come. */
  async writeClient(name: string, o: { key: boolean } = { key: true }): Promise<void> {
    const { cert, key } = makeNodeCertificate(this.#authority, name, [])
    await writeFile(this.file('client.crt'), cert)
    if (o.key) await writeFile(this.file('client.key'), key)
  }

  async writeCa(content = this.#authority.certificate): Promise<void> {
    await writeFile(this.file('ca.crt'), content)
  }

  /** The server shows a certificate of a new authority from now on, and ends every connection. */
  rotateAuthority(): void {
    this.#authority = makeAuthority()
    const { key, cert } = makeNodeCertificate(this.#authority, 'api', [])
    this.#server.setSecureContext({ key, cert, ca: this.#authority.certificate })
    for (const socket of this.#connections) socket.destroy()
  }

  /** A kubeconfig that names the files; `user` and `cluster` are merged over that. */
  async kubeconfig(o: { user?: object; cluster?: object } = {}): Promise<string> {
    const file = this.file('kubeconfig')
    const config = {
      clusters: [{ name: 'c', cluster: { server: this.url, 'certificate-authority': 'ca.crt', ...o.cluster } }],
      users: [{ name: 'u', user: o.user ?? { 'client-certificate': 'client.crt', 'client-key': 'client.key' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }
    await writeFile(file, JSON.stringify(config))
    return file
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
    await rm(this.#dir, { recursive: true })
  }
}
