import { describe, expect, it } from '@jest/globals'
import type { Package } from '../../src/api/package.ts'
import { mergePackages, objectionTo } from '../../src/want/package-merge.ts'

const rule = (name: string, over = {}) => ({ name, direction: 'in' as const, action: 'ACCEPT' as const, ...over })

describe('a package and the fields of the VM', () => {
  it.each<[claim: string, base: Package, inline: Package, merged: Package]>([
    ['inline beats', { cpu: { cores: 2 } }, { cpu: { cores: 4 } }, { cpu: { cores: 4 } }],
    ['an absent field does not', { cpu: { cores: 2, sockets: 2 } }, { cpu: { cores: 4 } }, { cpu: { cores: 4, sockets: 2 } }],
    ['neither does one that is undefined', { cpu: { cores: 2 } }, { cpu: undefined } as unknown as Package, { cpu: { cores: 2 } }],
    ['zero does', { network: { vlan: 7, rateMbit: 100 } }, { network: { vlan: 0, rateMbit: 0 } }, { network: { vlan: 0, rateMbit: 0 } }],
    ['so does false', { firewall: { enabled: true } }, { firewall: { enabled: false } }, { firewall: { enabled: false } }],
    [
      'limits merge one by one',
      { systemDisk: { size: '20Gi', bandwidth: { readMiBps: 200, writeMiBps: 100 } } },
      { systemDisk: { bandwidth: { writeMiBps: 0 } } },
      { systemDisk: { size: '20Gi', bandwidth: { readMiBps: 200, writeMiBps: 0 } } },
    ],
    [
      'disks merge by name and field by field',
      { additionalDisks: [{ name: 'data', size: '100Gi', storage: 'ceph', bandwidth: { readMiBps: 80, writeMiBps: 80 } }] },
      { additionalDisks: [{ name: 'data', size: '200Gi', bandwidth: { readMiBps: 0 } }] },
      { additionalDisks: [{ name: 'data', size: '200Gi', storage: 'ceph', bandwidth: { readMiBps: 0, writeMiBps: 80 } }] },
    ],
    [
      'disks of the package come first, then those of the VM',
      {
        additionalDisks: [
          { name: 'a', size: '1Gi' },
          { name: 'b', size: '1Gi' },
        ],
      },
      {
        additionalDisks: [
          { name: 'c', size: '1Gi' },
          { name: 'b', size: '2Gi' },
        ],
      },
      {
        additionalDisks: [
          { name: 'a', size: '1Gi' },
          { name: 'b', size: '2Gi' },
          { name: 'c', size: '1Gi' },
        ],
      },
    ],
    [
      'rules merge by name as whole entries',
      { firewall: { rules: [rule('ssh', { macro: 'SSH', comment: 'x' }), rule('web', { macro: 'Web' })] } },
      { firewall: { rules: [rule('dns', { macro: 'DNS' }), rule('ssh', { protocol: 'tcp', destinationPorts: '2222' })] } },
      {
        firewall: {
          rules: [rule('ssh', { protocol: 'tcp', destinationPorts: '2222' }), rule('web', { macro: 'Web' }), rule('dns', { macro: 'DNS' })],
        },
      },
    ],
    [
      'an inherited rule is lifted by enabled: false',
      { firewall: { rules: [rule('ssh')] } },
      { firewall: { rules: [rule('ssh', { enabled: false })] } },
      { firewall: { rules: [rule('ssh', { enabled: false })] } },
    ],
    [
      'rules stay when the VM says something else about the firewall',
      { firewall: { rules: [rule('ssh')] } },
      { firewall: { enabled: true } },
      { firewall: { enabled: true, rules: [rule('ssh')] } },
    ],
    ['nothing comes from nothing', {}, {}, {}],
  ])('%s', (_claim, base, inline, merged) => expect(mergePackages(base, inline)).toEqual(merged))

  it('are left as they were', () => {
    const base: Package = Object.freeze({ cpu: Object.freeze({ cores: 2 }), additionalDisks: [{ name: 'a', size: '1Gi' }] })

    mergePackages(base, { cpu: { cores: 4 }, additionalDisks: [{ name: 'a', size: '2Gi' }] })

    expect(base).toEqual({ cpu: { cores: 2 }, additionalDisks: [{ name: 'a', size: '1Gi' }] })
  })
})

describe('the merged package', () => {
  it.each<[merged: Package, objection: string | undefined]>([
    [{}, undefined],
    [{ additionalDisks: [{ name: 'data', size: '10Gi' }] }, undefined],
    [{ additionalDisks: [{ name: 'data' }] }, 'additional disk "data" has no size; write one, for example size: 10Gi'],
    [{ additionalDisks: [{ name: 'data', size: 0 }] }, 'additional disk "data" has no size; write one, for example size: 10Gi'],
    [{ additionalDisks: [{ name: 'data', size: '0' }] }, 'additional disk "data" has no size; write one, for example size: 10Gi'],
    [{ systemDisk: { bandwidth: { readIOPSBurst: 1 } } }, 'systemDisk: readIOPSBurst needs readIOPS'],
    [{ systemDisk: { bandwidth: { readIOPSBurst: 1, readIOPS: 0 } } }, 'systemDisk: readIOPSBurst needs readIOPS'],
    [
      { additionalDisks: [{ name: 'data', size: '1Gi', bandwidth: { writeMiBpsBurst: 9 } }] },
      'additional disk "data": writeMiBpsBurst needs writeMiBps',
    ],
    [{ memory: { size: '1Gi', minimum: '2Gi' } }, 'memory.minimum 2Gi is more than memory.size 1Gi'],
    [{ memory: { size: '1Gi', minimum: '1024Mi' } }, undefined],
    [{ memory: { minimum: '2Gi' } }, undefined],
    [{ memory: { size: '0', minimum: '2Gi' } }, undefined],
    [{ memory: { size: '1Gi', minimum: 0 } }, undefined],
    [{ network: { mtu: 9000, model: 'e1000' } }, 'network.mtu works with model virtio only, not e1000'],
    [{ network: { mtu: 0, model: 'e1000' } }, undefined],
    [{ firewall: { rules: [rule('a', { macro: 'SSH', protocol: 'tcp' })] } }, 'firewall rule "a": write macro or protocol, not both'],
    [{ firewall: { rules: [rule('a', { destinationPorts: '80' })] } }, 'firewall rule "a": ports need a protocol, for example tcp'],
  ])('%j: %s', (merged, objection) => expect(objectionTo(merged)).toBe(objection))
})
