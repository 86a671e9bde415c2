import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { differenceTo } from '../../../src/dns/difference.ts'
import { markName, type RecordType } from '../../../src/dns/marks.ts'
import { DnsFault, type DnsProvider, type Ownership } from '../../../src/dns/providers/provider.ts'
import { canonicalAddress } from '../../../src/dns/reverse.ts'
import { changeTo, classless, erase, forward, mine, reverse4, reverse6, see, set, write, yours, type ZoneOf } from '../servers/zones.ts'

/** One server with the zones of servers/zones.ts on it, and an eye and a hand that are not the provider's. */
export interface Bench {
  provider(zone: string, o?: { ownership?: Ownership; credentials?: 'wrong' }): DnsProvider
  /** The same kind of provider, for a server that is not there. */
  nowhere(): DnsProvider
  /** What the outside sees, canonical. */
  values(zone: ZoneOf, name: string, type: RecordType | 'TXT'): Promise<string[]>
  /** Puts a record in as a stranger would. Values in the spelling of zone files, names without final dot. */
  byHand(zone: ZoneOf, name: string, type: 'A' | 'PTR' | 'TXT' | 'CNAME', ttlSeconds: number, value: string): Promise<void>
  /** Every record of the zone but the SOA, as text. */
  all(zone: ZoneOf): Promise<string[]>
  stop(): Promise<void>
}

/** What a server cannot do, by the name of the claim. */
export interface Skipped {
  readonly reason: string
  readonly claims: readonly string[]
}

/** The claims every provider is held to, on a real server where there is one. */
export function dnsProviderContract(
  title: string,
  start: () => Promise<Bench>,
  o: { ownership: Ownership; skip?: readonly Skipped[] },
): void {
  describe(`${title}, marks: ${o.ownership}`, () => {
    let bench: Bench
    const opened: DnsProvider[] = []
    const at = (zone: string, more: Parameters<Bench['provider']>[1] = {}): DnsProvider => {
      const provider = bench.provider(zone, { ownership: o.ownership, ...more })
      opened.push(provider)
      return provider
    }
    beforeAll(async () => {
      bench = await start()
    })
    afterAll(async () => {
      await Promise.all(opened.map((each) => each.close()))
      await bench?.stop()
    })

    const claims: { name: string; test: () => Promise<void> }[] = []
    const claim = (name: string, test: () => Promise<void>): void => void claims.push({ name, test })
    makes(claim, at, () => bench)
    respects(claim, at, () => bench, o.ownership)
    refuses(claim, at, () => bench)
    const skipped = new Map((o.skip ?? []).flatMap((each) => each.claims.map((name) => [name, each.reason])))
    for (const [name, reason] of skipped) process.stderr.write(`skipped, ${title}: ${name}: ${reason}\n`)
    it.each(claims.filter(({ name }) => !skipped.has(name)))(
      '$name',
      async ({ test }) => {
        expect.hasAssertions()
        await test()
      },
      30_000,
    )
  })
}

type Claim = (name: string, test: () => Promise<void>) => void
type At = (zone: string, more?: Parameters<Bench['provider']>[1]) => DnsProvider

