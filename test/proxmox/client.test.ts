import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { systemClock } from '../../src/ops/clock.ts'
import { PveClient, type PveClientOptions } from '../../src/proxmox/client.ts'
import { Pve } from '../../src/proxmox/endpoints.ts'
import { judge } from '../../src/proxmox/failures.ts'
import { PveError } from '../../src/proxmox/pve-error.ts'
import type { TlsTrust } from '../../src/proxmox/tls-trust.ts'
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts'
import { type Simulated, simulated } from './simulated.ts'

const template = { node: 'pve1', vmid: 9000 }
const clone = (newid: number) => ({ newid, name: 'x', description: 'ours', full: true })

async function faultOf(promise: Promise<unknown>): Promise<PveError> {
  const fault: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(fault instanceof PveError)) throw new Error(`no PveError but ${String(fault)}`)
  return fault
}

describe('the client', () => {
  let sim: Simulated
  beforeAll(async () => {
    sim = await simulated()
  })
  afterEach(() => sim.clearFaults())
  afterAll(() => sim.stop())

  it('reads what PVE answers', async () => {
    expect(await sim.pve.version()).toMatch(/^9\./)
    expect(await sim.pve.config(template)).toMatchObject({
      template: 1,
      name: 'debian-13',
      digest: expect.stringMatching(/^[0-9a-f]{40}$/),
    })
  })

  it('lets no write leave while the cluster is only observed, and reads as ever', async () => {
    sim.simulator.requests.reset()
    const options = { endpoints: [sim.simulator.url], tokenID: 'root@pam!sim', tokenSecret: 'sim', tls: {}, requestsInFlight: 8 }
    const client = new PveClient({ ...options, isObserving: true }, { clock: systemClock })
    const pve = new Pve(client)
    const writes = [
      pve.clone(template, clone(390)),
      pve.start(template),
      pve.updateConfig(template, { set: { cores: 2 }, remove: [], digest: '' }),
      pve.destroy(template, { unreferencedDisks: true, purge: true }),
    ]
    const faults = await Promise.all(writes.map(faultOf))

    expect(faults.map((fault) => judge(fault))).toEqual(
      faults.map(({ message }) => ({ kind: 'denied', reason: 'Observing', terminal: true, message })),
    )
    expect(await pve.version()).toMatch(/^9\./)
    expect(sim.simulator.requests.report().log.filter(({ method }) => method !== 'GET')).toEqual([])
    client.reconfigure(options)
    await pve.updateConfig(template, { set: { description: 'golden' }, remove: [], digest: '' })
    await client.close()
  })

  it('throws PVE’s own words with status and parameters', async () => {
    expect(await faultOf(sim.pve.config({ node: 'pve1', vmid: 4711 }))).toMatchObject({
      status: 500,
      message: "Configuration file 'nodes/pve1/qemu-server/4711.conf' does not exist",
      route: '/nodes/*/qemu/*/config',
      method: 'GET',
    })
    const refused = await faultOf(sim.pve.updateConfig(template, { set: { cores: 0 }, remove: [], digest: '' }))
    expect(refused).toMatchObject({ status: 400, errors: { cores: 'value must have a minimum value of 1' } })
    expect(judge(refused)).toMatchObject({ kind: 'invalid', terminal: true })
  })

  it('takes the words from the reason phrase where the body has none', async () => {
    await sim.fault({ route: 'GET /version', status: 595, reason: 'No route to host' })
    expect(await faultOf(sim.pve.version())).toMatchObject({ status: 595, message: 'No route to host' })
  })

  it('sends a GET once more when its connection is lost, and tells of one request', async () => {
    await sim.forgetRequests()
    sim.seen.length = 0
    await sim.fault({ route: 'GET /version', drop: 'before' })
    expect(await sim.pve.version()).toMatch(/^9\./)
    expect((await sim.requests())['GET /version']).toBe(2)
    expect(sim.seen).toEqual([{ route: '/version', method: 'GET', status: 200, seconds: expect.any(Number) }])
  })

  it('never sends a write again, and says that it may have happened', async () => {
    await sim.forgetRequests()
    await sim.fault({ route: 'POST /nodes/{node}/qemu/{vmid}/clone', drop: 'after' })
    const lost = await faultOf(sim.pve.clone(template, clone(700)))
    expect(lost).toMatchObject({ status: 0, sent: true })
    expect(judge(lost).kind).toBe('unknown-outcome')
    expect((await sim.requests())['POST /nodes/{node}/qemu/{vmid}/clone']).toBe(1)
  })

  it.each([
    [595, false, 'unreachable'],
    [596, true, 'unknown-outcome'],
    [599, true, 'unknown-outcome'],
  ])('on %i says sent %s and %s', async (status, sent, kind) => {
    await sim.fault({ route: 'POST /nodes/{node}/qemu/{vmid}/clone', status, reason: 'Connection timed out' })
    const fault = await faultOf(sim.pve.clone(template, clone(701)))
    expect([fault.sent, judge(fault).kind]).toEqual([sent, kind])
  })

  it('tells a wrong token from everything else', async () => {
    sim.client.reconfigure(options(sim.simulator.url, { tokenSecret: 'wrong' }))
    expect(judge(await faultOf(sim.pve.version()))).toMatchObject({ kind: 'denied', reason: 'Unauthorized' })
    sim.client.reconfigure(options(sim.simulator.url))
    expect(await sim.pve.version()).toMatch(/^9\./)
  })

  it('keeps path parameters inside their segment', async () => {
    await expect(sim.pve.config({ node: '..', vmid: 100 })).rejects.toThrow('a path parameter of /nodes/*/qemu/*/config is ".."')
    expect(await faultOf(sim.pve.config({ node: 'pve1?x=1#', vmid: 100 }))).toMatchObject({ status: expect.any(Number) })
  })

  it('keeps as many requests in flight as it may', async () => {
    const narrow = await simulated({ client: { requestsInFlight: 2 } })
    await narrow.fault({ route: 'GET /version', delayMs: 500, times: 6 })
    let most = 0
    const watch = setInterval(() => (most = Math.max(most, narrow.client.inFlight)), 2)
    await Promise.all(Array.from({ length: 6 }, () => narrow.pve.version()))
    clearInterval(watch)
    expect(most).toBe(2)
    await narrow.stop()
  })
})

