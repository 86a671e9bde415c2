/** Bad manifests: what is changed in a good one, and the sentence of the API server that says what to write instead. */
import type { Fields, Kind } from './manifests.ts'
import { grantRefusals } from './package-refusals.ts'

export interface Refusal {
  what: string
  kind: Kind
  /** Laid over the spec of the good manifest. */
  change: Fields
  says: string
}

const vm = (what: string, change: Fields, says: string): Refusal => ({ what, kind: 'ProxmoxVM', change, says })
const pool = (what: string, change: Fields, says: string): Refusal => ({ what, kind: 'IPPool', change, says })
const pack = (what: string, change: Fields, says: string): Refusal => ({ what, kind: 'VMPackage', change, says })
const cluster = (what: string, change: Fields, says: string): Refusal => ({ what, kind: 'ProxmoxCluster', change, says })
const command = (what: string, change: Fields, says: string): Refusal => ({ what, kind: 'ProxmoxVMCommand', change, says })

const address = { name: 'main', poolRef: { name: 'public-v4' } }
const rule = { name: 'ssh', direction: 'in', action: 'ACCEPT' }
const size = 'write 0 or a whole number of MiB, at least'

const rulesOf = (ends: Fields): Fields => ({ firewall: { rules: [{ ...rule, ...ends }] } })
const mixedFamilies = [
  { source: '192.0.2.0/24,2001:db8::/32', says: 'source: PVE needs one family for each rule; write one rule for IPv4 and one for IPv6' },
  { destination: 'office,::1,10.0.0.1-10.0.0.9', says: 'destination: PVE needs one family for each rule' },
  { source: '192.0.2.1', destination: '2001:db8::1', says: 'source and destination are of different families' },
]