function makes(claim: Claim, at: At, bench: () => Bench): void {
  claim('a probe of a zone that is there is quiet', async () => {
    await expect(at(forward).probe()).resolves.toBeDefined()
    await expect(at(reverse6).probe()).resolves.toBeDefined()
  })

  claim('a record is made, seen by the outside and known as ours', async () => {
    const provider = at(forward)
    const want = set('make.example.test', 'A', ['192.0.2.10'])
    expect(await write(provider, want)).toEqual({ is: 'done' })
    expect(await bench().values(forward, want.name, 'A')).toEqual(['192.0.2.10'])
    expect(await see(provider, want)).toEqual({ ...want, owner: mine })
  })

  claim('A and AAAA of one name are changed in one call, with several values', async () => {
    const provider = at(forward)
    const four = set('both.example.test', 'A', ['192.0.2.11', '192.0.2.12'])
    const six = set('both.example.test', 'AAAA', ['2001:db8::11'], 600)
    expect(await provider.apply([await changeTo(provider, four), await changeTo(provider, six)])).toEqual([{ is: 'done' }, { is: 'done' }])
    expect(await provider.look([four, six])).toEqual([
      { ...four, owner: mine },
      { ...six, owner: mine },
    ])
    expect(await bench().values(forward, six.name, 'AAAA')).toEqual(['2001:db8::11'])
  })

  claim('PTR records of both families are made', async () => {
    const four = set('9.2.0.192.in-addr.arpa', 'PTR', ['web.example.test'])
    const six = set(`9.${'0.'.repeat(23)}${reverse6}`, 'PTR', ['web.example.test'])
    expect(await write(at(reverse4), four)).toEqual({ is: 'done' })
    expect(await write(at(reverse6), six)).toEqual({ is: 'done' })
    expect(await bench().values(reverse4, four.name, 'PTR')).toEqual(['web.example.test'])
    expect(await bench().values(reverse6, six.name, 'PTR')).toEqual(['web.example.test'])
    expect(await see(at(reverse6), six)).toEqual({ ...six, owner: mine })
  })

  claim('a PTR is made in a classless zone', async () => {
    const want = set(`70.${classless}`, 'PTR', ['web.example.test'])
    expect(await write(at(classless), want)).toEqual({ is: 'done' })
    expect(await bench().values(classless, want.name, 'PTR')).toEqual(['web.example.test'])
    expect(await see(at(classless), want)).toEqual({ ...want, owner: mine })
    expect(await erase(at(classless), want)).toEqual({ is: 'done' })
    expect(await bench().values(classless, want.name, 'PTR')).toEqual([])
  })

  claim('values and TTL are replaced, and nothing of the old ones stays', async () => {
    const provider = at(forward)
    await write(provider, set('replace.example.test', 'A', ['192.0.2.20', '192.0.2.21']))
    const after = set('replace.example.test', 'A', ['192.0.2.22'], 900)
    expect(await write(provider, after)).toEqual({ is: 'done' })
    expect(await see(provider, after)).toEqual({ ...after, owner: mine })
    expect(await bench().values(forward, after.name, 'A')).toEqual(['192.0.2.22'])
  })

  claim('a record goes together with its mark, and its neighbour of another type stays', async () => {
    const provider = at(forward)
    const four = set('gone.example.test', 'A', ['192.0.2.30'])
    const six = set('gone.example.test', 'AAAA', ['2001:db8::30'])
    await provider.apply([await changeTo(provider, four), await changeTo(provider, six)])
    expect(await erase(provider, four)).toEqual({ is: 'done' })
    expect(await bench().values(forward, four.name, 'A')).toEqual([])
    expect(await bench().values(forward, markName(four), 'TXT')).toEqual([])
    expect(await see(provider, four)).toEqual({ name: four.name, type: 'A', values: [], ttlSeconds: 0 })
    expect(await see(provider, six)).toEqual({ ...six, owner: mine })
  })

  claim('a name of 63-character labels in capitals on the server is the same name', async () => {
    const provider = at(forward)
    const want = set(`${'a'.repeat(63)}.${'b'.repeat(63)}.example.test`, 'AAAA', ['2001:db8::40'])
    expect(await write(provider, want)).toEqual({ is: 'done' })
    expect(await see(provider, want)).toEqual({ ...want, owner: mine })
  })

  claim('many names are looked at in one call, in the order asked', async () => {
    const provider = at(forward)
    const keys = Array.from({ length: 40 }, (_, at) => ({ name: `many-${at}.example.test`, type: 'A' as const }))
    await write(provider, set('many-7.example.test', 'A', ['192.0.2.41']))
    const found = await provider.look(keys)
    expect(found.map((each) => each.name)).toEqual(keys.map((each) => each.name))
    expect(found.filter((each) => each.values.length > 0).map((each) => each.name)).toEqual(['many-7.example.test'])
  })
}

