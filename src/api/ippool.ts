import * as z from 'zod'
import {
  allowedNamespaces,
  atomic,
  dnsName,
  duration,
  ipAddress,
  line,
  listMap,
  nameReference,
  objectName,
  pveName,
  rule,
  rules,
  vlan,
} from './fields.ts'
import { defaultScope } from './group.ts'
import { conditions, type KubeObject, observedGeneration } from './object.ts'

/** Four octets as one number, twice: the two ends of an IPv4 range written a-b. */
const v4InOrder =
  "!self.matches('^[0-9.]+-[0-9.]+$') || [self.findAll('[0-9]+').map(o, int(o))].all(o, o.size() != 8 || " +
  'o[0]*16777216 + o[1]*65536 + o[2]*256 + o[3] <= o[4]*16777216 + o[5]*65536 + o[6]*256 + o[7])'

const range = z
  .string()
  .max(91)
  .meta(
    rules(
      {
        rule: "isIP(self) || isCIDR(self) || (self.split('-').size() == 2 && self.split('-').all(e, isIP(e)))",
        message: 'write one address, a CIDR or a range first-last: 203.0.113.10, 203.0.113.128/26 or 203.0.113.10-203.0.113.99',
      },
      {
        rule: v4InOrder,
        message: 'the end of the range is before its start; write it as lowest-highest, such as 203.0.113.10-203.0.113.99',
      },
    ),
  )

const reservation = z.object({
  address: ipAddress('The reserved address.'),
  for: z
    .object({ namespace: objectName('Namespace of the ProxmoxVM.'), name: objectName('Name of the ProxmoxVM.') })
    .describe('The only ProxmoxVM that gets the address; it need not exist yet. It must ask for the address by name.'),
  comment: line(256, 'The reason, for people.').exactOptional(),
})

const network = z.object({
  bridge: pveName(15, 'vmbr0', 'Bridge or VNet of PVE on which the addresses live.').exactOptional(),
  vlan: vlan('VLAN tag, 1 to 4094; 0 = untagged.').exactOptional(),
})

export const ipPoolSpec = z
  .object({
    ranges: z
      .array(range)
      .min(1)
      .max(64)
      .meta({
        description:
          'Addresses that the pool may allocate, of one family: CIDRs, ranges first-last and single addresses. The pool never allocates gateway, network and broadcast address. When you shrink it, VMs keep the addresses they have.',
        ...atomic,
        ...rule(
          "self.all(r, r.contains(':')) || self.all(r, !r.contains(':'))",
          'ranges: write one family for each pool; create a second IPPool for the other',
        ),
      }),
    exclude: z
      .array(range)
      .max(256)
      .exactOptional()
      .meta({ description: 'Addresses that the pool never allocates, written like ranges.', ...atomic }),
    prefixLength: z
      .int()
      .min(1)
      .max(128)
      .describe(
        'Length of the prefix the guest gets with its address: 24 is the netmask 255.255.255.0, 32 (IPv6: 128) a routed single address.',
      ),
    gateway: ipAddress(
      'Default route of the guests. Inside the prefix of the ranges, an IPv6 link-local address, or with prefixLength 32 or 128 (routed single addresses) any address of the network. Absent = the guests get none.',
    ).exactOptional(),
    nameservers: z
      .array(ipAddress('A name server.'))
      .max(8)
      .exactOptional()
      .meta({ description: 'Name servers of the guests, of either family. cloudInit.nameservers replaces them.', ...atomic }),
    searchDomain: dnsName('searchDomain', 'Search domain of the guests. cloudInit.searchDomain replaces it.').exactOptional(),
    network: network.exactOptional().describe('The network of the addresses, used when the package names none.'),
    clusterRefs: z
      .array(nameReference('ProxmoxCluster', 'A ProxmoxCluster the pool serves.'))
      .min(1)
      .max(64)
      .exactOptional()
      .meta({ description: 'The ProxmoxClusters whose VMs may have addresses of this pool. Absent = all.', ...listMap('name') }),
    scope: z
      .string()
      .max(63)
      .default(defaultScope)
      .meta({
        description:
          'Uniqueness domain: no address is allocated twice in one scope, even if several pools have it. Set once. Pools of separate networks with the same addresses need different scopes.',
        ...rule("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')", 'scope: write a DNS label such as site-a'),
      }),
    reservations: z
      .array(reservation)
      .max(256)
      .exactOptional()
      .meta({ description: 'Addresses reserved for one ProxmoxVM each.', ...listMap('address') }),
    reuseAfter: duration('0s', '1h', 'How long a released address stays unused before the pool allocates it again. 0s = at once.'),
    keepRecords: duration('8760h', '8760h', 'How long the record of former holders is kept after the release (8760h is a year).'),
    pick: z
      .enum(['LeastRecentlyReleased', 'Sequential'])
      .default('LeastRecentlyReleased')
      .describe(
        'Which free address is next. LeastRecentlyReleased: one never used, else the one released longest ago. Sequential: the lowest.',
      ),
    allowedNamespaces: allowedNamespaces.exactOptional(),
  })
  .meta({
    description: 'Addresses of one family and their network settings.',
    ...rules(
      {
        rule: "!has(self.exclude) || self.exclude.all(e, e.contains(':') == self.ranges[0].contains(':'))",
        message: 'exclude: write addresses of the family of ranges',
      },
      {
        rule: "!has(self.gateway) || self.gateway.contains(':') == self.ranges[0].contains(':')",
        message: 'gateway: write an address of the family of ranges',
      },
      { rule: "self.ranges[0].contains(':') || self.prefixLength <= 32", message: 'prefixLength: write 1 to 32 for IPv4' },
      {
        rule: "!has(self.reservations) || self.reservations.all(r, r.address.contains(':') == self.ranges[0].contains(':'))",
        message: 'reservations: write addresses of the family of ranges',
      },
      { rule: 'self.scope == oldSelf.scope', message: 'scope: cannot change; create another IPPool' },
      {
        rule: "self.ranges[0].contains(':') == oldSelf.ranges[0].contains(':')",
        message: 'ranges: the family cannot change; create a second IPPool for the other',
      },
    ),
  })
export type IPPoolSpec = z.infer<typeof ipPoolSpec>

const count = (description: string) => z.string().max(40).exactOptional().describe(`${description} A string: IPv6 numbers exceed 64 bits.`)

export const ipPoolStatus = z
  .object({
    observedGeneration: observedGeneration.exactOptional(),
    total: count('Addresses the pool may allocate, including reserved ones.'),
    allocated: count('Addresses held, orphaned ones and those being released included.'),
    releasing: count('Addresses that their VM no longer asks for and its guest may still use. Held until the guest is started from off.'),
    free: count('Addresses the next VM could get.'),
    cooling: count('Released addresses that wait until reuseAfter has passed.'),
    inUse: count('Addresses that guests in PVE without a ProxmoxVM use; no VM gets them.'),
    reserved: count('Addresses reserved for one ProxmoxVM that does not hold them yet.'),
    conditions: conditions.exactOptional(),
  })
  .describe('The state. Written by the operator.')
export type IPPoolStatus = z.infer<typeof ipPoolStatus>

export interface IPPool extends KubeObject {
  spec: IPPoolSpec
  status?: IPPoolStatus
}
