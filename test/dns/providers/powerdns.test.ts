import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { PowerDns } from '../../../src/dns/providers/powerdns.ts'
import { DnsFault, type Ownership } from '../../../src/dns/providers/provider.ts'
import { systemClock } from '../../../src/ops/clock.ts'
import { type Bench, dnsProviderContract } from './contract.ts'
import { bindAndPowerDns, packagesOrReason } from '../servers/setup.ts'
import { changeTo, erase, forward, mine, see, set, write } from '../servers/zones.ts'

const packages = await packagesOrReason()
type Servers = Awaited<ReturnType<typeof bindAndPowerDns>>

interface Choice {
  readonly ownership?: Ownership
  readonly apiKey?: string
  readonly serverID?: string
  readonly url?: string
}

const providerOn = (servers: Servers, zone: string, o: Choice = {}): PowerDns =>
  new PowerDns({
    zone,
    url: o.url ?? servers.powerDns.url,
    serverID: o.serverID ?? 'localhost',
    apiKey: o.apiKey ?? servers.powerDns.apiKey,
    ownership: o.ownership ?? 'TXT',
    clock: systemClock,
  })

async function bench(): Promise<Bench> {
  if (packages === undefined) throw new Error('no packages')
  const servers = await bindAndPowerDns(packages)
  return {
    provider: (zone, o) =>
      providerOn(servers, zone, { ...(o?.ownership && { ownership: o.ownership }), ...(o?.credentials && { apiKey: 'wrong' }) }),
    nowhere: () => providerOn(servers, forward, { url: 'http://127.0.0.1:9' }),
    values: (_, name, type) => servers.pdnsDig.values(name, type),
    byHand: (...record) => servers.pdnsByHand(...record),
    all: (zone) => servers.pdnsDig.transfer(zone),
    stop: () => servers.stop(),
  }
}

const unconditional = {
  reason: 'a PATCH of PowerDNS knows no precondition; the look right before it is all there is',
  claims: ['a record somebody made after the look is not overwritten', 'a record another VM took after the look is not deleted'],
}
const describeReal = packages === undefined ? describe.skip : describe

describeReal('the HTTP API', () => {
  dnsProviderContract('PowerDNS', bench, { ownership: 'TXT', skip: [unconditional] })
  dnsProviderContract('PowerDNS', bench, { ownership: 'Comment', skip: [unconditional] })
})

describeReal('PowerDNS', () => {
  let servers: Servers
  beforeAll(async () => {
    if (packages !== undefined) servers = await bindAndPowerDns(packages)
  })
  afterAll(() => servers?.stop())

  it('is told apart from a server of another name, a wrong key and a zone it does not have', async () => {
    const faultOf = (zone: string, o: Choice) =>
      providerOn(servers, zone, o)
        .probe()
        .catch((fault: unknown) => fault)
    expect(await faultOf(forward, { serverID: 'elsewhere' })).toMatchObject({
      kind: 'wrong-zone',
      message: expect.stringMatching(/PowerDNS has no server "elsewhere"/),
    })
    expect(await faultOf(forward, { apiKey: 'wrong' })).toMatchObject({ kind: 'wrong-key', message: expect.stringMatching(/401/) })
    expect(await faultOf('nope.test', {})).toMatchObject({ kind: 'wrong-zone', message: expect.stringMatching(/no zone nope\.test/) })
  })

  it('takes a hundred changes of many callers, one after the other, without a failure', async () => {
    const provider = providerOn(servers, forward)
    const wants = Array.from({ length: 100 }, (_, at) => set(`bulk-${at}.example.test`, 'A', [`192.0.2.${at + 1}`]))
    const changes = await Promise.all(wants.map((want) => changeTo(provider, want)))
    const made = await provider.apply(changes)
    expect(made.every((each) => each.is === 'done')).toBe(true)
    const seen = await provider.look(wants)
    expect(seen.every((each) => each.owner === mine)).toBe(true)
  })

  it('finds a value it does not like invalid, in the words of the server, and takes the rest', async () => {
    const provider = providerOn(servers, forward)
    const bad = {
      seen: { name: 'bad.example.test', type: 'A' as const, values: [], ttlSeconds: 0 },
      want: set('bad.example.test', 'A', ['2001:db8::1']),
      uid: mine,
    }
    const made = await provider.apply([bad, await changeTo(provider, set('good.example.test', 'A', ['192.0.2.200']))])
    expect(made).toEqual([{ is: 'invalid', why: expect.stringMatching(/^PowerDNS: .*bad\.example\.test/) }, { is: 'done' }])
  })

  it('serves ours again after somebody disabled it', async () => {
    const provider = providerOn(servers, forward)
    const want = set('disabled.example.test', 'A', ['192.0.2.201'])
    await write(provider, want)
    const body = {
      rrsets: [
        { name: `${want.name}.`, type: 'A', ttl: 300, changetype: 'REPLACE', records: [{ content: '192.0.2.201', disabled: true }] },
      ],
    }
    const path = `${servers.powerDns.url}/api/v1/servers/localhost/zones/${forward}.`
    await fetch(path, { method: 'PATCH', headers: { 'X-API-Key': servers.powerDns.apiKey }, body: JSON.stringify(body) })
    expect((await see(provider, want)).values).toEqual([])
    await write(provider, want)
    expect(await servers.pdnsDig.values(want.name, 'A')).toEqual(['192.0.2.201'])
    expect(await erase(provider, want)).toEqual({ is: 'done' })
  })

  it('that answers something else is a fault of the server, not an empty zone', async () => {
    const provider = providerOn(servers, forward, { url: `${servers.powerDns.url}/api` })
    const fault: unknown = await provider.look([{ name: 'a.example.test', type: 'A' }]).catch((thrown: unknown) => thrown)
    expect(fault).toBeInstanceOf(DnsFault)
  })
})
