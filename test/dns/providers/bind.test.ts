import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DnsFault, type Ownership } from '../../../src/dns/providers/provider.ts'
import { Rfc2136 } from '../../../src/dns/providers/rfc2136/rfc2136.ts'
import type { TsigAlgorithm } from '../../../src/dns/providers/rfc2136/tsig.ts'
import { type Clock, systemClock } from '../../../src/ops/clock.ts'
import { type Bench, dnsProviderContract } from './contract.ts'
import { bindAndPowerDns, packagesOrReason } from '../servers/setup.ts'
import { erase, forward, reverse4, set, write } from '../servers/zones.ts'

const packages = await packagesOrReason()
type Servers = Awaited<ReturnType<typeof bindAndPowerDns>>

interface KeyChoice {
  readonly name?: string
  readonly algorithm?: TsigAlgorithm
  readonly secret?: Buffer
  readonly clock?: Clock
  readonly ownership?: Ownership
}

const providerOn = (server: string, secret: string, zone: string, o: KeyChoice = {}): Rfc2136 =>
  new Rfc2136({
    zone,
    server,
    key: { name: o.name ?? 'pve-operator', algorithm: o.algorithm ?? 'hmac-sha256', secret: o.secret ?? Buffer.from(secret, 'base64') },
    ownership: o.ownership === 'None' ? 'None' : 'TXT',
    clock: o.clock ?? systemClock,
    deadlineMs: 5_000,
  })

const skewed = (seconds: number): Clock => ({ ...systemClock, now: () => systemClock.now() + seconds * 1000 })
const wrong = Buffer.from('not the secret of this key')

async function bindBench(servers: Servers): Promise<Bench> {
  const { bind } = servers
  const where = `127.0.0.1:${bind.port}`
  return {
    provider: (zone, o) =>
      providerOn(where, bind.secret, zone, { ...(o?.ownership && { ownership: o.ownership }), ...(o?.credentials && { secret: wrong }) }),
    nowhere: () => providerOn('127.0.0.1:9', bind.secret, forward),
    values: (_, name, type) => bind.dig.values(name, type),
    byHand: (zone, name, type, ttl, value) => bind.byHand(zone, `add ${name}. ${ttl} ${type} ${value}`),
    all: (zone) => bind.dig.transfer(zone),
    stop: () => servers.stop(),
  }
}

async function pdnsBench(servers: Servers): Promise<Bench> {
  const { bind, powerDns, pdnsDig } = servers
  const where = `127.0.0.1:${powerDns.port}`
  return {
    provider: (zone, o) =>
      providerOn(where, bind.secret, zone, { ...(o?.ownership && { ownership: o.ownership }), ...(o?.credentials && { secret: wrong }) }),
    nowhere: () => providerOn('127.0.0.1:9', bind.secret, forward),
    values: (_, name, type) => pdnsDig.values(name, type),
    byHand: (...record) => servers.pdnsByHand(...record),
    all: (zone) => pdnsDig.transfer(zone),
    stop: () => servers.stop(),
  }
}

/** Starts both servers for itself: a contract leaves records behind. */
async function fresh(of: (servers: Servers) => Promise<Bench>): Promise<Bench> {
  if (packages === undefined) throw new Error('no packages')
  return of(await bindAndPowerDns(packages))
}

const describeReal = packages === undefined ? describe.skip : describe

describeReal('DNS UPDATE', () => {
  dnsProviderContract('RFC 2136 on BIND 9', () => fresh(bindBench), { ownership: 'TXT' })
  dnsProviderContract('RFC 2136 on PowerDNS', () => fresh(pdnsBench), { ownership: 'TXT' })
})

describeReal('a refusal of BIND', () => {
  let servers: Servers
  let where: string
  beforeAll(async () => {
    if (packages === undefined) return
    servers = await bindAndPowerDns(packages)
    where = `127.0.0.1:${servers.bind.port}`
  })
  afterAll(() => servers?.stop())

  const faultOf = async (zone: string, o: KeyChoice, server = where): Promise<DnsFault> => {
    const fault: unknown = await providerOn(server, servers.bind.secret, zone, o)
      .probe()
      .catch((thrown: unknown) => thrown)
    if (fault instanceof DnsFault) return fault
    throw new Error(`the probe found nothing wrong: ${String(fault)}`)
  }

  it('of the secret, the key or the algorithm says which', async () => {
    expect(await faultOf(forward, { secret: wrong })).toMatchObject({
      kind: 'wrong-key',
      message: expect.stringMatching(/another secret.*BADSIG/),
    })
    expect(await faultOf(forward, { name: 'nobody' })).toMatchObject({
      kind: 'wrong-key',
      message: expect.stringMatching(/does not know.*BADKEY/),
    })
    expect((await faultOf(forward, { algorithm: 'hmac-sha512' })).kind).toBe('wrong-key')
  })

  it('of the time says how far the clocks are apart', async () => {
    expect(await faultOf(forward, { clock: skewed(3600) })).toMatchObject({
      kind: 'clock-skew',
      // Less by what the server, on a busy machine, took to answer: 5 s at most.
      message: expect.stringMatching(/3(59[4-9]|600) s behind that of the operator/),
    })
    expect(await faultOf(forward, { clock: skewed(-3600) })).toMatchObject({
      kind: 'clock-skew',
      message: expect.stringMatching(/ahead of that of the operator/),
    })
  })

  it('of a type names the types the key may not write', async () => {
    expect(await faultOf(forward, { name: 'pve-few' })).toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/may not write AAAA, TXT in example\.test/),
    })
    expect((await faultOf(reverse4, { name: 'pve-few' })).message).toMatch(/PTR, TXT/)
  })

  it('by PowerDNS, which gives no reason, names what it can be', async () => {
    const fault = await faultOf(forward, { secret: wrong }, `127.0.0.1:${servers.powerDns.port}`)
    expect(fault).toMatchObject({ kind: 'refused', message: expect.stringMatching(/the key, the clock or its policy/) })
  })

  it('is none with hmac-sha512', async () => {
    const provider = providerOn(where, servers.bind.secret, forward, { name: 'pve-big', algorithm: 'hmac-sha512' })
    const want = set('sha512.example.test', 'A', ['192.0.2.90'])
    expect(await write(provider, want)).toEqual({ is: 'done' })
    expect(await erase(provider, want)).toEqual({ is: 'done' })
  })
})

describeReal('the serial of BIND', () => {
  it('stays when nothing is written, by a probe or a look, and moves with a write', async () => {
    if (packages === undefined) return
    const servers = await bindAndPowerDns(packages)
    try {
      const provider = providerOn(`127.0.0.1:${servers.bind.port}`, servers.bind.secret, forward)
      const first = await provider.probe()
      await provider.look([{ name: 'a.example.test', type: 'A' }])
      expect(await provider.probe()).toEqual(first)
      await write(provider, set('a.example.test', 'A', ['192.0.2.91']))
      expect((await provider.probe()).serial).toBeGreaterThan(first.serial ?? 0)
    } finally {
      await servers.stop()
    }
  })
})
