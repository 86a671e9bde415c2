import * as z from 'zod'
import { allowedNamespaces, atomic, objectName, rule, rules } from './fields.ts'
import { conditions, type KubeObject, observedGeneration } from './object.ts'
import { mostRecords } from './vm-dns.ts'

const secretKey = (what: string, key: string) =>
  z
    .object({
      namespace: objectName('Namespace of the Secret.'),
      name: objectName('Name of the Secret.'),
      key: z
        .string()
        .min(1)
        .max(253)
        .default(key)
        .meta({
          description: 'Key of the Secret.',
          ...rule("self.matches('^[-._a-zA-Z0-9]+$')", `write a key of the Secret, such as ${key}`),
        }),
    })
    .describe(what)

const powerDNS = z
  .object({
    url: z
      .string()
      .max(512)
      .meta({
        description:
          "Root of the server's HTTP API, such as http://127.0.0.1:8081; /api/v1 is added. With http the key crosses the network in clear.",
        ...rule(
          "isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHostname() != '' && url(self).getQuery().size() == 0 && !self.contains('/api/v1')",
          "url: write the server's root, such as http://127.0.0.1:8081, without /api/v1",
        ),
      }),
    serverID: z
      .string()
      .min(1)
      .max(63)
      .default('localhost')
      .meta({
        description: 'Name of the server in its own API.',
        ...rule("self.matches('^[A-Za-z0-9._-]+$')", 'serverID: write a name such as localhost'),
      }),
    apiKeySecretRef: secretKey('Where the api-key of the server is.', 'api-key'),
    tls: z
      .object({
        caBundle: z
          .string()
          .max(65_536)
          .exactOptional()
          .meta({
            description: 'PEM certificates of the authority that signed that of the server.',
            ...rule(
              "self.startsWith('-----BEGIN CERTIFICATE-----')",
              'caBundle: write PEM text that begins with -----BEGIN CERTIFICATE-----',
            ),
          }),
        insecureSkipVerify: z
          .boolean()
          .exactOptional()
          .describe('true: any certificate is accepted, so somebody in the network path can read the key.'),
      })
      .exactOptional()
      .meta({
        description: 'What certificates are trusted. Absent = those signed by an authority the operator knows.',
        ...rule(
          '!(has(self.caBundle) && has(self.insecureSkipVerify) && self.insecureSkipVerify)',
          'tls: write one of caBundle and insecureSkipVerify',
        ),
      }),
  })
  .describe('PowerDNS Authoritative by its HTTP API.')

const rfc2136 = z
  .object({
    server: z
      .string()
      .min(1)
      .max(260)
      .meta({
        description: 'The primary server of the zone: host, host:port or [IPv6]:port; port 53 unless given. TCP is used.',
        ...rule(
          "self.matches('^([A-Za-z0-9.-]+(:[0-9]{1,5})?|\\\\[[0-9A-Fa-f:.]+\\\\](:[0-9]{1,5})?|[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)$')",
          'server: write host, host:port or [IPv6]:port, such as ns1.example.com:53',
        ),
      }),
    tsig: z
      .object({
        name: z
          .string()
          .min(1)
          .max(253)
          .meta({
            description: "Name of the key in the server's configuration.",
            ...rule(
              "self.matches('^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$')",
              'tsig.name: write the name of the key without final dot',
            ),
          }),
        algorithm: z.enum(['hmac-sha256', 'hmac-sha384', 'hmac-sha512']).default('hmac-sha256').describe('Algorithm of the key.'),
        secretRef: secretKey("Where the key's secret is, in base64 as the server's configuration has it.", 'tsig-secret'),
      })
      .describe('The key that signs. The operator never sends requests without a signature and never accepts replies without one.'),
  })
  .describe('DNS UPDATE (RFC 2136) with TSIG: BIND, Knot, PowerDNS and others.')

const cloudflare = z
  .object({
    zoneID: z
      .string()
      .max(32)
      .exactOptional()
      .meta({
        description: 'Id of the zone. Absent = found by its name, for which the token needs Zone - Zone - Read.',
        ...rule("self.matches('^[0-9a-f]{32}$')", 'zoneID: write the 32 hexadecimal digits of the overview page'),
      }),
    tokenSecretRef: secretKey('Where the API token is; it needs Zone - DNS - Edit for this zone.', 'token'),
  })
  .describe('Cloudflare by its API v4. Records are never proxied.')

const externalDNS = z
  .object({
    namespace: objectName('Namespace the DNSEndpoint objects are written to; external-dns must watch it with --source=crd.'),
  })
  .describe('external-dns writes the records, from DNSEndpoint objects. The operator cannot know whether a record is in DNS.')

