import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { until } from '../support/until.ts'
import { bindAndPowerDns, packagesOrReason, type Servers } from './servers/setup.ts'
import { DnsWorld } from './servers/world.ts'
import { classless, forward, reverse4, reverse6 } from './servers/zones.ts'

const packages = await packagesOrReason()
const describeReal = packages === undefined ? describe.skip : describe

describeReal('the records of a VM', () => {
  let servers: Servers
  let world: DnsWorld
  let zone: string
  let reverse: string

  beforeAll(async () => {
    if (packages !== undefined) servers = await bindAndPowerDns(packages)
  })
  afterAll(() => servers?.stop())
  beforeEach(async () => {
    world = await DnsWorld.start()
    zone = await world.zone({ zone: forward, ...(await onBind()) })
    reverse = await world.zone({ zone: reverse4, ...(await onBind()) })
  })
  afterEach(() => world.stop())

  const onBind = async () => ({
    rfc2136: {
      server: `127.0.0.1:${servers.bind.port}`,
      tsig: {
        name: 'pve-operator',
        algorithm: 'hmac-sha256' as const,
        secretRef: await world.secret('tsig-secret', servers.bind.secret, 'bind'),
      },
    },
  })
  const onPowerDns = async () => ({
    powerDNS: {
      url: servers.powerDns.url,
      serverID: 'localhost',
      apiKeySecretRef: await world.secret('api-key', servers.powerDns.apiKey, 'pdns'),
    },
  })
  const dig = (name: string, type: string): Promise<string[]> => servers.bind.dig.values(name, type)

  it('are written forward and backward, noted, and judged by a condition', async () => {
    await world.zone({ zone: reverse6, ...(await onPowerDns()) })
    const vm = await world.vm({ hostname: 'birth.example.test', addresses: ['192.0.2.10', '2001:DB8:0::10'] })
    expect(await world.settled(vm)).toBe('4 record sets are in DNS')
    expect(await dig('birth.example.test', 'A')).toEqual(['192.0.2.10'])
    expect(await dig('birth.example.test', 'AAAA')).toEqual(['2001:db8::10'])
    expect(await dig('10.2.0.192.in-addr.arpa', 'PTR')).toEqual(['birth.example.test'])
    expect(await servers.pdnsDig.values(`0.1.${'0.'.repeat(22)}${reverse6}`, 'PTR')).toEqual(['birth.example.test'])
    const { status } = await world.now(vm)
    expect(status?.dns?.records.map(({ type, synced }) => [type, synced])).toEqual([
      ['A', true],
      ['AAAA', true],
      ['PTR', true],
      ['PTR', true],
    ])
    expect(status).toMatchObject({ localStatus: 'ready', hostname: 'birth.example.test' })
    await until('the zone counts them', async () => (await world.zoneNow(zone))?.status?.records === 2)
    await world.remove(vm)
  })

  it('cost two writes at birth and none while nothing changes', async () => {
    for (const each of [zone, reverse])
      await until('the zone is looked at', async () => (await world.zoneNow(each))?.status?.conditions?.length === 2)
    const before = world.writes.length
    const vm = await world.vm({ hostname: 'idle.example.test', addresses: ['192.0.2.11'] })
    await world.settled(vm)
    const written = () => world.writes.slice(before).filter((write) => write.includes('proxmoxvms'))
    // A write is noted when its answer arrives, and the object can be read before.
    await until('both are answered', () => written().length >= 2)
    for (const each of [zone, reverse])
      await until('the zone counts its one', async () => (await world.zoneNow(each))?.status?.records === 1)
    await until('both counts are answered', () => world.writes.slice(before).length >= 4)
    expect(written()).toEqual(['PATCH proxmoxvms/status', 'PATCH proxmoxvms/status'])
    const serial = await dig(forward, 'SOA')
    const quiet = world.writes.length
    await world.dns.synchronise(`${world.namespace}/${vm}`)
    await new Promise((resolve) => setTimeout(resolve, 1_500)) // several probes and audits
    expect(world.writes.slice(quiet)).toEqual([])
    expect(await dig(forward, 'SOA')).toEqual(serial)
    await world.remove(vm)
  })

  it('come back when they are changed or deleted by hand', async () => {
    const vm = await world.vm({ hostname: 'drift.example.test', addresses: ['192.0.2.12'] })
    await world.settled(vm)
    await servers.bind.byHand(forward, 'delete drift.example.test. A', 'add drift.example.test. 60 A 192.0.2.66')
    await servers.bind.byHand(reverse4, 'delete 12.2.0.192.in-addr.arpa. PTR')
    await until('the address is back', async () => (await dig('drift.example.test', 'A')).join() === '192.0.2.12')
    await until('the PTR is back', async () => (await dig('12.2.0.192.in-addr.arpa', 'PTR')).join() === 'drift.example.test')
    expect(await dig('_pve-a.drift.example.test', 'TXT')).toHaveLength(1)
    await world.remove(vm)
  })

  it('move with the name and with the address', async () => {
    const vm = await world.vm({ hostname: 'before.example.test', addresses: ['192.0.2.13'] })
    await world.settled(vm)
    await world.status(vm, { hostname: 'after.example.test', addresses: ['192.0.2.14'] })
    await until(
      'the old ones are gone',
      async () => (await dig('before.example.test', 'A')).length + (await dig('13.2.0.192.in-addr.arpa', 'PTR')).length === 0,
    )
    await world.settled(vm)
    expect(await dig('after.example.test', 'A')).toEqual(['192.0.2.14'])
    expect(await dig('14.2.0.192.in-addr.arpa', 'PTR')).toEqual(['after.example.test'])
    expect(await dig('_pve-a.before.example.test', 'TXT')).toEqual([])
    await world.remove(vm)
  })

  it('are gone before the VM is let go', async () => {
    const before = await servers.bind.dig.transfer(forward)
    const vm = await world.vm({ hostname: 'end.example.test', addresses: ['192.0.2.15'] })
    await world.settled(vm)
    expect(await servers.bind.dig.transfer(forward)).not.toEqual(before)
    await world.remove(vm)
    expect(await servers.bind.dig.transfer(forward)).toEqual(before)
    expect(await dig('15.2.0.192.in-addr.arpa', 'PTR')).toEqual([])
    await until('the zone counts none', async () => (await world.zoneNow(zone))?.status?.records === 0)
  })

  it('stay where a stranger was before, and say so, until the stranger goes', async () => {
    await servers.bind.byHand(forward, 'add taken.example.test. 120 A 198.51.100.1')
    const vm = await world.vm({ hostname: 'taken.example.test', addresses: ['192.0.2.16'] })
    expect(await world.settled(vm, 'RecordTaken')).toMatch(
      /A taken\.example\.test exists and was not made by the operator \(198\.51\.100\.1\)/,
    )
    expect(await dig('taken.example.test', 'A')).toEqual(['198.51.100.1'])
    expect(await dig('16.2.0.192.in-addr.arpa', 'PTR')).toEqual([])
    expect(world.events.map(({ reason }) => reason)).toContain('DNSConflict')
    await servers.bind.byHand(forward, 'delete taken.example.test. A')
    expect(await world.dns.synchronise(`${world.namespace}/${vm}`)).toEqual({ ok: true, message: '2 record sets are in DNS' })
    expect(await dig('16.2.0.192.in-addr.arpa', 'PTR')).toEqual(['taken.example.test'])
    await world.remove(vm)
  })

  it('of a stranger are taken over when the zone adopts', async () => {
    await world.editZone(zone, { spec: { adopt: true } })
    await servers.bind.byHand(forward, 'add adopted.example.test. 120 A 198.51.100.2')
    const vm = await world.vm({ hostname: 'adopted.example.test', addresses: ['192.0.2.17'] })
    await world.settled(vm)
    expect(await dig('adopted.example.test', 'A')).toEqual(['192.0.2.17'])
    await world.remove(vm)
    expect(await dig('adopted.example.test', 'A')).toEqual([])
  })

  it('of a former object are taken over with its guest, and go with the VM', async () => {
    const mark = '"pve.hosting/owner uid=0d0c1c1e-former"'
    await servers.bind.byHand(forward, 'add heir.example.test. 120 A 192.0.2.22')
    await servers.bind.byHand(forward, `add _pve-a.heir.example.test. 120 TXT ${mark}`)
    const vm = await world.vm({ hostname: 'heir.example.test', addresses: ['192.0.2.22'] })
    expect(await world.settled(vm, 'RecordTaken')).toMatch(/A heir\.example\.test belongs to another VM \(uid 0d0c1c1e-former\)/)
    const taken = { vmid: 10_000, fromUID: '0d0c1c1e-former', takenAt: '2026-11-26T10:00:00Z' }
    await world.status(vm, { adoption: taken })
    await world.settled(vm)
    const { metadata } = await world.now(vm)
    expect((await dig('_pve-a.heir.example.test', 'TXT')).join()).toContain(`uid=${metadata.uid}`)
    await world.remove(vm)
    expect(await dig('heir.example.test', 'A')).toEqual([])
    expect(await dig('_pve-a.heir.example.test', 'TXT')).toEqual([])
  })

  it('belong to the first of two VMs of one name, and to the second when the first goes', async () => {
    const first = await world.vm({ hostname: 'twice.example.test', addresses: ['192.0.2.18'] })
    await world.settled(first)
    const second = await world.vm({ hostname: 'twice.example.test', addresses: ['192.0.2.19'] })
    expect(await world.settled(second, 'RecordTaken')).toMatch(new RegExp(`belongs to ProxmoxVM ${world.namespace}/${first}`))
    expect(await dig('twice.example.test', 'A')).toEqual(['192.0.2.18'])
    await world.remove(first)
    await world.settled(second)
    expect(await dig('twice.example.test', 'A')).toEqual(['192.0.2.19'])
    await world.remove(second)
  })

  it('are none where no zone holds the names, and that is no error', async () => {
    const vm = await world.vm({ hostname: 'web.elsewhere.test', addresses: ['203.0.113.1'] })
    expect(await world.settled(vm, 'NoZone')).toBe('no zone for A of web.elsewhere.test, PTR of 203.0.113.1')
    expect(await world.condition(vm)).toMatchObject({ status: 'True' })
    await world.remove(vm)
  })

  it('lead an address to the name its entry gives, in the classless zone', async () => {
    await world.zone({ zone: classless, cidr: '198.51.100.64/26', ...(await onPowerDns()) })
    const spec = { addresses: [{ name: 'a0', poolRef: { name: 'pool' }, ptr: 'mail.customer.example' }] }
    const vm = await world.vm({ hostname: 'classless.example.test', addresses: ['198.51.100.70'], spec })
    await world.settled(vm)
    expect(await servers.pdnsDig.values(`70.${classless}`, 'PTR')).toEqual(['mail.customer.example'])
    await world.edit(vm, { spec: { addresses: [{ name: 'a0', poolRef: { name: 'pool' } }] } })
    await until(
      'it leads to the host name again',
      async () => (await servers.pdnsDig.values(`70.${classless}`, 'PTR')).join() === 'classless.example.test',
    )
    await world.remove(vm)
  })

  it('are not touched while the VM is paused, nor when it is orphaned', async () => {
    const vm = await world.vm({ hostname: 'calm.example.test', addresses: ['192.0.2.20'], spec: { deletionPolicy: 'Orphan' } })
    await world.settled(vm)
    await world.edit(vm, { metadata: { annotations: { 'pve.hosting/paused': 'true' } } })
    await world.status(vm, { hostname: 'calmer.example.test' })
    await until('the pause is known', async () => (await world.dns.synchronise(`${world.namespace}/${vm}`)).message === 'the VM is paused')
    expect(await dig('calm.example.test', 'A')).toEqual(['192.0.2.20'])
    await world.edit(vm, { metadata: { annotations: { 'pve.hosting/paused': null } } })
    await until('it is renamed', async () => (await dig('calmer.example.test', 'A')).length === 1)
    await world.settled(vm)
    await world.remove(vm)
    expect(await dig('calmer.example.test', 'A')).toEqual(['192.0.2.20'])
  })

  it('go where the zone allows the namespace, and stay when it does not any more', async () => {
    const vm = await world.vm({ hostname: 'allowed.example.test', addresses: ['192.0.2.21'] })
    await world.settled(vm)
    await world.editZone(zone, { spec: { allowedNamespaces: { from: 'Selector', selector: { matchLabels: { team: 'a' } } } } })
    await until('the edit is known', async () => (await world.zoneNow(zone))?.status?.observedGeneration === 2)
    const late = await world.vm({ hostname: 'late.example.test', addresses: ['203.0.113.2'] })
    expect(await world.settled(late, 'ZoneNotAllowed')).toMatch(/does not serve this namespace/)
    expect(await dig('allowed.example.test', 'A')).toEqual(['192.0.2.21'])
    await world.remove(late)
    await world.remove(vm)
  })
})

