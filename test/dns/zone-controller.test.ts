import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { DNSZone } from '../../src/api/dnszone.ts'
import { until } from '../support/until.ts'
import { bindAndPowerDns, packagesOrReason, type Servers } from './servers/setup.ts'
import { DnsWorld } from './servers/world.ts'
import { forward, mine, quotedMark, reverse4 } from './servers/zones.ts'

const packages = await packagesOrReason()
const describeReal = packages === undefined ? describe.skip : describe

describeReal('a DNSZone', () => {
  let servers: Servers
  let world: DnsWorld

  beforeAll(async () => {
    if (packages !== undefined) servers = await bindAndPowerDns(packages)
  })
  afterAll(() => servers?.stop())
  beforeEach(async () => {
    world = await DnsWorld.start()
  })
  afterEach(() => world.stop())

  const onBind = async (secret = servers.bind.secret, key = 'pve-operator') => ({
    rfc2136: {
      server: `127.0.0.1:${servers.bind.port}`,
      tsig: { name: key, algorithm: 'hmac-sha256' as const, secretRef: await world.secret('tsig-secret', secret, 'bind') },
    },
  })
  const conditions = (zone: DNSZone | undefined): Record<string, string> =>
    Object.fromEntries((zone?.status?.conditions ?? []).map(({ type, status, reason }) => [type, `${status}/${reason}`]))
  const shows = (name: string, type: string, what: string): Promise<DNSZone> => {
    let last: unknown
    const look = async (): Promise<DNSZone | undefined> => {
      const zone = await world.zoneNow(name)
      last = zone?.status
      return conditions(zone)[type] === what ? zone : undefined
    }
    return until(`${name} shows ${type} ${what}`, look, { describe: () => last })
  }

  it('that is well says so, with its serial, its provider and when it was asked', async () => {
    const zone = await world.zone({ zone: forward, ...(await onBind()) })
    const { status, metadata } = await shows(zone, 'Ready', 'True/ZoneReady')
    expect(conditions(await world.zoneNow(zone))).toEqual({ Ready: 'True/ZoneReady', Reachable: 'True/ZoneReady' })
    expect(status).toMatchObject({
      provider: 'rfc2136',
      records: 0,
      observedGeneration: 1,
      serial: expect.any(Number),
      checkedAt: expect.any(String),
    })
    expect(metadata.finalizers).toEqual(['pve.hosting/in-use'])
  })

  it.each<[string, () => Promise<Partial<DNSZone['spec']>>, string, RegExp]>([
    ['a wrong secret', () => onBind(Buffer.from('wrong').toString('base64')), 'DNSKeyRefused', /BADSIG/],
    ['an unknown key', () => onBind(undefined, 'nobody'), 'DNSKeyRefused', /BADKEY/],
    ['a key with too few rights', () => onBind(undefined, 'pve-few'), 'DNSRefused', /may not write AAAA, TXT/],
    ['a secret that is no base64', () => onBind('§§§'), 'DNSInvalid', /not base64/],
  ])('with %s is stalled and says what to do', async (_, spec, reason, words) => {
    const zone = await world.zone({ zone: forward, ...(await spec()) })
    const { status } = await shows(zone, 'Stalled', `True/${reason}`)
    expect(status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'False',
      message: expect.stringMatching(words),
    })
  })

  it('that its server does not have is stalled', async () => {
    const zone = await world.zone({ zone: 'not-here.test', ...(await onBind()) })
    await shows(zone, 'Stalled', 'True/ZoneNotServed')
    expect(conditions(await world.zoneNow(zone))['Reachable']).toBe('True/ZoneNotServed')
  })

  it('whose Secret is missing waits for it, and takes it up by itself, as it does a corrected one', async () => {
    const reference = {
      server: `127.0.0.1:${servers.bind.port}`,
      tsig: {
        name: 'pve-operator',
        algorithm: 'hmac-sha256' as const,
        secretRef: { namespace: world.namespace, name: 'later', key: 'tsig-secret' },
      },
    }
    const zone = await world.zone({ zone: forward, rfc2136: reference })
    const { status } = await shows(zone, 'Stalled', 'True/DNSCredentialsNotFound')
    expect(status?.conditions?.find(({ type }) => type === 'Ready')?.message).toBe(
      `Secret ${world.namespace}/later does not exist; create it`,
    )
    await world.secret('tsig-secret', Buffer.from('wrong').toString('base64'), 'later')
    await shows(zone, 'Stalled', 'True/DNSKeyRefused')
    await world.secret('tsig-secret', servers.bind.secret, 'later')
    await shows(zone, 'Ready', 'True/ZoneReady')
  })

  it('is asked again as soon as before when the clock of the machine is set back', async () => {
    const secretRef = { namespace: world.namespace, name: 'later', key: 'tsig-secret' }
    const tsig = { name: 'pve-operator', algorithm: 'hmac-sha256' as const, secretRef }
    world.clock.jump(3_600_000)
    const zone = await world.zone({ zone: forward, rfc2136: { server: `127.0.0.1:${servers.bind.port}`, tsig } })
    await shows(zone, 'Stalled', 'True/DNSCredentialsNotFound')
    world.clock.jump(-3_600_000)
    await world.secret('tsig-secret', servers.bind.secret, 'later')
    const { status } = await shows(zone, 'Ready', 'True/ZoneReady')
    expect(status?.conditions?.map(({ type }) => type)).not.toContain('Stalled')
  })

  it('takes up a Secret that was changed while the former one still works', async () => {
    const secretRef = await world.secret('tsig-secret', servers.bind.secret)
    const tsig = { name: 'pve-operator', algorithm: 'hmac-sha256' as const, secretRef }
    const zone = await world.zone({ zone: forward, rfc2136: { server: `127.0.0.1:${servers.bind.port}`, tsig } })
    await shows(zone, 'Ready', 'True/ZoneReady')
    await world.secret('tsig-secret', Buffer.from('wrong').toString('base64'), secretRef.name)
    const { status } = await shows(zone, 'Stalled', 'True/DNSKeyRefused')
    expect(status?.conditions?.find(({ type }) => type === 'Ready')?.reason).toBe('DNSKeyRefused')
  })

  it('being deleted stays until the last record of a VM is gone, and takes no new ones', async () => {
    const zone = await world.zone({ zone: forward, ...(await onBind()) })
    const vm = await world.vm({ hostname: 'last.example.test', addresses: ['192.0.2.30'] })
    await world.settled(vm)
    await world.deleteZone(zone)
    await shows(zone, 'Ready', 'False/InUse')
    const late = await world.vm({ hostname: 'too-late.example.test', addresses: ['203.0.113.30'] })
    await world.settled(late, 'ZoneDeleting')
    expect(await servers.bind.dig.values('last.example.test', 'A')).toEqual(['192.0.2.30'])
    await world.remove(late)
    await world.remove(vm)
    await until('the zone is gone', async () => (await world.zoneNow(zone)) === undefined)
    expect(await servers.bind.dig.values('last.example.test', 'A')).toEqual([])
  })

  it('that is released leaves its records, and another object of the zone finds them again', async () => {
    const zone = await world.zone({ zone: forward, ...(await onBind()) })
    const vm = await world.vm({ hostname: 'released.example.test', addresses: ['192.0.2.31'] })
    await world.settled(vm)
    await world.editZone(zone, { metadata: { annotations: { 'pve.hosting/release-records': 'true' } } })
    await world.deleteZone(zone)
    await world.settled(vm, 'NoZone')
    expect(await servers.bind.dig.values('released.example.test', 'A')).toEqual(['192.0.2.31'])
    await world.zone({ zone: forward, ...(await onBind()) })
    await world.settled(vm)
    await world.remove(vm)
    expect(await servers.bind.dig.values('released.example.test', 'A')).toEqual([])
  })

  it('removes what a VM deleted by force left behind, and leaves what has become anothers', async () => {
    const zone = await world.zone({ zone: forward, ...(await onBind()) })
    await world.zone({ zone: reverse4, ...(await onBind()) })
    const vm = await world.vm({ hostname: 'forced.example.test', addresses: ['192.0.2.32'] })
    await world.settled(vm)
    await servers.bind.byHand(
      reverse4,
      'delete _pve-ptr.32.2.0.192.in-addr.arpa. TXT',
      `add _pve-ptr.32.2.0.192.in-addr.arpa. 300 TXT ${quotedMark(mine)}`,
    )
    await world.force(vm)
    await until('the address is gone', async () => (await servers.bind.dig.values('forced.example.test', 'A')).length === 0)
    await until('nothing is left to do', async () => (await world.zoneNow(zone))?.status?.orphans?.length === 0)
    expect(await servers.bind.dig.values('32.2.0.192.in-addr.arpa', 'PTR')).toEqual(['forced.example.test'])
    expect(world.events.map(({ reason }) => reason)).toEqual(expect.arrayContaining(['DNSOrphaned', 'DNSOrphansRemoved']))
  })
})
