import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Cloudflare } from '../../../src/dns/providers/cloudflare.ts'
import { Pace } from '../../../src/ops/pace.ts'
import { systemClock } from '../../../src/ops/clock.ts'
import { type Bench, dnsProviderContract } from './contract.ts'
import { type CloudflareDouble, startCloudflareDouble } from '../servers/cloudflare-double.ts'
import { changeTo, erase, forward, mine, see, set, write, zoneNames } from '../servers/zones.ts'

const pace = new Pace({ calls: 1200, perSeconds: 300, burst: 1000, clock: systemClock })

const providerOn = (
  double: CloudflareDouble,
  zone: string,
  o: { ownership?: 'Comment' | 'None'; token?: string; zoneID?: string; root?: string } = {},
): Cloudflare =>
  new Cloudflare({
    zone,
    token: o.token ?? double.token,
    ownership: o.ownership ?? 'Comment',
    clock: systemClock,
    pace,
    root: o.root ?? double.root,
    ...(o.zoneID === undefined ? {} : { zoneID: o.zoneID }),
  })

async function bench(): Promise<Bench> {
  const double = await startCloudflareDouble(zoneNames)
  return {
    provider: (zone, o) =>
      providerOn(double, zone, { ...(o?.ownership === 'None' && { ownership: 'None' }), ...(o?.credentials && { token: 'wrong' }) }),
    nowhere: () => providerOn(double, forward, { root: 'http://127.0.0.1:9' }),
    values: async (zone, name, type) =>
      (double.zones.get(zone) ?? []).flatMap((each) => (each.name === name && each.type === type ? [each.content] : [])).toSorted(),
    byHand: async (zone, name, type, ttl, value) => double.put(zone, { name, type, ttl, content: value }),
    all: async (zone) =>
      (double.zones.get(zone) ?? []).map((each) => `${each.name} ${each.ttl} IN ${each.type} ${each.content}`).toSorted(),
    stop: () => double.stop(),
  }
}

dnsProviderContract('Cloudflare (a double of its published API)', bench, {
  ownership: 'Comment',
  skip: [
    {
      reason: 'marks are comments of single records here, so a record somebody makes beside ours stays beside it; nothing is overwritten',
      claims: ['a record somebody made after the look is not overwritten', 'a record another VM took after the look is not deleted'],
    },
  ],
})

describe('Cloudflare', () => {
  let double: CloudflareDouble
  beforeAll(async () => {
    double = await startCloudflareDouble(zoneNames)
  })
  afterAll(() => double.stop())

  it('keeps a strangers record beside ours through change and removal', async () => {
    const provider = providerOn(double, forward)
    const want = set('shared.example.test', 'A', ['192.0.2.1', '192.0.2.2'])
    await write(provider, want)
    double.put(forward, { name: want.name, type: 'A', ttl: 120, content: '192.0.2.99', comment: 'put here by hand' })
    expect(await see(provider, want)).toEqual({ ...want, owner: mine })
    expect(await write(provider, set(want.name, 'A', ['192.0.2.2', '192.0.2.3']))).toEqual({ is: 'done' })
    const contents = () => (double.zones.get(forward) ?? []).filter((each) => each.name === want.name).map((each) => each.content)
    expect(contents().toSorted()).toEqual(['192.0.2.2', '192.0.2.3', '192.0.2.99'])
    expect(await erase(provider, want)).toEqual({ is: 'done' })
    expect(contents()).toEqual(['192.0.2.99'])
  })

  it('changes in place what changes, so the name is never without a record', async () => {
    const provider = providerOn(double, forward)
    const want = set('place.example.test', 'A', ['192.0.2.4'])
    await write(provider, want)
    const id = double.zones.get(forward)?.find((each) => each.name === want.name)?.id
    await write(provider, set(want.name, 'A', ['192.0.2.5']))
    expect(double.zones.get(forward)?.find((each) => each.name === want.name)).toMatchObject({ id, content: '192.0.2.5', proxied: false })
  })

  it('needs no right to list zones when the zone id is given, and finds a wrong one', async () => {
    const before = double.calls.length
    await providerOn(double, forward, { zoneID: double.idOf(forward) }).probe()
    expect(double.calls.slice(before).some((call) => call.startsWith('GET /zones?'))).toBe(false)
    const other: unknown = await providerOn(double, forward, { zoneID: double.idOf('2.0.192.in-addr.arpa') })
      .probe()
      .catch((fault: unknown) => fault)
    expect(other).toMatchObject({ kind: 'wrong-zone', message: expect.stringMatching(/is the zone 2\.0\.192/) })
    const none: unknown = await providerOn(double, forward, { zoneID: 'f'.repeat(32) })
      .probe()
      .catch((fault: unknown) => fault)
    expect(none).toMatchObject({ kind: 'wrong-zone', message: expect.stringMatching(/7003/) })
  })

  it('says how long to wait when it is asked to be slower', async () => {
    const provider = providerOn(double, forward)
    await provider.probe()
    double.limit(1, 42)
    const fault: unknown = await provider.look([{ name: 'a.example.test', type: 'A' }]).catch((thrown: unknown) => thrown)
    expect(fault).toMatchObject({ kind: 'rate-limited', retryAfterSeconds: 42 })
  })

  it('finds a TTL it does not like invalid, in the words of the server', async () => {
    const provider = providerOn(double, forward)
    const made = await provider.apply([
      await changeTo(provider, set('ttl.example.test', 'A', ['192.0.2.6'], 30)),
      await changeTo(provider, set('ok.example.test', 'A', ['192.0.2.7'])),
    ])
    expect(made).toEqual([{ is: 'invalid', why: expect.stringMatching(/^Cloudflare: .*TTL.*9021/) }, { is: 'done' }])
  })

  it('is asked once for many names', async () => {
    const provider = providerOn(double, forward)
    await provider.probe()
    const before = double.calls.length
    await provider.look(Array.from({ length: 50 }, (_, at) => ({ name: `n${at}.example.test`, type: 'A' as const })))
    expect(double.calls.length - before).toBe(1)
  })
})

describe('the pace', () => {
  it('lets a burst through and holds the rest to the rate', async () => {
    let nowMs = 0
    const slept: number[] = []
    const clock = {
      now: () => nowMs,
      monotonicMs: () => nowMs,
      after: () => () => undefined,
      sleep: async (ms: number) => {
        slept.push(ms)
        nowMs += ms
      },
    }
    const slow = new Pace({ calls: 4, perSeconds: 1, burst: 2, clock })
    for (let call = 0; call < 5; call++) await slow.turn()
    expect(slept).toEqual([250, 250, 250])
    nowMs += 10_000
    await slow.turn()
    await slow.turn()
    expect(slept).toHaveLength(3)
  })
})
