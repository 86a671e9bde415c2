import { describe, expect, it } from '@jest/globals'
import { defaultSpec } from '../../src/simulator/presets/default.ts'
import { recordedSpec } from '../../src/simulator/presets/recorded.ts'
import { applyScenario } from '../../src/simulator/presets/scenario.ts'
import { startDrill } from './drill.ts'

const GiB = 1024 ** 3

describe('the preset', () => {
  it('default has three nodes, local and shared storage, and its templates on them', () => {
    const spec = defaultSpec()
    expect(spec.nodes.map(({ name, cpus, memoryBytes }) => [name, cpus, memoryBytes / GiB])).toEqual([
      ['pve1', 64, 256],
      ['pve2', 64, 256],
      ['pve3', 64, 256],
    ])
    expect(spec.storages.map(({ storage, type, shared = false }) => [storage, type, shared])).toEqual([
      ['local', 'dir', false],
      ['local-lvm', 'lvmthin', false],
      ['ceph', 'rbd', true],
    ])
    expect(spec.guests.map(({ vmid, node, config }) => [vmid, node, config['name'], config['tags']])).toEqual([
      [9000, 'pve1', 'debian-13', undefined],
      [9001, 'pve2', 'debian-13', undefined],
      [9002, 'pve3', 'debian-13', undefined],
      [9010, 'pve1', 'ubuntu-24.04', 'ubuntu-24.04'],
    ])
  })

  it('recorded has the three tokens of the recordings and nothing else on it', () => {
    const spec = recordedSpec()
    expect(spec.tokens.map(({ tokenid }) => tokenid)).toEqual(['root@pam!op', 'oper@pve!k8s', 'limited@pve!k8s'])
    expect([spec.guests, spec.pools]).toEqual([[], []])
  })
})

describe('a scenario', () => {
  it('replaces the lists it gives and merges durations', () => {
    const spec = applyScenario(defaultSpec(), {
      nodes: [{ name: 'a', cpus: 4, memory: '8GiB' }],
      storages: [{ storage: 'tiny', type: 'dir', size: '20GiB', properties: { path: '/srv' } }],
      templates: [{ vmid: 9000, node: 'a', name: 'debian-13', storage: 'tiny', disk: '4GiB', tags: 'golden' }],
      durations: { cloneLinkedMs: 5 },
      firewall: { enable: false },
    })
    expect(spec.nodes).toEqual([{ name: 'a', ip: '10.0.0.1', cpus: 4, memoryBytes: 8 * GiB }])
    expect(spec.storages).toMatchObject([{ storage: 'tiny', sizeBytes: 20 * GiB }])
    expect(spec.guests[0]?.config['scsi0']).toBe('tiny:9000/base-9000-disk-0.qcow2,size=4G')
    expect([spec.durations.cloneLinkedMs, spec.durations.startMs]).toEqual([5, defaultSpec().durations.startMs])
    expect(spec.firewallOptions).toEqual({ enable: 0 })
  })

  it.each([
    [{ nodez: [] }, /Unrecognized key: "nodez"/],
    [{ storages: [{ storage: 'x', type: 'dir', size: 'big' }] }, /storages\.0\.size: a size is a number of bytes or a text like/],
    [{ tokens: [{ tokenid: 'root', secret: 'x' }] }, /tokens\.0\.tokenid: a token id looks like user@realm!name/],
    [
      { templates: [{ vmid: 9000, node: 'pve9', name: 'x', storage: 'ceph' }] },
      /guest 9000 is on node 'pve9', which is not among: pve1, pve2, pve3/,
    ],
    [{ ha: { resources: [{ vmid: 4711 }] } }, /ha\.resources names guest 4711, which the scenario does not have/],
    [{ ha: { resources: [{ vmid: 9000, state: 'paused' }] } }, /ha\.resources\.0\.state/],
  ])('%j is refused by the name of what is wrong', (scenario, text) => {
    expect(() => applyScenario(defaultSpec(), scenario)).toThrow(text)
  })

  it('is what the simulator serves, with its own token', async () => {
    const scenario = { nodes: [{ name: 'solo' }], tokens: [{ tokenid: 'root@pam!mine', secret: 'secret' }], templates: [], guests: [] }
    const pve = await startDrill({ scenario }, 'root@pam!mine=secret')
    try {
      expect((await pve.api('GET', '/nodes')).data).toMatchObject([{ node: 'solo' }])
      expect(await pve.vmids()).toEqual([])
    } finally {
      await pve.stop()
    }
  })
})
