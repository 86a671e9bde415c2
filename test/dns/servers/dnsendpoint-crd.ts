import type { KubeObject, Resource } from '../../../src/api/meta.ts'
import { dnsEndpoints } from '../../../src/dns/providers/external-dns.ts'
import type { KubeClient } from '../../../src/kube/client.ts'
import { until } from '../../support/until.ts'

interface Definition extends KubeObject {
  spec: unknown
}

const definitions: Resource<Definition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}

const text = (maxLength: number, more: object = {}): object => ({ type: 'string', maxLength, ...more })

/** What external-dns v0.20 and later judge of an endpoint: the form of the name, the types there are, PTR only below .arpa. */
const endpoint = {
  type: 'object',
  required: ['dnsName', 'recordType'],
  properties: {
    dnsName: text(254, {
      minLength: 1,
      pattern: '^(\\*\\.)?([a-zA-Z0-9_]([-a-zA-Z0-9_]{0,61}[a-zA-Z0-9_])?\\.)*[a-zA-Z0-9_]([-a-zA-Z0-9_]{0,61}[a-zA-Z0-9_])?\\.?$',
    }),
    recordType: { type: 'string', enum: ['A', 'AAAA', 'CNAME', 'MX', 'NS', 'PTR', 'SRV', 'TXT'] },
    recordTTL: { type: 'integer', format: 'int64', minimum: 0, maximum: 2_147_483_647 },
    targets: { type: 'array', maxItems: 1000, items: text(4096, { minLength: 1 }) },
    setIdentifier: text(255),
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    providerSpecific: {
      type: 'array',
      maxItems: 100,
      items: { type: 'object', required: ['name'], properties: { name: text(253, { minLength: 1 }), value: text(4096) } },
    },
  },
  'x-kubernetes-validations': [
    {
      rule: "self.recordType != 'PTR' || self.dnsName.lowerAscii().endsWith('.in-addr.arpa') || self.dnsName.lowerAscii().endsWith('.ip6.arpa')",
      message: 'PTR dnsName must be a reverse DNS name',
    },
  ],
}

/** Installs the kind as external-dns ships it, as far as endpoints go, and waits until it is served. */
export async function installDnsEndpoints(client: KubeClient): Promise<void> {
  const { group, plural, kind, version } = dnsEndpoints
  const schema = {
    type: 'object',
    properties: {
      spec: { type: 'object', properties: { endpoints: { type: 'array', maxItems: 1000, items: endpoint } } },
      status: { type: 'object', properties: { observedGeneration: { type: 'integer', format: 'int64' } } },
    },
  }
  await client.apply(definitions, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      // *.k8s.io is a protected group: the server wants to be told that it may be used.
      annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/external-dns/pull/2007' },
    },
    spec: {
      group,
      names: { kind, listKind: `${kind}List`, plural, singular: 'dnsendpoint' },
      scope: 'Namespaced',
      versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema: schema }, subresources: { status: {} } }],
    },
  })
  await until('DNSEndpoint is served', async () => (await client.list(dnsEndpoints, { namespace: 'default' })).length >= 0)
}
