import { afterAll, describe, expect, it } from '@jest/globals'
import type { DNSZone } from '../../src/api/dnszone.ts'
import { dnsZones } from '../../src/api/meta.ts'
import { freshName, testClient } from '../support/kube.ts'

const client = testClient()
afterAll(() => client.close())

const secret = { namespace: 'pve-system', name: 'dns' }
const powerDNS = { url: 'http://127.0.0.1:8081', apiKeySecretRef: secret }
const rfc2136 = { server: 'ns1.example.com', tsig: { name: 'pve-operator', secretRef: secret } }
const cloudflare = { tokenSecretRef: secret }
const externalDNS = { namespace: 'external-dns' }

const create = (spec: object): Promise<DNSZone> =>
  client.create(dnsZones, { apiVersion: 'pve.hosting/v1alpha1', kind: 'DNSZone', metadata: { name: freshName('zone') }, spec } as DNSZone, {
    dryRun: true,
  })
const refusal = async (spec: object): Promise<string> =>
  create(spec).then(
    () => 'accepted',
    (fault: unknown) => String(fault),
  )

describe('a DNSZone', () => {
  it.each<[string, object]>([
    ['PowerDNS', { zone: 'example.com', powerDNS }],
    [
      'PowerDNS by https with a CA and comments',
      {
        zone: 'example.com',
        ownership: 'Comment',
        powerDNS: { ...powerDNS, url: 'https://dns.example.com:8443/', tls: { caBundle: '-----BEGIN CERTIFICATE-----' } },
      },
    ],
    ['RFC 2136 with a port', { zone: '113.0.203.in-addr.arpa', rfc2136: { ...rfc2136, server: '192.0.2.53:5353' } }],
    ['RFC 2136 by IPv6', { zone: '8.b.d.0.1.0.0.2.ip6.arpa', rfc2136: { ...rfc2136, server: '[2001:db8::53]:53' } }],
    ['RFC 2136 by bare IPv6', { zone: 'example.com', rfc2136: { ...rfc2136, server: '2001:db8::53' } }],
    ['a classless zone', { zone: '64/26.100.51.198.in-addr.arpa', cidr: '198.51.100.64/26', rfc2136 }],
    ['a classless zone of any name', { zone: 'rev.customer.example', cidr: '198.51.100.64/29', rfc2136 }],
    ['a classless zone by a hyphen', { zone: '64-127.100.51.198.in-addr.arpa', cidr: '198.51.100.64/26', rfc2136 }],
    ['a zone with an underscore', { zone: '_msdcs.example.com', powerDNS }],
    ['Cloudflare with automatic TTL', { zone: 'xn--bcher-kva.example', ttl: 1, cloudflare }],
    ['external-dns', { zone: 'example.com', externalDNS }],
  ])('may be one of %s', async (_, spec) => {
    expect(await refusal(spec)).toBe('accepted')
  })

  it('has its defaults filled in', async () => {
    const { spec } = await create({ zone: 'example.com', powerDNS })
    expect(spec).toMatchObject({ ttl: 300, adopt: false, powerDNS: { serverID: 'localhost', apiKeySecretRef: { key: 'api-key' } } })
    expect((await create({ zone: 'example.com', rfc2136 })).spec.rfc2136?.tsig).toMatchObject({
      algorithm: 'hmac-sha256',
      secretRef: { key: 'tsig-secret' },
    })
  })

  it.each<[string, object, RegExp]>([
    ['no provider', { zone: 'example.com' }, /write exactly one of powerDNS, rfc2136, cloudflare and externalDNS/],
    ['two providers', { zone: 'example.com', powerDNS, rfc2136 }, /write exactly one of/],
    ['capitals', { zone: 'Example.com', powerDNS }, /zone: write the name in lower case/],
    ['a final dot', { zone: 'example.com.', powerDNS }, /without final dot/],
    ['a wildcard', { zone: '*.example.com', powerDNS }, /without final dot and wildcard/],
    ['no name', { zone: '', powerDNS }, /spec.zone/],
    ['an empty label', { zone: 'a..b', powerDNS }, /zone: write the name in lower case/],
    ['a space', { zone: 'example com', powerDNS }, /zone: write the name in lower case/],
    ['a long label', { zone: `${'a'.repeat(64)}.com`, powerDNS }, /zone: write the name in lower case/],
    ['a path in the url', { zone: 'example.com', powerDNS: { ...powerDNS, url: 'http://127.0.0.1:8081/api/v1' } }, /without \/api\/v1/],
    ['no url', { zone: 'example.com', powerDNS: { ...powerDNS, url: 'ns1.example.com' } }, /url: write the server's root/],
    ['a TTL of nothing', { zone: 'example.com', ttl: 0, powerDNS }, /ttl: write 30 to 604800 seconds/],
    ['automatic TTL elsewhere', { zone: 'example.com', ttl: 1, powerDNS }, /1 means automatic with cloudflare only/],
    ['a TTL Cloudflare refuses', { zone: 'example.com', ttl: 100_000, cloudflare }, /cloudflare takes 60 to 86400/],
    ['comments of BIND', { zone: 'example.com', ownership: 'Comment', rfc2136 }, /only powerDNS and cloudflare have comments/],
    ['TXT at Cloudflare', { zone: 'example.com', ownership: 'TXT', cloudflare }, /write Comment or None with cloudflare/],
    ['ownership for external-dns', { zone: 'example.com', ownership: 'None', externalDNS }, /leave it out with externalDNS/],
    [
      'a classless zone for external-dns',
      { zone: 'rev.example.com', cidr: '198.51.100.64/26', externalDNS },
      /does not support classless zones/,
    ],
    ['a cidr of a whole /16', { zone: 'rev.example.com', cidr: '198.51.0.0/16', rfc2136 }, /block of \/24 or smaller/],
    ['a cidr with host bits', { zone: 'rev.example.com', cidr: '198.51.100.65/26', rfc2136 }, /by its first address/],
    ['a cidr of IPv6', { zone: 'rev.example.com', cidr: '2001:db8::/64', rfc2136 }, /IPv4 block/],
    ['a server with a scheme', { zone: 'example.com', rfc2136: { ...rfc2136, server: 'tcp://ns1:53' } }, /server: write host, host:port/],
    [
      'an unknown algorithm',
      { zone: 'example.com', rfc2136: { ...rfc2136, tsig: { ...rfc2136.tsig, algorithm: 'hmac-md5' } } },
      /supported values/,
    ],
    ['a zone id that is none', { zone: 'example.com', cloudflare: { ...cloudflare, zoneID: 'example' } }, /32 hexadecimal digits/],
    [
      'two kinds of trust',
      { zone: 'example.com', powerDNS: { ...powerDNS, tls: { caBundle: '-----BEGIN CERTIFICATE-----', insecureSkipVerify: true } } },
      /one of caBundle and insecureSkipVerify/,
    ],
  ])('with %s is refused, and told what to write', async (_, spec, words) => {
    expect(await refusal(spec)).toMatch(words)
  })

  it('keeps its zone for life', async () => {
    const name = freshName('zone')
    await client.create(dnsZones, {
      apiVersion: 'pve.hosting/v1alpha1',
      kind: 'DNSZone',
      metadata: { name },
      spec: { zone: 'example.com', powerDNS },
    } as DNSZone)
    await expect(client.mergePatch(dnsZones, { name }, { spec: { zone: 'example.net' } })).rejects.toThrow(
      /zone: cannot change; create another DNSZone/,
    )
    await client.delete(dnsZones, { name })
  })
})