export const dnsZoneSpec = z
  .object({
    zone: z
      .string()
      .min(1)
      .max(253)
      .meta({
        description:
          'Name of the zone, in lower case and without final dot: vps.example.com, 113.0.203.in-addr.arpa, 8.b.d.0.1.0.0.2.ip6.arpa, 64/26.100.51.198.in-addr.arpa. Set once. A record goes to the longest zone that holds its name.',
        ...rules(
          {
            rule: "self.matches('^[a-z0-9_]([a-z0-9_/-]*[a-z0-9_])?([.][a-z0-9_]([a-z0-9_/-]*[a-z0-9_])?)*$') && self.split('.').all(l, l.size() <= 63)",
            message: 'zone: write the name in lower case, without final dot and wildcard; IDN as xn--',
          },
          { rule: 'self == oldSelf', message: 'zone: cannot change; create another DNSZone' },
        ),
      }),
    cidr: z
      .string()
      .max(18)
      .exactOptional()
      .meta({
        description:
          'Only for a classless reverse zone (RFC 2317): the addresses whose PTR records are in it, such as 198.51.100.64/26. They are found by address, whatever the zone is called; the parent zone has the CNAMEs.',
        ...rule(
          'isCIDR(self) && cidr(self).ip().family() == 4 && cidr(self).prefixLength() >= 24 && cidr(self) == cidr(self).masked()',
          'cidr: write an IPv4 block of /24 or smaller by its first address, such as 198.51.100.64/26',
        ),
      }),
    ttl: z
      .int()
      .default(300)
      .meta({
        description: 'Time to live of the records, in seconds. 1 = automatic, with Cloudflare only.',
        format: 'int32',
        ...rule('self == 1 || (self >= 30 && self <= 604800)', 'ttl: write 30 to 604800 seconds'),
      }),
    powerDNS: powerDNS.exactOptional(),
    rfc2136: rfc2136.exactOptional(),
    cloudflare: cloudflare.exactOptional(),
    externalDNS: externalDNS.exactOptional(),
    ownership: z
      .enum(['TXT', 'Comment', 'None'])
      .exactOptional()
      .describe(
        'How the operator marks its records; it never changes or deletes records without the mark. TXT: a TXT record _pve-<type>.<name> beside each. Comment: a comment at the provider (PowerDNS, Cloudflare). None: no marks, every record under a name of a VM counts as one of the operator. Default: TXT; Comment with Cloudflare.',
      ),
    adopt: z
      .boolean()
      .default(false)
      .describe(
        'true: the operator takes over a record without any mark under a name of a VM, and deletes it with the VM. It never takes over records with another mark.',
      ),
    allowedNamespaces: allowedNamespaces.exactOptional(),
  })
  .meta({
    description:
      'A forward or reverse zone and the one server that serves it. If you change the server, the records on the old one stay there: create another DNSZone instead.',
    ...rules(
      {
        rule: '[has(self.powerDNS), has(self.rfc2136), has(self.cloudflare), has(self.externalDNS)].filter(x, x).size() == 1',
        message: 'write exactly one of powerDNS, rfc2136, cloudflare and externalDNS',
      },
      {
        rule: "!has(self.ownership) || self.ownership != 'Comment' || has(self.powerDNS) || has(self.cloudflare)",
        message: 'ownership: only powerDNS and cloudflare have comments; write TXT or None',
      },
      {
        rule: "!has(self.ownership) || self.ownership != 'TXT' || !has(self.cloudflare)",
        message: 'ownership: write Comment or None with cloudflare',
      },
      {
        rule: '!has(self.externalDNS) || !has(self.ownership)',
        message: 'ownership: leave it out with externalDNS, whose objects are marked themselves',
      },
      { rule: '!has(self.externalDNS) || !has(self.cidr)', message: 'cidr: external-dns does not support classless zones' },
      { rule: 'self.ttl != 1 || has(self.cloudflare)', message: 'ttl: 1 means automatic with cloudflare only' },
      {
        rule: '!has(self.cloudflare) || self.ttl == 1 || self.ttl <= 86400',
        message: 'ttl: cloudflare takes 60 to 86400 seconds, or 1 for automatic',
      },
    ),
  })
export type DNSZoneSpec = z.infer<typeof dnsZoneSpec>

const orphan = z.object({
  vm: z.string().max(317).describe('The deleted ProxmoxVM, as namespace/name.'),
  uid: z.string().max(64).describe('Its uid, which the marks name.'),
  since: z.string().max(64).meta({ description: 'When it was deleted.', format: 'date-time' }),
  records: z
    .array(
      z.object({
        name: z.string().max(253).describe('Name of the record.'),
        type: z.string().max(8).describe('A, AAAA or PTR.'),
        values: z
          .array(z.string().max(253))
          .max(16)
          .meta({ description: 'What was written last.', ...atomic }),
      }),
    )
    .max(mostRecords)
    .meta({ description: 'The records still to be removed.', ...atomic }),
})
export type Orphan = z.infer<typeof orphan>

/** Orphans a status holds; a VM whose records do not fit waits with its deletion, so that nothing is forgotten. */
export const mostOrphans = 2000

export const dnsZoneStatus = z
  .object({
    observedGeneration: observedGeneration.exactOptional(),
    provider: z.string().max(16).exactOptional().describe('powerDNS, rfc2136, cloudflare or externalDNS.'),
    serial: z.int().exactOptional().describe('Serial of the zone at the last check, where the server tells.'),
    checkedAt: z
      .string()
      .max(64)
      .exactOptional()
      .meta({ description: 'When the server was last asked; written at least hourly.', format: 'date-time' }),
    records: z.int().exactOptional().describe('Record sets of VMs in this zone.'),
    orphans: z
      .array(orphan)
      .max(mostOrphans)
      .exactOptional()
      .meta({
        description: 'Records of deleted VMs that the server did not remove in time. The operator retries until they are removed.',
        ...atomic,
      }),
    conditions: conditions.exactOptional(),
  })
  .describe('The state. Written by the operator.')
export type DNSZoneStatus = z.infer<typeof dnsZoneStatus>

export interface DNSZone extends KubeObject {
  spec: DNSZoneSpec
  status?: DNSZoneStatus
}
