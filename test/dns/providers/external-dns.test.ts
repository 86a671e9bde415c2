import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { dnsEndpoints, ExternalDns, objectNameOf } from '../../../src/dns/providers/external-dns.ts'
import { KubeClient } from '../../../src/kube/client.ts'
import { systemClock } from '../../../src/ops/clock.ts'
import { freshNamespace, testClient } from '../../support/kube.ts'
import { type Bench, dnsProviderContract } from './contract.ts'
import { installDnsEndpoints } from '../servers/dnsendpoint-crd.ts'
import { forward, mine, reverse4, see, set, write } from '../servers/zones.ts'

async function bench(): Promise<Bench> {
  const client = testClient()
  await installDnsEndpoints(client)
  const namespace = await freshNamespace(client)
  const stranger = testClient({ as: { user: 'nobody', groups: ['system:authenticated'] } })
  const nowhere = new KubeClient({ server: { url: 'http://127.0.0.1:9' }, clock: systemClock, fieldManager: 'test' })
  const all = async (): Promise<string[]> =>
    (await client.list(dnsEndpoints, { namespace }))
      .flatMap((object) => object.spec?.endpoints ?? [])
      .map((each) => `${each.dnsName} ${each.recordTTL} IN ${each.recordType} ${each.targets?.join(' ')}`)
      .toSorted()
  return {
    provider: (zone, o) => new ExternalDns({ zone, namespace, client: o?.credentials ? stranger : client }),
    nowhere: () => new ExternalDns({ zone: forward, namespace, client: nowhere }),
    values: async (_, name, type) => {
      const object = await client.get(dnsEndpoints, { namespace, name: `${type.toLowerCase()}-${name}` })
      return (object?.spec?.endpoints?.[0]?.targets ?? []).toSorted()
    },
    byHand: async (_, name, type, ttl, value) => {
      const spec = { endpoints: [{ dnsName: name, recordType: type, recordTTL: ttl, targets: [value] }] }
      await client.create(dnsEndpoints, {
        apiVersion: 'externaldns.k8s.io/v1alpha1',
        kind: 'DNSEndpoint',
        metadata: { name: `${type.toLowerCase()}-${name}`, namespace },
        spec,
      })
    },
    all,
    stop: async () => {
      await Promise.all([client.close(), stranger.close(), nowhere.close()])
    },
  }
}

dnsProviderContract('externalDNS', bench, {
  ownership: 'Comment',
  skip: [
    { reason: 'external-dns knows no names with a slash', claims: ['a PTR is made in a classless zone'] },
    {
      reason: 'what stands beside an object in the zone itself is judged by external-dns',
      claims: [
        'nothing is put beside a CNAME, and the answer says so',
        'what a wildcard makes up is no record',
        'one impossible record does not hold up the others',
      ],
    },
    {
      reason: 'the mark is always there: it is how external-dns objects of ours are known',
      claims: ['without ownership no mark is written'],
    },
    {
      reason: 'the operator never looks at zones here, so it cannot know that one is missing',
      claims: ['a zone that is not there is told'],
    },
    {
      reason: 'the mark is on the object itself, which the claim before covers',
      claims: ['a record another VM took after the look is not deleted'],
    },
  ],
})

describe('externalDNS', () => {
  const client = testClient()
  let namespace: string
  beforeAll(async () => {
    await installDnsEndpoints(client)
    namespace = await freshNamespace(client)
  })
  afterAll(() => client.close())

  it('keeps what others have added to its object: labels, annotations, their own hints', async () => {
    const provider = new ExternalDns({ zone: forward, namespace, client })
    const want = set('kept.example.test', 'A', ['192.0.2.1'])
    await write(provider, want)
    await client.mergePatch(dnsEndpoints, { namespace, name: objectNameOf(want) }, { metadata: { labels: { team: 'a' } } })
    expect(await write(provider, set(want.name, 'A', ['192.0.2.2']))).toEqual({ is: 'done' })
    const object = await client.get(dnsEndpoints, { namespace, name: objectNameOf(want) })
    expect(object?.metadata.labels).toEqual({ team: 'a', 'app.kubernetes.io/managed-by': 'pve-operator' })
    expect(await see(provider, want)).toMatchObject({ owner: mine, values: ['192.0.2.2'] })
  })

  it('does not delete an object that was changed after the look', async () => {
    const provider = new ExternalDns({ zone: reverse4, namespace, client })
    const want = set('5.2.0.192.in-addr.arpa', 'PTR', ['web.example.test'])
    await write(provider, want)
    const seen = await see(provider, want)
    await client.mergePatch(dnsEndpoints, { namespace, name: objectNameOf(want) }, { metadata: { labels: { team: 'b' } } })
    expect(await provider.apply([{ seen, uid: mine }])).toEqual([{ is: 'taken', why: expect.any(String) }])
  })

  it('gives names too long for an object a name all the same', () => {
    const long = { name: `${'a'.repeat(60)}.`.repeat(4).concat('example.test'), type: 'AAAA' as const }
    expect(objectNameOf(long)).toMatch(/^aaaa-[0-9a-f]{64}$/)
    expect(objectNameOf({ name: 'web.example.test', type: 'A' })).toBe('a-web.example.test')
  })

  it('that is not installed is told by its name', async () => {
    const absent = new ExternalDns({ zone: forward, namespace: 'no-such-namespace', client: strippedOfKind(client) })
    await expect(absent.probe()).rejects.toMatchObject({ kind: 'wrong-zone', message: expect.stringMatching(/install the CRD/) })
  })
})

/** The same server, asked for a kind nobody has installed. */
function strippedOfKind(client: KubeClient): KubeClient {
  const list: KubeClient['list'] = (resource, o) => client.list({ ...resource, plural: 'absentendpoints' }, o)
  return Object.assign(Object.create(client) as KubeClient, { list })
}
