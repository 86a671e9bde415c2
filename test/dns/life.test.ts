import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DNSZone } from '../../src/api/dnszone.ts'
import { dnsZones, proxmoxVMCommands, secrets } from '../../src/api/meta.ts'
import { startPowerDns } from '../../src/local-stack/powerdns.ts'
import { freshName } from '../support/kube.ts'
import { worldLabel } from '../support/kube-gate.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { startBind } from './servers/bind.ts'
import { type Dig, digAt } from './servers/dig.ts'
import { packagesOrReason } from './servers/setup.ts'

const packages = await packagesOrReason()
const describeReal = packages === undefined ? describe.skip : describe
const forward = 'vps.example.com'
const reverse = '113.0.203.in-addr.arpa'
const zones = [forward, reverse]

/** One of the two real servers, as the operator reaches it and as dig sees it. */
interface Server {
  readonly dig: Dig
  readonly provider: Partial<DNSZone['spec']>
  readonly secret: Record<string, string>
  /** By hand, with the tools of the server. */
  change(zone: string, name: string, type: string, value: string): Promise<void>
  pause(): Promise<void>
  resume(): Promise<void>
  stop(): Promise<void>
}
const secretRef = (namespace: string, key: string) => ({ namespace, name: 'dns', key })

async function powerDns(dir: string, namespace: string): Promise<Server> {
  if (packages === undefined) throw new Error('no packages')
  const { url, apiKey, port, util, ...first } = await startPowerDns({ packages, dir, zones })
  let running: { stop(): Promise<void> } = first
  return {
    dig: digAt(packages, port),
    provider: { powerDNS: { url, serverID: 'localhost', apiKeySecretRef: secretRef(namespace, 'api-key') } },
    secret: { 'api-key': apiKey },
    change: async (zone, name, type, value) =>
      void (await util('replace-rrset', zone, name.slice(0, -zone.length - 1), type, '300', value)),
    pause: () => running.stop(),
    resume: async () =>
      void (running = await startPowerDns({ packages, dir, zones: [], apiKey, ports: { dns: port, api: Number(new URL(url).port) } })),
    stop: () => running.stop(),
  }
}

async function bind(dir: string, namespace: string): Promise<Server> {
  if (packages === undefined) throw new Error('no packages')
  const { port, secret, byHand, ...first } = await startBind({ packages, dir, zones })
  let running: { stop(): Promise<void> } = first
  return {
    dig: digAt(packages, port, `hmac-sha256:admin:${secret}`),
    provider: {
      rfc2136: {
        server: `127.0.0.1:${port}`,
        tsig: { name: 'pve-operator', algorithm: 'hmac-sha256', secretRef: secretRef(namespace, 'tsig-secret') },
      },
    },
    secret: { 'tsig-secret': secret },
    change: (zone, name, type, value) => byHand(zone, `delete ${name}. ${type}`, `add ${name}. 300 ${type} ${value}`),
    pause: () => running.stop(),
    resume: async () => void (running = await startBind({ packages, dir, zones, port, secret })),
    stop: () => running.stop(),
  }
}

