import { describe, expect, it } from '@jest/globals'
import type { ProxmoxCluster } from '../../src/api/proxmoxcluster.ts'
import { type ClusterFindings, clusterStatusOf, problemOf } from '../../src/cluster/verdict.ts'
import type { ClusterFacts } from '../../src/cluster/facts.ts'
import type { Failure } from '../../src/proxmox/failures.ts'
import { listingOf } from '../../src/proxmox/listing.ts'

const healthy: ClusterFacts = {
  version: '9.2.11',
  majorVersion: 9,
  quorate: true,
  firewallEnabled: true,
  missingPrivileges: [],
  missingOptional: [],
  grantedBridges: new Set(),
}
const listing = listingOf(
  [
    { type: 'node', node: 'pve10', status: 'offline' },
    { type: 'node', node: 'pve2', status: 'online' },
    { type: 'qemu', vmid: 9000, node: 'pve2', template: 1, name: 'debian-13', tags: 'a;b' },
    { type: 'qemu', vmid: 100, node: 'pve2', template: 0 },
  ],
  0,
)
const failure = (o: Partial<Failure>): Failure => ({
  kind: 'unreachable',
  reason: 'Unreachable',
  message: 'connect ECONNREFUSED',
  terminal: false,
  ...o,
})
const object = (status?: ProxmoxCluster['status']): ProxmoxCluster => ({
  apiVersion: 'pve.hosting/v1alpha1',
  kind: 'ProxmoxCluster',
  metadata: { name: 'main', generation: 3 },
  spec: {
    endpoints: ['https://pve1:8006'],
    credentialsSecretRef: { namespace: 'pve', name: 'token' },
    vmids: { from: 1000, to: 1999 },
    limits: { requests: 8, fullClonesPerNode: 4 },
  },
  ...(status && { status }),
})
const state = (o: Partial<ClusterFindings> = {}): ClusterFindings => ({ facts: healthy, listing, vmsByNode: new Map([['pve2', 3]]), ...o })
const statusOf = (o: Partial<ClusterFindings>, former?: ProxmoxCluster['status']) =>
  clusterStatusOf(object(former), state(o), '2026-01-01T00:00:00Z')
const told = (status: ReturnType<typeof statusOf>) => status.conditions?.map(({ type, status: is, reason }) => `${type}=${is}/${reason}`)
const { facts: _facts, listing: _snapshot, ...nothingKnown } = state()

