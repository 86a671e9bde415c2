import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DNSZoneSpec } from '../../src/api/dnszone.ts'
import type { DnsProvider } from '../../src/dns/providers/provider.ts'
import { startPowerDns } from '../../src/local-stack/powerdns.ts'
import { until } from '../support/until.ts'
import { startBind } from './servers/bind.ts'
import { type Dig, digAt } from './servers/dig.ts'
import { packagesOrReason } from './servers/setup.ts'
import { DnsWorld } from './servers/world.ts'
import { forward, reverse4 } from './servers/zones.ts'

const packages = await packagesOrReason()
const zones = [forward, reverse4]

/** A server that can be stopped and comes back with what it had. */
interface Breakable {
  readonly dig: Dig
  spec(world: DnsWorld): Promise<Partial<DNSZoneSpec>>
  start(): Promise<void>
  stop(): Promise<void>
}

async function bind(dir: string): Promise<Breakable> {
  if (packages === undefined) throw new Error('no packages')
  const { port, secret, ...first } = await startBind({ packages, dir, zones })
  let running: { stop(): Promise<void> } = first
  const again = () => startBind({ packages, dir, zones, port, secret })
  return {
    dig: digAt(packages, port, `hmac-sha256:admin:${secret}`),
    spec: async (world) => ({
      rfc2136: {
        server: `127.0.0.1:${port}`,
        tsig: { name: 'pve-operator', algorithm: 'hmac-sha256', secretRef: await world.secret('tsig-secret', secret, 'bind') },
      },
    }),
    start: async () => void (running = await again()),
    stop: () => running.stop(),
  }
}

async function powerDns(dir: string): Promise<Breakable> {
  if (packages === undefined) throw new Error('no packages')
  const first = await startPowerDns({ packages, dir, zones })
  const ports = { dns: first.port, api: Number(new URL(first.url).port) }
  let running: { stop(): Promise<void> } = first
  return {
    dig: digAt(packages, ports.dns),
    spec: async (world) => ({
      powerDNS: { url: first.url, serverID: 'localhost', apiKeySecretRef: await world.secret('api-key', first.apiKey, 'pdns') },
    }),
    start: async () => void (running = await startPowerDns({ packages, dir, zones: [], ports, apiKey: first.apiKey })),
    stop: () => running.stop(),
  }
}

const describeReal = packages === undefined ? describe.skip : describe