const vms = [
  vm('two template selectors', { template: { tag: 'debian' } }, 'template: write exactly one of name, vmid, tag and backupRef'),
  vm('no template selector', { template: { name: null } }, 'template: write exactly one of name, vmid, tag and backupRef'),
  vm('no template', { template: null }, 'spec.template: Required value'),
  vm('no cluster', { clusterRef: null }, 'spec.clusterRef: Required value'),
  vm('storage with a linked clone', { template: { clone: 'Linked', storage: 'local-lvm' } }, 'leave storage out or write clone: Full'),
  vm('neither package nor packageRef', { packageRef: null }, 'write packageRef, package, or both'),
  vm('VLAN 4095', { package: { network: { vlan: 4095 } } }, 'vlan: write 1 to 4094, or 0 for untagged'),
  vm('a negative VLAN', { package: { network: { vlan: -1 } } }, 'vlan: write 1 to 4094, or 0 for untagged'),
  vm('an address that is none', { addresses: [{ ...address, address: '203.0.113.256' }] }, 'write one IP address, such as 203.0.113.10'),
  vm('an address with a prefix', { addresses: [{ ...address, address: '203.0.113.10/24' }] }, 'write one IP address, such as 203.0.113.10'),
  vm('a nameserver that is none', { cloudInit: { nameservers: ['dns.example.com'] } }, 'write one IP address, such as 203.0.113.10'),
  vm('a hostname with a comma', { hostname: 'web1,ip=203.0.113.9' }, 'hostname: a lowercase RFC 1123 subdomain must consist of'),
  vm('a hostname in capitals', { hostname: 'Web1.example.com' }, 'hostname: a lowercase RFC 1123 subdomain must consist of'),
  vm('a hostname with a label of 64', { hostname: `${'a'.repeat(64)}.example.com` }, 'hostname: write labels of at most 63 characters'),
  ...['0123', 'on', 'null', '0x1f', '80', '12.50', '2026-01-02', 'off.example.com', '0123.example.com'].map((hostname) =>
    vm(`a hostname of ${hostname}`, { hostname }, 'hostname: cloud-init reads this as a number, date or word'),
  ),
  ...['on', 'NULL'].map((user) => vm(`a user ${user}`, { cloudInit: { user } }, 'user: cloud-init reads this word as true')),
  ...mixedFamilies.map(({ says, ...ends }) =>
    vm(`a firewall rule from ${ends.source ?? 'anywhere'} to ${ends.destination ?? 'anywhere'}`, { package: rulesOf(ends) }, says),
  ),
  vm('duplicate names of addresses', { addresses: [address, address] }, 'addresses: give each entry a name of its own'),
  vm('nine addresses', { addresses: Array.from({ length: 9 }, (_, i) => ({ ...address, name: `a${i}` })) }, 'must have at most 8 items'),
  vm('an unknown clone', { template: { clone: 'Copy' } }, 'supported values: "Full", "Linked"'),
  vm('an unknown runStrategy', { runStrategy: 'Sometimes' }, 'supported values: "Once", "Always", "Halted"'),
  vm('an unknown deletionPolicy', { deletionPolicy: 'Keep' }, 'supported values: "Terminate", "Remove", "Orphan"'),
  vm(
    'a password in two ways',
    { cloudInit: { generatePassword: true, passwordSecretRef: { name: 'p', key: 'k' } } },
    'either passwordSecretRef or generatePassword: true',
  ),
  vm(
    'a user that is no login',
    { cloudInit: { user: 'Admin User' } },
    'user: write a login of letters, digits, _, - and ., such as admin or Administrator',
  ),
  vm(
    'an SSH key of two lines',
    { cloudInit: { sshAuthorizedKeys: ['ssh-ed25519 AAAA\nssh-rsa BBBB'] } },
    'write a public key as in authorized_keys',
  ),
  vm('an SSH key twice', { cloudInit: { sshAuthorizedKeys: ['ssh-ed25519 AAAA', 'ssh-ed25519 AAAA'] } }, 'Duplicate value'),
  vm('a VMID below 100', { vmid: 99 }, 'vmid: write a number from 100 to 999999999'),
  vm('a duration without unit', { shutdownTimeout: '90' }, 'write a duration of at least 0s, such as 90s'),
  vm('a negative duration', { shutdownTimeout: '-90s' }, 'write a duration of at least 0s, such as 90s'),
  vm('an unknown field', { cores: 4 }, 'unknown field "spec.cores"'),
  vm('a node with an option behind it', { placement: { node: 'pve1,x=1' } }, 'write a name as PVE shows it, such as pve1'),
  vm('a reference that is no name', { packageRef: { name: 'VPS S' } }, 'write the name of an object'),
  vm(
    'two suspensions of one holder',
    { suspensions: ['a', 'b'].map((reason) => ({ by: 'billing', reason })) },
    'spec.suspensions[1]: Duplicate value: {"by":"billing"}',
  ),
  vm('a suspension without holder', { suspensions: [{ reason: 'overdue' }] }, 'spec.suspensions[0].by: Required value'),
  vm('a suspension without reason', { suspensions: [{ by: 'billing' }] }, 'spec.suspensions[0].reason: Required value'),
  vm('a holder in capitals', { suspensions: [{ by: 'Billing', reason: 'overdue' }] }, 'write a name of lowercase letters, digits and -'),
  vm('a reason of two lines', { suspensions: [{ by: 'billing', reason: 'a\nb' }] }, 'write it on one line, without control characters'),
  vm(
    'seventeen suspensions',
    { suspensions: Array.from({ length: 17 }, (_, i) => ({ by: `h${i}`, reason: 'overdue' })) },
    'must have at most 16 items',
  ),
  vm('a reinstall without requestID', { reinstall: {} }, 'spec.reinstall.requestID: Required value'),
  vm('a requestID of 129 characters', { reinstall: { requestID: 'a'.repeat(129) } }, 'Too long: may not be more than 128'),
  vm(
    'a reinstall from two templates',
    { reinstall: { requestID: '1', template: { name: 'a', vmid: 9000 } } },
    'template: write exactly one of name, vmid and tag',
  ),
  vm('an inline size that is not whole MiB', { package: { memory: { size: '1500Ki' } } }, `${size} 16Mi, such as 4Gi`),
]

