import * as z from 'zod'
import { atomic, entryName, line, pveName, rule, rules, uniqueNames } from './fields.ts'

const address = (which: string) =>
  z
    .string()
    .max(512)
    .exactOptional()
    .meta({
      description: `${which}: an address, a CIDR, a range a-b, several of them separated by commas, an alias, or an IP set as +name. Absent = any.`,
      ...rule(
        "self.matches('^[A-Za-z0-9+:][A-Za-z0-9:./,+_-]*$')",
        'write addresses, CIDRs or ranges separated by commas and without spaces, an alias, or +ipset',
      ),
    })
/** Whether a list of addresses holds one of the family; aliases and IP sets have none that can be seen here. */
const hasV6 = (field: string) => `self.${field}.contains(':')`
const hasV4 = (field: string) => `self.${field}.matches('(^|,)[0-9]+[.][0-9]+[.][0-9]+[.][0-9]+(/[0-9]+)?(-[0-9.]+)?(,|$)')`
const mixed = 'PVE needs one family for each rule; write one rule for IPv4 and one for IPv6'
const oneFamily = [
  { rule: `!has(self.source) || !(${hasV6('source')} && ${hasV4('source')})`, message: `source: ${mixed}` },
  { rule: `!has(self.destination) || !(${hasV6('destination')} && ${hasV4('destination')})`, message: `destination: ${mixed}` },
  {
    rule:
      '!has(self.source) || !has(self.destination) || ' +
      `!(${hasV6('source')} && ${hasV4('destination')} || ${hasV4('source')} && ${hasV6('destination')})`,
    message: `source and destination are of different families: ${mixed}`,
  },
]

const ports = (which: string) =>
  z
    .string()
    .max(128)
    .exactOptional()
    .meta({
      description: `${which}: a number, a service name or a range a:b, at most 15 separated by commas. Needs a protocol that has ports. Absent = any.`,
      ...rule(
        "self.matches('^[a-z0-9][a-z0-9-]*(:[0-9]+)?(,[a-z0-9][a-z0-9-]*(:[0-9]+)?){0,14}$')",
        'write ports as "80,443" or "6000:6010"',
      ),
    })

const firewallRule = z
  .object({
    name: entryName('Name of the rule; an inline rule replaces the whole rule of that name in the VMPackage.'),
    enabled: z.boolean().exactOptional().describe('false switches the rule off, also an inherited one. Default true.'),
    direction: z.enum(['in', 'out']).describe('Traffic to the VM (in) or from it (out).'),
    action: z.enum(['ACCEPT', 'DROP', 'REJECT']).describe('ACCEPT lets it pass, DROP discards it silently, REJECT tells the sender.'),
    macro: pveName(
      64,
      'SSH',
      'A set of protocol and ports that PVE knows, such as SSH, HTTPS or Ping. Instead of protocol and ports.',
    ).exactOptional(),
    protocol: pveName(32, 'tcp', 'Protocol: tcp, udp, icmp, ipv6-icmp, gre, … by name or number.').exactOptional(),
    sourcePorts: ports('Ports of the sender'),
    destinationPorts: ports('Ports of the receiver'),
    source: address('Senders'),
    destination: address('Receivers'),
    comment: line(256, 'Text beside the rule in PVE, after the mark of the operator.').exactOptional(),
    log: z
      .enum(['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug', 'nolog'])
      .exactOptional()
      .describe('Level at which PVE logs matching packets. Default: not logged.'),
  })
  .meta(
    rules(
      {
        rule: '!has(self.macro) || !(has(self.protocol) || has(self.sourcePorts) || has(self.destinationPorts))',
        message: 'macro: write either macro, or protocol and ports',
      },
      {
        rule: "!(has(self.sourcePorts) || has(self.destinationPorts)) || (has(self.protocol) && self.protocol in ['tcp', 'udp', 'udplite', 'sctp', 'dccp'])",
        message: 'sourcePorts, destinationPorts: write protocol: tcp or udp beside them',
      },
      ...oneFamily,
    ),
  )
const policy = (which: string, fallback: string) =>
  z
    .enum(['ACCEPT', 'DROP', 'REJECT'])
    .exactOptional()
    .describe(`What happens to ${which} traffic that no rule matches. Default ${fallback}. Applied to a running VM at once.`)

export const firewall = z
  .object({
    enabled: z
      .boolean()
      .exactOptional()
      .describe('Whether PVE filters the traffic of the VM. Default false. Enforced only where the datacenter firewall of PVE is on.'),
    policyIn: policy('incoming', 'DROP'),
    policyOut: policy('outgoing', 'ACCEPT'),
    antiSpoofing: z
      .boolean()
      .exactOptional()
      .describe(
        'Whether the VM may send only from its allotted addresses (an IP set ipfilter-net0 with exactly these). Default false. Not with DHCP.',
      ),
    macFilter: z.boolean().exactOptional().describe('Whether the VM may send only from its own MAC address. Default true.'),
    rules: z
      .array(firewallRule)
      .max(64)
      .exactOptional()
      .meta({
        description:
          "Rules in order, the first match decides. Merged by name: the VMPackage's order first, then those only the VM has. Rules of others in PVE stay below those of the operator.",
        ...atomic,
        ...rules(uniqueNames('rules')),
      }),
  })
  .describe('The firewall of the VM in PVE.')