it('a write that waited for its turn does not leave once nothing may be written any more', async () => {
  const simulator = await startSimulator({ authDelayMs: 0, tls: false })
  let isOver = false
  const mayWrite = () => {
    if (isOver) throw new Error('the lead is lost')
  }
  const client = new PveClient(options(simulator.url, { requestsInFlight: 1 }), { clock: systemClock, mayWrite })
  const pve = new Pve(client)
  const before = pve.version()
  const write = pve.start({ node: 'pve1', vmid: 9000 })
  isOver = true

  expect(await before).toMatch(/^9\./)
  await expect(write).rejects.toThrow('the lead is lost')
  expect(await pve.version()).toMatch(/^9\./)
  expect(simulator.requests.report().log.map(({ method }) => method)).not.toContain('POST')
  await client.close()
  await simulator.stop()
})

function options(url: string, o: Partial<PveClientOptions> = {}): PveClientOptions {
  return { endpoints: [url], tokenID: 'root@pam!sim', tokenSecret: 'sim', tls: {}, requestsInFlight: 8, ...o }
}

describe('endpoints and trust', () => {
  let simulator: Simulator
  const clients: PveClient[] = []
  beforeAll(async () => {
    simulator = await startSimulator({ authDelayMs: 0 })
  })
  afterAll(async () => {
    for (const client of clients) await client.close()
    await simulator.stop()
  })
  const pveWith = (tls: TlsTrust, endpoints = [simulator.url]) => {
    const client = new PveClient(options(simulator.url, { tls, endpoints }), { clock: systemClock })
    clients.push(client)
    return new Pve(client)
  }
  const other = 'AA:'.repeat(31) + 'AA'

  it('trusts a certificate by its authority', async () => {
    expect(await pveWith({ caBundle: simulator.ca! }).version()).toMatch(/^9\./)
  })

  it('trusts it by its fingerprint, one of several, in any case', async () => {
    expect(await pveWith({ fingerprints: [other, simulator.fingerprint!.toLowerCase()] }).version()).toMatch(/^9\./)
  })

  it('trusts it blindly when told to', async () => {
    expect(await pveWith({ insecureSkipVerify: true }).version()).toMatch(/^9\./)
  })

  it.each<[string, TlsTrust]>([
    ['nothing is said', {}],
    ['the fingerprint is another', { fingerprints: [other] }],
  ])('sends no token when %s', async (_, tls) => {
    const before = simulator.requests.report().total
    const fault = await faultOf(pveWith(tls).version())
    expect(judge(fault)).toMatchObject({ kind: 'unreachable', reason: 'TLSUntrusted' })
    expect(fault.sent).toBe(false)
    expect(simulator.requests.report().total).toBe(before)
  })

  it('names the endpoint, the certificate it shows and the field, when the fingerprint is another', async () => {
    const { message } = await faultOf(pveWith({ fingerprints: [other] }).version())
    expect(message).toContain(
      `${simulator.url} shows the certificate ${simulator.fingerprint}, which spec.tls.fingerprints does not list; `,
    )
  })

  it('asks the next endpoint when one cannot be reached, for writes too', async () => {
    const pve = pveWith({ caBundle: simulator.ca! }, ['https://127.0.0.1:1', simulator.url])
    expect(await pve.clone(template, clone(702))).toMatch(/^UPID:pve1:/)
  })

  it('says that nothing was sent when none can be reached', async () => {
    const fault = await faultOf(pveWith({}, ['https://127.0.0.1:1', 'https://127.0.0.1:2']).start({ node: 'pve1', vmid: 100 }))
    expect(fault).toMatchObject({ status: 0, sent: false, code: 'ECONNREFUSED' })
    expect(judge(fault)).toMatchObject({ kind: 'unreachable', reason: 'Unreachable' })
  })
})