const packages = [
  pack('a negative memory size', { memory: { size: '-1Gi' } }, `${size} 16Mi, such as 4Gi`),
  pack('a memory size without unit', { memory: { size: 4096 } }, `${size} 16Mi, such as 4Gi`),
  pack('a memory size of millibytes', { memory: { size: '100m' } }, `${size} 16Mi, such as 4Gi`),
  pack('a memory below 16Mi', { memory: { size: '8Mi' } }, `${size} 16Mi, such as 4Gi`),
  pack('a memory size that is no quantity', { memory: { size: 'much' } }, `${size} 16Mi, such as 4Gi`),
  pack('a minimum above the size', { memory: { size: '1Gi', minimum: '2Gi' } }, 'minimum: write at most the size'),
  pack('a disk that is not whole MiB', { systemDisk: { size: '2097153Ki' } }, `${size} 1Gi, such as 20Gi`),
  pack('a disk below 1Gi', { additionalDisks: [{ name: 'data', size: '512Mi' }] }, `${size} 1Gi, such as 20Gi`),
  pack('duplicate names of disks', { additionalDisks: [{ name: 'data' }, { name: 'data' }] }, 'Duplicate value'),
  pack('a disk called system', { additionalDisks: [{ name: 'system' }] }, '"system" is the system disk'),
  pack('a negative limit', { systemDisk: { bandwidth: { readMiBps: -1 } } }, 'should be greater than or equal to 0'),
  pack('a negative cpu limit', { cpu: { limit: '-0.5' } }, 'limit: write cores of host time from 0 (unlimited) to 128'),
  pack('a cpu limit above 128', { cpu: { limit: 129 } }, 'limit: write cores of host time from 0 (unlimited) to 128'),
  pack('no cores', { cpu: { cores: 0 } }, 'should be greater than or equal to 1'),
  pack('a cpu type with options', { cpu: { type: 'host,flags=+aes' } }, 'write a name as PVE shows it, such as x86-64-v2-AES or host'),
  pack(
    'a burst without its base',
    { systemDisk: { bandwidth: { readMiBpsBurst: 100 } } },
    'a burst needs its base; write readMiBps beside it',
  ),
  pack('a burst over an unlimited base', { systemDisk: { bandwidth: { writeIOPS: 0, writeIOPSBurst: 9 } } }, 'write writeIOPS beside it'),
  pack(
    'a burst without its base on a further disk',
    { additionalDisks: [{ name: 'data', bandwidth: { readIOPSBurst: 9 } }] },
    'write readIOPS beside it',
  ),
  pack('a bridge with options', { network: { bridge: 'vmbr0,tag=5' } }, 'write a name as PVE shows it, such as vmbr0'),
  pack('an unknown model', { network: { model: 'ne2000' } }, 'supported values: "virtio"'),
  pack('an mtu without virtio', { network: { model: 'e1000', mtu: 1400 } }, 'mtu: write model: virtio'),
  pack('duplicate names of rules', { firewall: { rules: [rule, rule] } }, 'rules: give each entry a name of its own'),
  pack('an unknown action', { firewall: { rules: [{ ...rule, action: 'ALLOW' }] } }, 'supported values: "ACCEPT", "DROP", "REJECT"'),
  pack(
    'a macro and a protocol',
    { firewall: { rules: [{ ...rule, macro: 'SSH', protocol: 'tcp' }] } },
    'write either macro, or protocol and ports',
  ),
  pack('ports without protocol', { firewall: { rules: [{ ...rule, destinationPorts: '22' }] } }, 'write protocol: tcp or udp beside them'),
  pack(
    'ports with blanks',
    { firewall: { rules: [{ ...rule, protocol: 'tcp', destinationPorts: '80, 443' }] } },
    'write ports as "80,443"',
  ),
  pack(
    'sources with blanks',
    { firewall: { rules: [{ ...rule, source: '10.0.0.1 10.0.0.2' }] } },
    'separated by commas and without spaces',
  ),
  pack('a comment of two lines', { firewall: { rules: [{ ...rule, comment: 'a\nIN ACCEPT' }] } }, 'write it on one line'),
  pack('a name pattern with a comma', { naming: { vmName: '{name},x' } }, 'vmName: write letters, digits'),
  pack('VMIDs in descending order', { vmids: { from: 200, to: 100 } }, 'vmids: write from and to in ascending order'),
  pack(
    'a selector without from: Selector',
    { allowedNamespaces: { from: 'All', selector: {} } },
    'write from: Selector together with selector',
  ),
]

