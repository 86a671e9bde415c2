import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Drill, startDrill } from './drill.ts'

/** A raw request: headers and body as given. */
function raw(
  url: string,
  o: { method: string; headers?: Record<string, string>; body?: string },
): Promise<{ status: number; reason: string; body: string; connection: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: o.method, headers: { Authorization: 'PVEAPIToken=root@pam!sim=sim', ...o.headers } }, (answer) => {
      let body = ''
      answer.on('data', (chunk: Buffer) => {
        body += chunk.toString()
      })
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, reason: answer.statusMessage ?? '', body, connection: answer.headers.connection ?? '' }),
      )
    })
    sent.on('error', reject)
    sent.end(o.body)
  })
}

describe("the simulator's order of checks is PVE's", () => {
  let pve: Drill
  let limited: Drill

  beforeAll(async () => {
    pve = await startDrill({ authDelayMs: 40 })
    const { access } = pve.simulator.world
    access.users.set('low@pve', { userid: 'low@pve', enable: true, password: undefined, expire: 0, details: {} })
    access.tokens.set('low@pve!t', { tokenid: 'low@pve!t', secret: 'low', privsep: false, expire: 0 })
    limited = new Drill(pve.simulator, 'low@pve!t=low')
  })
  afterAll(() => pve.stop())

  const at = (path: string) => `${pve.simulator.url}/api2/json${path}`

  it('asks who calls before it looks whether the path exists', async () => {
    const answer = await raw(at('/nosuch'), { method: 'GET', headers: { Authorization: '' } })
    expect(answer).toMatchObject({ status: 401, reason: 'No ticket', body: '' })
  })

  it('answers a wrong secret with 401 and an empty body', async () => {
    const answer = await raw(at('/version'), { method: 'GET', headers: { Authorization: 'PVEAPIToken=root@pam!sim=wrong' } })
    expect(answer).toMatchObject({ status: 401, reason: 'Authentication failed!', body: '' })
  })

  it('says 501 for unknown paths and methods, never 404 or 405', async () => {
    expect(await pve.api('GET', '/nodes/pve1/nosuch')).toMatchObject({
      status: 501,
      reason: "Method 'GET /nodes/pve1/nosuch' not implemented",
    })
    expect((await pve.api('POST', '/version')).status).toBe(501)
    expect((await raw(at('/version'), { method: 'PATCH' })).reason).toBe("method 'PATCH' not available")
  })

  it('asks for permission before it validates parameters', async () => {
    expect(await limited.api('GET', '/nodes/pve1/qemu/9000/config', { foo: 1 })).toMatchObject({
      status: 403,
      reason: 'Permission check failed (/vms/9000, VM.Audit)',
    })
    expect((await pve.api('GET', '/nodes/pve1/qemu/9000/config', { foo: 1 })).status).toBe(400)
  })

  it('refuses a missing VM to a caller without rights with 403, not 500', async () => {
    expect((await limited.api('GET', '/nodes/pve1/qemu/777/config')).status).toBe(403)
    expect((await pve.api('GET', '/nodes/pve1/qemu/777/config')).reason).toBe(
      "Configuration file 'nodes/pve1/qemu-server/777.conf' does not exist",
    )
  })

  it('asks the node before it validates parameters', async () => {
    pve.simulator.world.setNodeOnline('pve3', false)
    expect(await pve.api('GET', '/nodes/pve3/qemu/9002/config', { foo: 1 })).toMatchObject({ status: 595, reason: 'No route to host' })
    pve.simulator.world.setNodeOnline('pve3', true)
    expect((await pve.api('GET', '/nodes/nowhere/qemu')).reason).toMatch(/^hostname lookup 'nowhere' failed/)
  })

  it('names every bad parameter at once', async () => {
    const { errors } = await pve.api('PUT', '/nodes/pve1/qemu/9000/config', { cores: 0, foo: 1, net0: 'virtio,tag=4095' })
    expect(errors).toEqual({
      cores: 'value must have a minimum value of 1',
      foo: 'property is not defined in schema and the schema does not allow additional properties',
      net0: 'invalid format - format error\nnet0.tag: value must have a maximum value of 4094\n',
    })
  })

  it('puts the text into the reason phrase and into the message, and closes the connection', async () => {
    const answer = await raw(at('/nodes/pve1/qemu/777/config'), { method: 'GET' })
    const text = "Configuration file 'nodes/pve1/qemu-server/777.conf' does not exist"
    expect(answer).toMatchObject({ status: 500, reason: text, connection: 'close' })
    expect(JSON.parse(answer.body)).toEqual({ data: null, message: `${text}\n` })
  })

  it('takes parameters as form, as JSON and from the query', async () => {
    const path = at('/nodes/pve1/qemu/9000/config')
    const put = (body: string, type: string) => raw(path, { method: 'PUT', headers: { 'Content-Type': type }, body })
    expect((await put('cores=0', 'application/x-www-form-urlencoded')).status).toBe(400)
    expect((await put('{"cores":0}', 'application/json')).status).toBe(400)
    expect((await raw(`${path}?cores=0`, { method: 'PUT' })).status).toBe(400)
    expect((await put('cores=0', 'text/plain')).status).toBe(506)
  })

  it('refuses a body on GET and DELETE, and bodies that are too large', async () => {
    expect((await raw(at('/version'), { method: 'GET', headers: { 'Content-Length': '3' }, body: 'a=1' })).reason).toBe(
      "Unexpected content for method 'GET'",
    )
    const huge = await raw(at('/nodes/pve1/qemu'), { method: 'POST', headers: { 'Content-Length': '600000' }, body: 'a'.repeat(600_000) })
    expect(huge).toMatchObject({ status: 501, reason: 'for data too large' })
  })

  it('keeps root-only parameters from a token of root', async () => {
    expect((await pve.api('DELETE', '/nodes/pve1/qemu/9000', { skiplock: 1 })).errors).toEqual({
      skiplock: 'Only root may use this option.',
    })
    expect((await pve.api('PUT', '/nodes/pve1/qemu/9000/config', { args: '-foo' })).reason).toBe("only root can set 'args' config")
  })

  it('reads while there is no quorum and refuses to write', async () => {
    pve.simulator.world.quorate = false
    expect((await pve.api('GET', '/nodes/pve1/qemu/9000/config')).status).toBe(200)
    expect((await pve.api('POST', '/nodes/pve1/qemu/9000/clone', { newid: 300 })).reason).toBe('cluster not ready - no quorum?')
    pve.simulator.world.quorate = true
  })
})