describeReal.each([
  ['PowerDNS', powerDns],
  ['BIND', bind],
])('the whole life of a VM, seen by dig on %s', (_, boot) => {
  let dir: string
  let world: TestWorld
  let server: Server
  let pool: string
  let untouched: string[]

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'pve-operator-dns-'))
    world = await TestWorld.start()
    server = await boot(dir, world.namespace)
    untouched = await everything()
    await world.client.create(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'dns', namespace: world.namespace },
      stringData: server.secret,
    })
    for (const zone of zones) {
      const metadata = { name: freshName('zone'), labels: { [worldLabel]: world.cluster } }
      await world.client.create(dnsZones, {
        apiVersion: 'pve.hosting/v1alpha1',
        kind: 'DNSZone',
        metadata,
        spec: { zone, ...server.provider },
      } as DNSZone)
    }
    pool = await world.pool({
      ranges: ['203.0.113.10-203.0.113.99'],
      prefixLength: 24,
      gateway: '203.0.113.1',
      network: { bridge: 'vmbr0' },
    })
  })
  afterAll(async () => {
    await world?.stop()
    await server?.stop()
    await rm(dir, { recursive: true, force: true })
  })

  const everything = async (): Promise<string[]> => (await Promise.all(zones.map((zone) => server.dig.transfer(zone)))).flat()
  const spec = (hostname: string) => ({ hostname, addresses: [{ name: 'main', poolRef: { name: pool } }] })

  it('birth, ptr, suspension, end: nothing of anybody else changes, and nothing stays', async () => {
    await world.apply('web', spec('web.vps.example.com'))
    const vm = await world.untilReady('web')
    await world.untilCondition('web', 'DNSSynced', 'True', 'Synced')
    const address = vm.status?.addresses?.[0]?.address ?? ''
    const ptr = `${address.split('.').at(-1)}.${reverse}`
    expect(await server.dig.values('web.vps.example.com', 'A')).toEqual([address])
    expect(await server.dig.values(ptr, 'PTR')).toEqual(['web.vps.example.com'])

    await world.edit('web', { spec: { addresses: [{ name: 'main', poolRef: { name: pool }, ptr: 'mail.customer.example' }] } })
    await until('the PTR leads elsewhere', async () => (await server.dig.values(ptr, 'PTR')).join() === 'mail.customer.example')
    await until('it is ready again', async () => (await world.vm('web'))?.status?.localStatus === 'ready')

    const zone = ptr.slice(ptr.indexOf('.') + 1)
    await server.change(zone, ptr, 'PTR', 'wrong.example.net.')
    const command = {
      apiVersion: 'pve.hosting/v1alpha1',
      kind: 'ProxmoxVMCommand',
      metadata: { name: 'dns', namespace: world.namespace },
      spec: { vmRef: { name: 'web' }, command: 'SetDNSRecords' },
    }
    await world.client.create(proxmoxVMCommands, command as never)
    const done = await until('the command has ended', async () => {
      const now = await world.client.get(proxmoxVMCommands, { name: 'dns', namespace: world.namespace })
      return now?.status?.finishedAt ? now.status : undefined
    })
    expect(done).toMatchObject({ phase: 'Succeeded', message: '2 record sets are in DNS.' })
    expect(await server.dig.values(ptr, 'PTR')).toEqual(['mail.customer.example'])

    const written = await everything()
    await world.edit('web', { spec: { suspensions: [{ by: 'billing', reason: 'overdue' }] } })
    await world.untilCondition('web', 'Suspended', 'True')
    expect(await everything()).toEqual(written)

    await world.delete('web')
    await world.untilGone('web')
    expect(await everything()).toEqual(untouched)
  })

  it('is not held up by a server that is away at its birth, and is made up for', async () => {
    await server.pause()
    await world.apply('late', spec('late.vps.example.com'))
    await world.untilReady('late')
    await world.untilCondition('late', 'DNSSynced', 'False', 'DNSUnreachable')
    await until('its records wait', async () => (await world.vm('late'))?.status?.localStatus === 'set_dns_records')
    expect(world.condition(await world.vm('late'), 'Ready')?.status).toBe('True')
    await server.resume()
    const vm = await world.untilCondition('late', 'DNSSynced', 'True', 'Synced', 60)
    await until('none waits any more', async () => (await world.vm('late'))?.status?.localStatus === 'ready')
    expect(await server.dig.values('late.vps.example.com', 'A')).toEqual([vm.status?.addresses?.[0]?.address])
    await world.delete('late')
    await world.untilGone('late')
    expect(await everything()).toEqual(untouched)
  })

  it('may end while the server is away: the VM goes after a minute, its records when the server is back', async () => {
    await world.apply('gone', spec('gone.vps.example.com'))
    await world.untilReady('gone')
    await world.untilCondition('gone', 'DNSSynced', 'True', 'Synced')
    await server.pause()
    await world.delete('gone')
    await until('the VM is gone from PVE', () => world.guests().length === 0)
    expect(await world.vm('gone')).toBeDefined()
    world.clock.skip(61_000)
    await world.untilGone('gone', 60)
    expect(await world.addresses(pool)).toContainEqual(
      expect.objectContaining({ spec: expect.not.objectContaining({ claimRef: expect.anything() }) }),
    )
    await server.resume()
    await until('the zones have removed the records', async () => (await everything()).join('\n') === untouched.join('\n'))
  })
})