describeReal('two writers of one status', () => {
  it('each keep their part, however often both write', async () => {
    const world = await DnsWorld.start()
    try {
      await world.zone({ zone: 'elsewhere.test', externalDNS: { namespace: 'default' } })
      const vm = await world.vm({ hostname: 'w0.nowhere.test', addresses: ['203.0.113.9'] })
      await world.settled(vm, 'NoZone')
      for (let round = 1; round <= 10; round++)
        await world.status(vm, { hostname: `w${round}.nowhere.test`, remoteStatus: round % 2 ? 'running' : 'stopped' })
      await until('DNS has the last name', async () => (await world.condition(vm))?.message.includes('w10.nowhere.test'))
      const { status, metadata } = await world.now(vm)
      expect(status).toMatchObject({ hostname: 'w10.nowhere.test', remoteStatus: 'stopped', localStatus: 'ready', dns: { records: [] } })
      expect(status?.conditions?.map(({ type }) => type)).toEqual(['DNSSynced'])
      const managers = (metadata as { managedFields?: { manager: string; fieldsV1: object }[] }).managedFields ?? []
      const ours = JSON.stringify(managers.find(({ manager }) => manager === 'pve-operator-dns')?.fieldsV1)
      expect(ours).toMatch(/f:dns/)
      expect(ours).not.toMatch(/f:hostname|f:localStatus/)
      await world.remove(vm)
    } finally {
      await world.stop()
    }
  })
})
