import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { describe, expect, it } from '@jest/globals'
import { Agent, request } from 'undici'
import { makeAuthority } from '../../src/simulator/tls/certificate.ts'
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts'

/** Opens a connection that trusts this CA alone; resolves with the fingerprint that is shown, rejects when it is not signed by it. */
function shake({ url }: Simulator, ca: string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port: Number(new URL(url).port),
      servername: 'localhost',
      ...(ca === undefined ? {} : { ca }),
    })
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate().fingerprint256)
      socket.end()
    })
    socket.once('error', reject)
  })
}

/** All that comes before the connection ends, by an end or by a reset. */
function untilClosed(socket: TLSSocket): Promise<string> {
  let heard = ''
  socket.on('data', (bytes: Buffer) => (heard += bytes.toString()))
  socket.on('error', () => undefined)
  return new Promise((resolve) => socket.once('close', () => resolve(heard)))
}

describe('the identity of the simulated cluster', () => {
  it('is another one at each start', async () => {
    const [one, two] = [await startSimulator(), await startSimulator()]
    expect(await shake(one, one.ca)).toBe(one.fingerprint)
    await expect(shake(two, one.ca)).rejects.toThrow(/unable to verify|self.signed|signature/)
    await Promise.all([one.stop(), two.stop()])
  })

  it('is the one a scenario names', async () => {
    const { certificate, key } = makeAuthority()
    const tls = { ca: certificate, key: key.export({ type: 'pkcs8', format: 'pem' }).toString() }
    const simulator = await startSimulator({ scenario: { tls } })
    expect(simulator.ca && new X509Certificate(simulator.ca).fingerprint256).toBe(new X509Certificate(certificate).fingerprint256)
    expect(await shake(simulator, certificate)).toBe(simulator.fingerprint)
    await simulator.stop()
    const other = makeAuthority().key.export({ type: 'pkcs8', format: 'pem' }).toString()
    await expect(startSimulator({ scenario: { tls: { ...tls, key: other } } })).rejects.toThrow(
      'tls.key of the scenario does not belong to tls.ca',
    )
  })

  it('answers nothing any more on a connection that was made to another PVE', async () => {
    const simulator = await startSimulator()
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(simulator.url).port), rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    const heard = untilClosed(socket)
    socket.write('POST /api2/json/access/ticket HTTP/1.1\r\nHost: pve\r\n')
    const { statusCode, body } = await request(`${simulator.url}/sim/other-pve`, {
      method: 'POST',
      dispatcher: new Agent({ connect: { rejectUnauthorized: false }, keepAliveTimeout: 1 }),
    })
    await body.dump()
    expect(statusCode).toBe(200)
    socket.write('Content-Length: 0\r\n\r\n')
    expect(await heard).toBe('')
    expect(simulator.requests.report().total).toBe(0)
    await simulator.stop()
  })

  it('changes while another PVE answers, and comes back', async () => {
    const simulator = await startSimulator()
    const { ca, fingerprint } = simulator
    const sim = (method: string) =>
      new Promise<void>((resolve, reject) => {
        import('node:https')
          .then(({ request }) => {
            const call = request(`${simulator.url}/sim/other-pve`, { method, ca: simulator.ca, servername: 'localhost' }, (answer) => {
              answer.resume()
              answer.once('close', resolve)
            })
            call.once('error', () => resolve())
            call.end()
          })
          .catch(reject)
      })
    await sim('POST')
    expect(simulator.fingerprint).not.toBe(fingerprint)
    await expect(shake(simulator, ca)).rejects.toThrow(/unable to verify|self.signed|signature/)
    expect(await shake(simulator, simulator.ca)).toBe(simulator.fingerprint)
    await sim('DELETE')
    expect(await shake(simulator, ca)).toBe(fingerprint)
    await simulator.stop()
  })
})