function respects(claim: Claim, at: At, bench: () => Bench, ownership: Ownership): void {
  claim('a strangers record is seen, and not as ours', async () => {
    await bench().byHand(forward, 'stranger.example.test', 'A', 120, '192.0.2.50')
    const seen = await see(at(forward), { name: 'stranger.example.test', type: 'A' })
    expect(seen).toEqual({ name: 'stranger.example.test', type: 'A', values: ['192.0.2.50'], ttlSeconds: 120 })
  })

  claim('another VMs record is seen with its uid', async () => {
    const want = set('other.example.test', 'A', ['192.0.2.51'])
    await write(at(forward), want, yours)
    const seen = await see(at(forward), want)
    expect(seen.owner).toBe(yours)
    expect(differenceTo(want, seen, { uid: mine, ownership, adopt: true }).is).toBe('conflict')
  })

  claim('a strangers record is taken over when it is adopted, and goes like ours then', async () => {
    const provider = at(forward)
    await bench().byHand(forward, 'adopt.example.test', 'A', 120, '192.0.2.52')
    const want = set('adopt.example.test', 'A', ['192.0.2.53'])
    expect(await write(provider, want)).toEqual({ is: 'done' })
    expect(await see(provider, want)).toEqual({ ...want, owner: mine })
    expect(await erase(provider, want)).toEqual({ is: 'done' })
    expect(await bench().values(forward, want.name, 'A')).toEqual([])
  })

  claim('a record somebody made after the look is not overwritten', async () => {
    const provider = at(forward)
    const change = await changeTo(provider, set('race.example.test', 'A', ['192.0.2.54']))
    await bench().byHand(forward, 'race.example.test', 'A', 120, '192.0.2.55')
    expect(await provider.apply([change])).toEqual([{ is: 'taken', why: expect.any(String) }])
    expect(await bench().values(forward, 'race.example.test', 'A')).toEqual(['192.0.2.55'])
  })

  claim('a record another VM took after the look is not deleted', async () => {
    const provider = at(forward)
    const want = set('stolen.example.test', 'A', ['192.0.2.56'])
    await write(provider, want)
    const change = { seen: await see(provider, want), uid: mine }
    await bench().byHand(forward, markName(want), 'TXT', 300, `"pve.hosting/owner uid=${yours}"`)
    expect(await provider.apply([change])).toEqual([{ is: 'taken', why: expect.any(String) }])
    expect(await bench().values(forward, want.name, 'A')).toEqual(['192.0.2.56'])
  })

  claim('nothing is put beside a CNAME, and the answer says so', async () => {
    await bench().byHand(forward, 'alias.example.test', 'CNAME', 120, 'elsewhere.example.net.')
    const made = await write(at(forward), set('alias.example.test', 'A', ['192.0.2.57']))
    expect(made).toEqual({ is: 'taken', why: expect.stringMatching(/CNAME|conflict/i) })
    expect(await bench().all(forward)).toContainEqual(expect.stringMatching(/^alias\.example\.test\.? 120 IN CNAME elsewhere/))
  })

  claim('what a wildcard makes up is no record', async () => {
    await bench().byHand(forward, '*.wild.example.test', 'A', 120, '192.0.2.58')
    await bench().byHand(forward, '*.wild.example.test', 'TXT', 120, '"v=spf1 -all"')
    const want = set('web.wild.example.test', 'A', ['192.0.2.59'])
    expect(await see(at(forward), want)).toEqual({ name: want.name, type: 'A', values: [], ttlSeconds: 0 })
    expect(await write(at(forward), want)).toEqual({ is: 'done' })
    expect(await bench().values(forward, want.name, 'A')).toEqual(['192.0.2.59'])
  })

  claim('without ownership no mark is written', async () => {
    const provider = at(forward, { ownership: 'None' })
    const want = set('plain.example.test', 'A', ['192.0.2.60'])
    expect(await write(provider, want)).toEqual({ is: 'done' })
    expect(await bench().values(forward, markName(want), 'TXT')).toEqual([])
    expect(await see(provider, want)).toEqual(want)
    expect(await erase(provider, want)).toEqual({ is: 'done' })
    expect(await bench().values(forward, want.name, 'A')).toEqual([])
  })

  claim('the records of everybody else are as they were, after all of this', async () => {
    const provider = at(reverse4)
    await bench().byHand(reverse4, '200.2.0.192.in-addr.arpa', 'PTR', 777, 'theirs.example.net.')
    const before = await bench().all(reverse4)
    const want = set('201.2.0.192.in-addr.arpa', 'PTR', ['ours.example.test'])
    await write(provider, want)
    expect((await bench().all(reverse4)).length).toBeGreaterThan(before.length)
    await write(provider, set(want.name, 'PTR', ['again.example.test']))
    await erase(provider, want)
    expect(await bench().all(reverse4)).toEqual(before)
  })
}

function refuses(claim: Claim, at: At, bench: () => Bench): void {
  const kindOf = async (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'no fault',
      (fault: unknown) => (fault instanceof DnsFault ? fault.kind : String(fault)),
    )

  claim('a zone that is not there is told', async () => {
    expect(await kindOf(at('not-here.example').probe())).toBe('wrong-zone')
  })

  claim('wrong credentials are told', async () => {
    const provider = at(forward, { credentials: 'wrong' })
    expect(['wrong-key', 'refused']).toContain(await kindOf(provider.probe()))
    expect(['wrong-key', 'refused']).toContain(await kindOf(provider.look([{ name: 'a.example.test', type: 'A' }])))
  })

  claim('a server that is not there is told, and says where it was looked for', async () => {
    const provider = bench().nowhere()
    expect(await kindOf(provider.probe())).toBe('unreachable')
    expect(await kindOf(provider.look([{ name: 'a.example.test', type: 'A' }]))).toBe('unreachable')
    await expect(provider.probe()).rejects.toThrow(/127\.0\.0\.1/)
    await provider.close()
  })

  claim('one impossible record does not hold up the others', async () => {
    const provider = at(forward)
    await bench().byHand(forward, 'blocked.example.test', 'CNAME', 120, 'elsewhere.example.net.')
    const blocked = await changeTo(provider, set('blocked.example.test', 'A', ['192.0.2.70']))
    const free = await changeTo(provider, set('free.example.test', 'A', ['192.0.2.71']))
    const made = await provider.apply([blocked, free])
    expect(made.map((each) => each.is)).toEqual(['taken', 'done'])
    expect(await bench().values(forward, 'free.example.test', 'A')).toEqual([canonicalAddress('192.0.2.71')])
  })
}