describe('the status of a ProxmoxCluster', () => {
  it('says why it stays while it is being deleted, and what to do', () => {
    const leaving = object()
    leaving.metadata.deletionTimestamp = '2026-01-01T00:00:00Z'
    const users = { count: 4, some: ['a/one', 'a/two', 'b/three'] }
    const { conditions } = clusterStatusOf(leaving, state({ users }), '2026-01-01T00:00:00Z')
    expect(conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'True',
      message:
        'The ProxmoxCluster is being deleted and accepts no new VMs. It stays as long as 4 ProxmoxVMs name it (a/one, a/two, b/three, …): delete or release them. 1 of 2 nodes is offline: pve10, with 0 VMs. The operator cannot see whether these VMs run.',
    })
  })

  it('lists nodes and templates', () => {
    expect(statusOf({})).toMatchObject({
      observedGeneration: 3,
      version: '9.2.11',
      nodes: [
        { name: 'pve2', online: true, vms: 3 },
        { name: 'pve10', online: false, vms: 0 },
      ],
      templates: [{ name: 'debian-13', tag: 'a;b', node: 'pve2', vmid: 9000 }],
    })
  })

  it.each<[string, Partial<ClusterFindings>, string[]]>([
    [
      'all is well',
      {},
      [
        'Ready=True/Ready',
        'Reachable=True/Reachable',
        'Authorized=True/Succeeded',
        'NodesOnline=False/NodeOffline',
        'FiguresFresh=True/FiguresFresh',
      ],
    ],
    [
      'PVE does not answer',
      { failure: failure({}) },
      ['Ready=False/Unreachable', 'Reachable=False/Unreachable', 'Reconciling=True/Unreachable'],
    ],
    [
      'the certificate is not the pinned one',
      { failure: failure({ reason: 'TLSUntrusted' }) },
      ['Ready=False/TLSUntrusted', 'Reachable=False/TLSUntrusted', 'Stalled=True/TLSUntrusted'],
    ],
    [
      'the token is unknown',
      { failure: failure({ kind: 'denied', reason: 'Unauthorized' }) },
      ['Ready=False/Unauthorized', 'Reachable=True/Reachable', 'Authorized=False/Unauthorized', 'Stalled=True/Unauthorized'],
    ],
    [
      'a privilege is missing',
      { facts: { ...healthy, missingPrivileges: [{ path: '/vms', privilege: 'VM.Backup', neededFor: 'x', reach: 'all' }] } },
      [
        'Ready=False/MissingPrivileges',
        'Reachable=True/Reachable',
        'Authorized=False/MissingPrivileges',
        'NodesOnline=False/NodeOffline',
        'FiguresFresh=True/FiguresFresh',
        'Stalled=True/MissingPrivileges',
      ],
    ],
    [
      'there is no quorum',
      { facts: { ...healthy, quorate: false } },
      [
        'Ready=False/NoQuorum',
        'Reachable=True/Reachable',
        'Authorized=True/Succeeded',
        'NodesOnline=False/NodeOffline',
        'FiguresFresh=True/FiguresFresh',
        'Reconciling=True/NoQuorum',
      ],
    ],
    [
      'PVE is too old',
      { facts: { ...healthy, version: '7.4-16', majorVersion: 7 } },
      [
        'Ready=False/UnsupportedVersion',
        'Reachable=True/Reachable',
        'Authorized=True/Succeeded',
        'NodesOnline=False/NodeOffline',
        'FiguresFresh=True/FiguresFresh',
        'Stalled=True/UnsupportedVersion',
      ],
    ],
  ])('when %s', (_, what, expected) => expect(told(statusOf(what))).toEqual(expected))

  it('says what Secret is missing before PVE was ever asked', () => {
    const credentialsProblem = { reason: 'CredentialsNotFound', message: 'Secret pve/token does not exist; create it' } as const
    expect(told(clusterStatusOf(object(), { ...nothingKnown, credentialsProblem }, 'now'))).toEqual([
      'Ready=False/CredentialsNotFound',
      'Reachable=Unknown/CredentialsNotFound',
      'Authorized=False/CredentialsNotFound',
      'Stalled=True/CredentialsNotFound',
    ])
  })

  it('keeps through an outage what PVE had said, and the times of what did not change', () => {
    const before = statusOf({})
    const during = clusterStatusOf(object(before), state({ failure: failure({}) }), '2026-01-02T00:00:00Z')
    expect(told(during)).toEqual([
      'Ready=False/Unreachable',
      'Reachable=False/Unreachable',
      'Authorized=True/Succeeded',
      'NodesOnline=False/NodeOffline',
      'FiguresFresh=True/FiguresFresh',
      'Reconciling=True/Unreachable',
    ])
    expect(during.conditions?.map(({ lastTransitionTime }) => lastTransitionTime.slice(8, 10))).toEqual([
      '02',
      '02',
      '01',
      '01',
      '01',
      '02',
    ])
    expect(during).toMatchObject({ version: '9.2.11', templates: [{ vmid: 9000 }] })
  })

  it('names dead nodes with their VMs, counts those that are online, and stays Ready', () => {
    const rows = [
      { type: 'node', node: 'pve1', status: 'online' },
      { type: 'node', node: 'pve2', status: 'offline' },
      { type: 'node', node: 'pve3', status: 'unknown', hastate: 'maintenance' },
    ]
    const vmsByNode = new Map([['pve2', 9]])
    const status = statusOf({ listing: listingOf(rows, 0), vmsByNode })
    const said = (type: string) => status.conditions?.find((condition) => condition.type === type)
    expect(status.nodesOnline).toBe('2/3')
    expect(said('NodesOnline')).toMatchObject({
      status: 'False',
      message: expect.stringContaining('1 of 3 nodes is offline: pve2, with 9 VMs.'),
    })
    expect(said('FiguresFresh')).toMatchObject({
      status: 'False',
      reason: 'FiguresMissing',
      message: expect.stringContaining('pve3, with 0 VMs'),
    })
    expect(said('Ready')).toMatchObject({ status: 'True', message: expect.stringContaining('1 of 3 nodes is offline') })
    expect(status.nodes).toContainEqual({ name: 'pve3', online: true, maintenance: true, vms: 0 })
  })

  it('leaves the reservation of VMIDs alone', () => {
    expect(statusOf({}, { vmids: { reservedUpTo: 1199 } }).vmids).toEqual({ reservedUpTo: 1199 })
  })

  it('calls a missing privilege no obstacle to what does not need it', () => {
    expect(
      problemOf(
        state({ facts: { ...healthy, missingPrivileges: [{ path: '/vms', privilege: 'VM.Backup', neededFor: 'x', reach: 'all' }] } }),
      ),
    ).toBeUndefined()
    expect(problemOf(state({ failure: failure({}) }))).toMatchObject({ reason: 'Unreachable' })
  })
})