const pools = [
  pool('a range whose end is before its start', { ranges: ['203.0.113.99-203.0.113.10'] }, 'the end of the range is before its start'),
  pool(
    'an exclusion whose end is before its start',
    { exclude: ['203.0.113.64-203.0.113.60'] },
    'the end of the range is before its start',
  ),
  pool('a range that is none', { ranges: ['203.0.113.10-99'] }, 'write one address, a CIDR or a range first-last'),
  pool('no ranges', { ranges: [] }, 'should have at least 1 items'),
  pool(
    'a prefix that does not hold the gateway',
    { gateway: '198.51.100.1' },
    'ranges of the same prefix, or prefixLength: 32 for routed addresses',
  ),
  pool(
    'a gateway outside the prefix of the second range',
    { ranges: ['203.0.113.10', '198.51.100.10'] },
    'gateway: 203.0.113.1 is outside the /24 of a range',
  ),
  pool(
    'an IPv6 gateway outside',
    { ranges: ['2001:db8:a::100-2001:db8:a::ffff'], prefixLength: 64, gateway: '2001:db8:b::1' },
    'gateway: 2001:db8:b::1 is outside the /64 of a range',
  ),
  pool('a range that leaves its prefix', { ranges: ['203.0.113.10-203.0.114.99'] }, 'ranges: a range goes beyond its prefix'),
  pool('a gateway that is no address', { gateway: 'router' }, 'write one IP address, such as 203.0.113.10'),
  pool('mixed families', { ranges: ['203.0.113.10', '2001:db8::10'] }, 'ranges: write one family for each pool'),
  pool('an exclusion of the other family', { exclude: ['2001:db8::10'] }, 'exclude: write addresses of the family of ranges'),
  pool('a gateway of the other family', { gateway: '2001:db8::1' }, 'gateway: write an address of the family of ranges'),
  pool(
    'a reservation of the other family',
    { reservations: [{ address: '2001:db8::1', for: { namespace: 'a', name: 'b' } }] },
    'reservations: write addresses of the family of ranges',
  ),
  pool(
    'one address reserved twice',
    { reservations: ['a', 'b'].map((name) => ({ address: '203.0.113.10', for: { namespace: 'a', name } })) },
    'Duplicate value',
  ),
  pool('prefix 33 for IPv4', { prefixLength: 33, gateway: null }, 'prefixLength: write 1 to 32 for IPv4'),
  pool('VLAN 4095', { network: { vlan: 4095 } }, 'vlan: write 1 to 4094, or 0 for untagged'),
  pool('an unknown pick', { pick: 'Random' }, 'supported values: "LeastRecentlyReleased", "Sequential"'),
  pool('a bad duration', { reuseAfter: '1 hour' }, 'write a duration of at least 0s, such as 1h'),
  pool('a scope with a dot', { scope: 'site.a' }, 'scope: write a DNS label such as site-a'),
  pool('an empty list of clusters', { clusterRefs: [] }, 'should have at least 1 items'),
]

