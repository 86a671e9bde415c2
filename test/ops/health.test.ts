import { afterEach, describe, expect, it } from '@jest/globals'
import { eventLoopCheck, metricsPage, type OpsServer, parseListenAddress, probePages, serveOps } from '../../src/ops/health.ts'
import { Metrics } from '../../src/ops/metrics.ts'

const open: OpsServer[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

async function serving(pages: Parameters<typeof serveOps>[1]): Promise<string> {
  const server = await serveOps('127.0.0.1:0', pages)
  open.push(server)
  return server.url
}

describe('the probes', () => {
  it('say which check passed', async () => {
    const url = await serving(probePages({ live: { 'event-loop': () => undefined }, ready: {} }))

    const reply = await fetch(`${url}/healthz`)

    expect(reply.status).toBe(200)
    expect(await reply.text()).toBe('[+]event-loop ok\nhealthz check passed\n')
  })

  it('give the reason in the body while a check fails, and recover by themselves', async () => {
    let trouble: string | undefined = 'proxmoxvms are not listed yet'
    const url = await serving(probePages({ live: {}, ready: { caches: () => trouble, lease: () => undefined } }))

    const before = await fetch(`${url}/readyz`)
    trouble = undefined
    const after = await fetch(`${url}/readyz`)

    expect(before.status).toBe(503)
    expect(await before.text()).toBe('[-]caches failed: proxmoxvms are not listed yet\n[+]lease ok\nreadyz check failed\n')
    expect(after.status).toBe(200)
  })

  it('keep alive and ready apart', async () => {
    const url = await serving(probePages({ live: {}, ready: { caches: () => 'not yet' } }))

    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    expect((await fetch(`${url}/readyz`)).status).toBe(503)
  })

  it('pass while the event loop runs', () => {
    const loop = eventLoopCheck()

    expect(loop.check()).toBeUndefined()

    loop.stop()
  })
})

describe('the listener', () => {
  it('serves the metrics in the format of Prometheus', async () => {
    const url = await serving(metricsPage(new Metrics({ version: '0.1.0' })))

    const reply = await fetch(`${url}/metrics`)

    expect(reply.headers.get('content-type')).toContain('text/plain; version=0.0.4')
    expect(await reply.text()).toContain(`pve_operator_build_info{version="0.1.0",node="${process.versions.node}"} 1`)
  })

  it.each<[method: string, path: string, status: number]>([
    ['GET', '/', 404],
    ['GET', '/__proto__', 404],
    ['POST', '/healthz', 405],
    ['HEAD', '/healthz', 200],
    ['GET', '/healthz/?verbose', 200],
  ])('answers %s %s with %i', async (method, path, status) => {
    const url = await serving(probePages({ live: {}, ready: {} }))

    expect((await fetch(`${url}${path}`, { method })).status).toBe(status)
  })

  it('answers 500 when a page fails, and lives on', async () => {
    const url = await serving({
      '/metrics': () => {
        throw new Error('a source failed')
      },
    })

    expect((await fetch(`${url}/metrics`)).status).toBe(500)
    expect((await fetch(`${url}/metrics`)).status).toBe(500)
  })

  it('says that its address is in use', async () => {
    const taken = new URL(await serving({})).host

    await expect(serveOps(taken, {})).rejects.toThrow(`${taken} is in use by another program`)
  })

  it.each<[text: string, host: string | undefined, port: number]>([
    ['127.0.0.1:8080', '127.0.0.1', 8080],
    [':8080', undefined, 8080],
    ['[::1]:0', '::1', 0],
    ['localhost:1', 'localhost', 1],
  ])('reads %s', (text, host, port) => {
    expect(parseListenAddress(text)).toEqual({ port, ...(host && { host }) })
  })

  it.each(['8080', '127.0.0.1', '::1:8080', 'h:70000', 'h:'])('refuses %s with a sentence', (text) => {
    expect(() => parseListenAddress(text)).toThrow('is not an address to listen on')
  })
})