describeReal.each([
  ['BIND', bind],
  ['PowerDNS', powerDns],
])('while %s is away', (_, boot) => {
  let dir: string
  let server: Breakable
  let world: DnsWorld
  let zone: string
  let before: string[]

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'pve-operator-dns-'))
    server = await boot(dir)
    world = await DnsWorld.start({ releaseSeconds: 1.5 })
    zone = await world.zone({ zone: forward, ...(await server.spec(world)) })
    await world.zone({ zone: reverse4, ...(await server.spec(world)) })
    await until('the zone is looked at', async () => (await world.zoneNow(zone))?.status?.conditions?.length === 2)
    before = [...(await server.dig.transfer(forward)), ...(await server.dig.transfer(reverse4))]
  })
  afterEach(async () => {
    await world.stop()
    await server.stop()
    await rm(dir, { recursive: true, force: true })
  })

  const everything = async (): Promise<string[]> => [...(await server.dig.transfer(forward)), ...(await server.dig.transfer(reverse4))]
  const isAsBefore = async (): Promise<void> => {
    expect(await everything()).toEqual(before)
  }

  it('a birth waits, says for what, and is made up for when it is back', async () => {
    await server.stop()
    const vm = await world.vm({ hostname: 'born.example.test', addresses: ['192.0.2.40'] })
    expect(await world.settled(vm, 'DNSUnreachable')).toMatch(new RegExp(`DNSZone ${zone}: 127\\.0\\.0\\.1`))
    await until('the zone says so', async () =>
      (await world.zoneNow(zone))?.status?.conditions?.some(({ type, status }) => type === 'Reachable' && status === 'False'),
    )
    await server.start()
    await world.settled(vm)
    expect(await server.dig.values('born.example.test', 'A')).toEqual(['192.0.2.40'])
    await world.remove(vm)
    await isAsBefore()
  })

  it('a rename and a new address wait, and nothing of the old ones stays', async () => {
    const vm = await world.vm({ hostname: 'old.example.test', addresses: ['192.0.2.41'] })
    await world.settled(vm)
    await server.stop()
    await world.status(vm, { hostname: 'new.example.test', addresses: ['192.0.2.42'] })
    await world.settled(vm, 'DNSUnreachable')
    // The condition may be of a moment before the rename: the zones are looked at all the time.
    const both = ['41.2.0.192.in-addr.arpa', '42.2.0.192.in-addr.arpa', 'new.example.test', 'old.example.test']
    const noted = async () => (await world.now(vm)).status?.dns?.records.map(({ name }) => name).toSorted()
    await until('old and new are noted', async () => (await noted())?.join() === both.join())
    await server.start()
    await world.settled(vm)
    expect(await server.dig.values('new.example.test', 'A')).toEqual(['192.0.2.42'])
    expect(await server.dig.values('old.example.test', 'A')).toEqual([])
    await world.remove(vm)
    await isAsBefore()
  })

  it('a VM is let go after the deadline, and its zone removes the records when the server is back', async () => {
    const vm = await world.vm({ hostname: 'dead.example.test', addresses: ['192.0.2.43'] })
    await world.settled(vm)
    await server.stop()
    await world.remove(vm)
    const status = (await world.zoneNow(zone))?.status
    expect(status?.orphans).toEqual([
      {
        vm: `${world.namespace}/${vm}`,
        uid: expect.any(String),
        since: expect.any(String),
        records: [{ name: 'dead.example.test', type: 'A', values: ['192.0.2.43'] }],
      },
    ])
    expect(world.events.filter(({ reason }) => reason === 'DNSOrphaned').map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/continues to remove A dead.example.test 192.0.2.43/),
    )
    await world.die()
    await world.run()
    await server.start()
    await until('nothing is left to do', async () => (await world.zoneNow(zone))?.status?.orphans?.length === 0)
    await until('all is as before', async () => (await server.dig.values('43.2.0.192.in-addr.arpa', 'PTR')).length === 0)
    await isAsBefore()
  })

  it('a VM may even have the name and address of one that left them behind', async () => {
    const first = await world.vm({ hostname: 'heir.example.test', addresses: ['192.0.2.44'] })
    await world.settled(first)
    await server.stop()
    await world.remove(first)
    const second = await world.vm({ hostname: 'heir.example.test', addresses: ['192.0.2.44'] })
    await world.settled(second, 'DNSUnreachable')
    await server.start()
    await world.settled(second)
    expect(await server.dig.values('44.2.0.192.in-addr.arpa', 'PTR')).toEqual(['heir.example.test'])
    await world.remove(second)
    await isAsBefore()
  })

  it.each([1, 2, 3, 4, 5, 6])('from the moment of write number %i of a life, the rest of it is made up for', async (moment) => {
    await world.die()
    let writes = 0
    let back: Promise<void> | undefined
    await world.run((provider) =>
      Object.assign(Object.create(provider) as DnsProvider, {
        probe: () => provider.probe(),
        look: (keys: Parameters<DnsProvider['look']>[0]) => provider.look(keys),
        close: () => provider.close(),
        apply: async (changes: Parameters<DnsProvider['apply']>[0]) => {
          writes++
          if (writes === moment) {
            await server.stop()
            back = new Promise((resolve) => setTimeout(resolve, 300)).then(() => server.start())
          }
          return provider.apply(changes)
        },
      }),
    )
    const vm = await world.vm({ hostname: `moment${moment}.example.test`, addresses: ['192.0.2.50'] })
    await world.settled(vm)
    await world.status(vm, { hostname: `moved${moment}.example.test`, addresses: ['192.0.2.51'] })
    await until(
      'it has moved',
      async () => (await server.dig.values('51.2.0.192.in-addr.arpa', 'PTR')).join() === `moved${moment}.example.test`,
    )
    await world.settled(vm)
    expect(await server.dig.values('50.2.0.192.in-addr.arpa', 'PTR')).toEqual([])
    await world.remove(vm)
    expect(writes).toBeGreaterThanOrEqual(moment)
    await back
    await until('nothing is left to do', async () => (await everything()).join('\n') === before.join('\n'))
    await isAsBefore()
  })
})
