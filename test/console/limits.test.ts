import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { makeAuthority, makeNodeCertificate } from '../../src/simulator/tls/certificate.ts'
import { until } from '../support/until.ts'
import type { TestWorld } from '../support/world.ts'
import { newConsole, OpenPages, type RunningBroker, startBroker, worldWithBroker } from './brokers.ts'
import { untilPhase } from './consoles.ts'
import { PageClient } from './page-client.ts'

describe('the broker lets in', () => {
  let world: TestWorld
  let broker: RunningBroker
  const pages = new OpenPages()
  const { open } = pages
  const consoleOf = (vm?: string, spec?: object) => newConsole(world, vm, spec)

  beforeAll(async () => {
    ;({ world, broker } = await worldWithBroker())
  })
  afterEach(() => pages.leave(broker))
  afterAll(async () => {
    await broker.stop()
    await world.stop()
  })

  it('to the page only: everything of it from here, in no frame, and nothing else', async () => {
    const page = await fetch(broker.url)
    const policy = page.headers.get('content-security-policy') ?? ''
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self' 'nonce-[\w-]{22}'; img-src 'self' data:; connect-src 'self'; /,
    )
    expect(policy).toContain("frame-ancestors 'none'")
    expect(await page.text()).toContain(/'nonce-([\w-]+)'/.exec(policy)?.[1] ?? '?')
    expect([page.headers.get('cache-control'), page.headers.get('set-cookie')]).toEqual(['no-store', null])
    const script = await fetch(`${broker.url}/page.js`)
    const again = await fetch(`${broker.url}/page.js`, { headers: { 'if-none-match': script.headers.get('etag') ?? '' } })
    expect([script.status, again.status]).toEqual([200, 304])
    expect((await fetch(`${broker.url}/package.json`)).status).toBe(404)
    expect((await fetch(broker.url, { method: 'POST' })).status).toBe(405)
  })

  it('by TLS of its own, and takes a renewed certificate without a restart', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'console-tls-'))
    const [certFile, keyFile] = [join(directory, 'tls.crt'), join(directory, 'tls.key')]
    const renew = async () => {
      const { cert, key, fingerprint } = makeNodeCertificate(makeAuthority(), 'console', ['127.0.0.1'])
      await writeFile(certFile, cert)
      await writeFile(keyFile, key)
      return fingerprint
    }
    const first = await renew()
    const secure = await startBroker(world, { tls: { certFile, keyFile } })
    const shown = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port: Number(new URL(secure.url).port), rejectUnauthorized: false }, () => {
          resolve(socket.getPeerCertificate().fingerprint256)
          socket.destroy()
        })
        socket.once('error', reject)
      })
    try {
      expect(await shown()).toBe(first)
      const { url } = await consoleOf()
      await (await open(url, { at: secure.url })).welcome()
      const second = await renew()
      world.clock.skip(61_000)
      await until('the new one is shown', async () => (await shown()) === second)
    } finally {
      pages.close()
      await secure.stop()
      await rm(directory, { recursive: true })
    }
  })

  it('lets no page in from another origin', async () => {
    await expect(PageClient.connect(broker.url, { origin: 'https://evil.example' })).rejects.toThrow('403 another origin')
  })

  it('cuts a connection that does not say who it is, and refuses what is not a message of a page', async () => {
    const silent = await PageClient.connect(broker.url)
    world.clock.skip(11_000)
    await until('it is cut', () => silent.closeCode !== undefined)
    const odd = await PageClient.connect(broker.url)
    odd.socket.send('{"hello":{"namespace":"../x","name":"y","key":"z"}}')
    expect(await odd.ended()).toBe('invalid')
  })

  it('is full at some number of pages, and takes no key for that', async () => {
    const small = await startBroker(world, { mostSessions: 1 })
    try {
      const [one, two] = [await consoleOf(), await consoleOf()]
      const first = await open(one.url, { at: small.url })
      await first.welcome()
      expect(await (await open(two.url, { at: small.url })).ended()).toBe('busy')
      await (await open(two.url)).welcome()
    } finally {
      pages.close()
      await small.stop()
    }
  })

  it('lets one address knock twenty times, and goes by X-Forwarded-For only behind a trusted proxy', async () => {
    const behind = await startBroker(world, { proxies: ['127.0.0.0/8'] })
    const knock = async (at: string, from: string) => {
      try {
        const page = await PageClient.connect(at, { headers: { 'x-forwarded-for': from } })
        page.close()
        return 'in'
      } catch (fault) {
        return fault instanceof Error ? fault.message : String(fault)
      }
    }
    try {
      const beganMs = world.clock.monotonicMs()
      const first = await Promise.all(Array.from({ length: 20 }, () => knock(behind.url, '203.0.113.5')))
      expect(new Set(first)).toEqual(new Set(['in']))
      // One more is let in every 3 s, which a slow machine may have needed.
      let more = 0
      let answer = await knock(behind.url, '203.0.113.5')
      for (; answer === 'in'; more += 1) answer = await knock(behind.url, '203.0.113.5')
      expect(answer).toBe('429 too many connections from this address')
      expect(more).toBeLessThanOrEqual((world.clock.monotonicMs() - beganMs) / 3_000)
      expect(await knock(behind.url, '203.0.113.6')).toBe('in')
      world.clock.skip(61_000)
      expect(await knock(behind.url, '203.0.113.5')).toBe('in')
      const { name, url } = await consoleOf()
      await (await open(url, { at: behind.url, headers: { 'x-forwarded-for': '198.51.100.1, 203.0.113.9' } })).welcome()
      expect((await untilPhase(world, name, 'Open')).status?.openedBy).toBe('203.0.113.9')
    } finally {
      pages.close()
      await behind.stop()
    }
  })
})
