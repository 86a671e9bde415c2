import type { Package } from '../../src/api/package.ts'

/** The package of the examples' `vps-m`: every field of the ladder is in use, so that a birth makes each kind of write. */
export const vpsM = {
  cpu: { cores: 2, sockets: 1, type: 'x86-64-v2-AES', limit: '1.5', units: 200 },
  memory: { size: '4Gi', minimum: '2Gi' },
  systemDisk: { size: '40Gi', bandwidth: { readMiBps: 200, writeMiBps: 100, readIOPS: 4000, writeIOPS: 2000, readIOPSBurst: 8000 } },
  additionalDisks: [{ name: 'data', size: '100Gi', storage: 'local-lvm', bandwidth: { readMiBps: 80, writeMiBps: 80 } }],
  network: { rateMbit: 100, model: 'virtio', firewall: true },
  firewall: {
    enabled: true,
    policyIn: 'DROP',
    policyOut: 'ACCEPT',
    antiSpoofing: true,
    macFilter: true,
    rules: [
      { name: 'ssh', direction: 'in', action: 'ACCEPT', macro: 'SSH' },
      { name: 'web', direction: 'in', action: 'ACCEPT', protocol: 'tcp', destinationPorts: '80,443' },
      { name: 'icmp', direction: 'in', action: 'ACCEPT', protocol: 'icmp' },
      { name: 'no-smtp', direction: 'out', action: 'REJECT', protocol: 'tcp', destinationPorts: '25', comment: 'lifted on request' },
    ],
  },
} satisfies Package

export const aV4Pool = (spec: object = {}) => ({
  ranges: ['203.0.113.10-203.0.113.99'],
  prefixLength: 24,
  gateway: '203.0.113.1',
  nameservers: ['203.0.113.2', '203.0.113.3'],
  searchDomain: 'vps.example.com',
  network: { bridge: 'vmbr0', vlan: 120 },
  ...spec,
})

export const aV6Pool = (spec: object = {}) => ({
  ranges: ['2001:db8:a::100-2001:db8:a::ffff'],
  prefixLength: 64,
  gateway: '2001:db8:a::1',
  nameservers: ['2001:db8::53'],
  ...spec,
})

/** The VM of the examples whose birth is the golden trace, without the names of packages and pools. */
export const whmcs5546 = (o: { v4: string; v6: string; packageName: string }) => ({
  template: { name: 'debian-13', clone: 'Full', storage: 'local-lvm' },
  packageRef: { name: o.packageName },
  package: { memory: { size: '8Gi', minimum: 0 } },
  addresses: [
    { name: 'main', poolRef: { name: o.v4 } },
    { name: 'main6', poolRef: { name: o.v6 } },
  ],
  cloudInit: {
    user: 'admin',
    generatePassword: true,
    sshAuthorizedKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8r3Zk0y0m1c8rQb3n0y0wqk2bW5m4m3m2m1m0m9m8m admin@example.com'],
  },
})