const clusters = [
  cluster('an endpoint without TLS', { endpoints: ['http://pve1:8006'] }, 'write an https URL without a path'),
  cluster('an endpoint with a path', { endpoints: ['https://pve1:8006/api2/json'] }, 'write an https URL without a path'),
  cluster(
    'two ways to trust',
    { tls: { caBundle: '-----BEGIN CERTIFICATE-----', insecureSkipVerify: true } },
    'tls: write one of caBundle, fingerprints and insecureSkipVerify',
  ),
  cluster('a fingerprint of the wrong length', { tls: { fingerprints: ['AA:BB'] } }, 'write a SHA-256 fingerprint as PVE shows it'),
  cluster('a CA that is a path', { tls: { caBundle: '/etc/ssl/ca.pem' } }, 'caBundle: write PEM text'),
  cluster('VMIDs in descending order', { vmids: { from: 200, to: 100 } }, 'vmids: write from and to in ascending order'),
  cluster('an empty list of nodes', { nodes: [] }, 'should have at least 1 items'),
  cluster('no requests', { limits: { requests: 0 } }, 'should be greater than or equal to 1'),
]

const commands = [
  command('no VM', { vmRef: null }, 'spec.vmRef: Required value'),
  command('no command', { command: null }, 'spec.command: Required value'),
  command('an unknown command', { command: 'Explode' }, 'supported values: "Start", "Stop", "Shutdown", "Reboot"'),
  command('a command in lower case', { command: 'start' }, 'Unsupported value: "start"'),
  command('a template for Start', { template: { name: 'debian-13' } }, 'template: only Reinstall has a template; remove the field'),
  command(
    'no template selector',
    { command: 'Reinstall', template: { clone: 'Full' } },
    'template: write exactly one of name, vmid and tag',
  ),
  command('a negative TTL', { ttlSecondsAfterFinished: -1 }, 'should be greater than or equal to 0'),
  command('a reason of two lines', { reason: 'a\nb' }, 'write it on one line, without control characters'),
  command('an unknown field', { force: true }, 'unknown field "spec.force"'),
]

const addresses: Refusal[] = [
  {
    what: 'a name that is another address',
    kind: 'PoolAddress',
    change: { address: '203.0.113.11' },
    says: 'metadata.name: name the object after its address',
  },
]

export const refusals: readonly Refusal[] = [...vms, ...packages, ...pools, ...clusters, ...addresses, ...commands, ...grantRefusals]

export interface RefusedEdit {
  what: string
  kind: Kind
  before: Fields
  after: Fields
  says: string
}

export const refusedEdits: readonly RefusedEdit[] = [
  {
    what: 'a changed clusterRef',
    kind: 'ProxmoxVM',
    before: {},
    after: { clusterRef: { name: 'ams1' } },
    says: 'clusterRef: a VM stays in its cluster',
  },
  { what: 'a changed vmid', kind: 'ProxmoxVM', before: { vmid: 10001 }, after: { vmid: 10002 }, says: 'vmid: a VM keeps its VMID' },
  { what: 'a removed vmid', kind: 'ProxmoxVM', before: { vmid: 10001 }, after: { vmid: null }, says: 'vmid: a VM keeps its VMID' },
  { what: 'a changed scope', kind: 'IPPool', before: {}, after: { scope: 'site-a' }, says: 'scope: cannot change' },
  {
    what: 'a changed family',
    kind: 'IPPool',
    before: {},
    after: { ranges: ['2001:db8::10'], gateway: null, prefixLength: 64 },
    says: 'ranges: the family cannot change',
  },
  {
    what: 'a changed ttl',
    kind: 'ProxmoxVMSnapshot',
    before: {},
    after: { ttl: '96h' },
    says: 'a snapshot is of one moment and cannot be changed; make another ProxmoxVMSnapshot',
  },
  ...[{ command: 'Stop' }, { reason: 'by mistake' }, { ttlSecondsAfterFinished: 60 }].map(
    (after): RefusedEdit => ({
      what: `a changed ${Object.keys(after)[0]}`,
      kind: 'ProxmoxVMCommand',
      before: {},
      after,
      says: 'a command runs once and cannot change; create another ProxmoxVMCommand',
    }),
  ),
]
