import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { KubeError } from '../../src/kube/client.ts'
import { freshName, freshNamespace, testClient } from '../support/kube.ts'
import { type Fields, type Kind, manifest, resources } from './manifests.ts'
import { refusals, refusedEdits } from './refusals.ts'

const client = testClient()
let namespace = ''
beforeAll(async () => {
  namespace = await freshNamespace(client)
})
afterAll(() => client.close())

/** The sentence with which the API server refuses, or `accepted`. */
async function sentenceOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt
    return 'accepted'
  } catch (fault) {
    if (!(fault instanceof KubeError)) throw fault
    return fault.message
  }
}

const nameFor = (kind: Kind): string => (kind === 'PoolAddress' ? '203.0.113.10' : freshName())
const create = (kind: Kind, changes: Fields, name = nameFor(kind), dryRun = true): Promise<unknown> =>
  client.create(resources[kind] as (typeof resources)['ProxmoxVM'], manifest(kind, name, changes, namespace) as never, { dryRun })

describe('the API server', () => {
  it.each(Object.keys(resources) as Kind[])('takes a good %s', async (kind) => {
    expect(await sentenceOf(create(kind, {}))).toBe('accepted')
  })

  it.each(refusals)('refuses a $kind with $what', async ({ kind, change, says }) => {
    expect(await sentenceOf(create(kind, change))).toContain(says)
  })

  it.each(refusedEdits)('refuses $what of a $kind', async ({ kind, before, after, says }) => {
    const name = freshName()
    const resource = resources[kind] as (typeof resources)['ProxmoxVM']
    await create(kind, before, name, false)
    const patch = client.mergePatch(resource, { name, ...(resource.namespaced && { namespace }) }, { spec: after })
    expect(await sentenceOf(patch)).toContain(says)
  })

  it('refuses to delete a protected VM until the protection is lifted', async () => {
    const key = { name: freshName(), namespace }
    await create('ProxmoxVM', { deletionProtection: true }, key.name, false)
    expect(await sentenceOf(client.delete(resources.ProxmoxVM, key))).toContain(
      'spec.deletionProtection is true; set it to false to delete the VM',
    )
    await client.mergePatch(resources.ProxmoxVM, key, { spec: { deletionProtection: false } })
    await client.delete(resources.ProxmoxVM, key)
    expect(await client.get(resources.ProxmoxVM, key)).toBeUndefined()
  })

  it('refuses a VM whose name is too long for a host name', async () => {
    expect(await sentenceOf(create('ProxmoxVM', {}, 'a'.repeat(64)))).toContain('metadata.name: write at most 63 characters')
  })
})

const accepted: readonly { what: string; kind: Kind; change: Fields }[] = [
  ...['Administrator', 'j.doe', '_svc'].map((user) => ({
    what: `the login ${user}`,
    kind: 'ProxmoxVM' as const,
    change: { cloudInit: { user } },
  })),
  ...['web-1', '80.example.com', 'online'].map((hostname) => ({
    what: `the host name ${hostname}`,
    kind: 'ProxmoxVM' as const,
    change: { hostname },
  })),
  {
    what: 'key comments of any language',
    kind: 'ProxmoxVM',
    change: { cloudInit: { sshAuthorizedKeys: ['ssh-ed25519 AAAA Jörg: Büro', 'ssh-ed25519 BBBB 山田'] } },
  },
  {
    what: 'rules of one family, aliases and IP sets',
    kind: 'ProxmoxVM',
    change: {
      package: {
        firewall: {
          rules: [
            { name: 'a', direction: 'in', action: 'ACCEPT', source: '192.0.2.0/24,office,+dc/lan', destination: '192.0.2.1' },
            { name: 'b', direction: 'in', action: 'ACCEPT', source: '::ffff:192.0.2.1,2001:db8::/32' },
          ],
        },
      },
    },
  },
  { what: 'DHCP', kind: 'ProxmoxVM', change: { addresses: [], package: { network: { bridge: 'vmbr0' } } } },
  {
    what: 'zeros that lift limits',
    kind: 'ProxmoxVM',
    change: { package: { memory: { minimum: 0 }, systemDisk: { bandwidth: { readMiBps: 0, readMiBpsBurst: 0 } }, cpu: { limit: 0 } } },
  },
  {
    what: 'sizes of every spelling',
    kind: 'VMPackage',
    change: { memory: { size: '1.5Gi' }, systemDisk: { size: '0.5Ti' }, cpu: { limit: '500m' } },
  },
  { what: 'an empty requestID, which asks for nothing', kind: 'ProxmoxVM', change: { reinstall: { requestID: '' } } },
  {
    what: 'another template',
    kind: 'ProxmoxVMCommand',
    change: { command: 'Reinstall', template: { tag: 'ubuntu-24.04' }, ttlSecondsAfterFinished: 0 },
  },
  { what: 'an untagged network', kind: 'VMPackage', change: { network: { vlan: 0, rateMbit: 0, mtu: 0 } } },
  { what: 'a link-local gateway', kind: 'IPPool', change: { ranges: ['2001:db8:a::/64'], prefixLength: 64, gateway: 'fe80::1' } },
  {
    what: 'addresses with a prefix of one',
    kind: 'IPPool',
    change: { ranges: ['203.0.113.10'], prefixLength: 32, gateway: '198.51.100.1' },
  },
  {
    what: 'a range of routed addresses',
    kind: 'IPPool',
    change: { ranges: ['198.51.100.170-198.51.100.175'], prefixLength: 32, gateway: '172.31.1.1' },
  },
  {
    what: 'a range of routed IPv6 addresses',
    kind: 'IPPool',
    change: { ranges: ['2001:db8:beef::10-2001:db8:beef::ff'], prefixLength: 128, gateway: '2001:db8:ffff::1' },
  },
  { what: 'no gateway', kind: 'IPPool', change: { ranges: ['10.0.0.0/31'], prefixLength: 31, gateway: null } },
  {
    what: 'CIDRs of several prefixes, without gateway',
    kind: 'IPPool',
    change: { ranges: ['10.0.0.0/16'], prefixLength: 24, gateway: null },
  },
]

describe('also accepted', () => {
  it.each(accepted)('is a $kind with $what', async ({ kind, change }) => {
    expect(await sentenceOf(create(kind, change))).toBe('accepted')
  })

  it('fills in the defaults, and leaves a package as it was written', async () => {
    const made = (await create('ProxmoxVM', {
      package: { network: {}, firewall: { rules: [{ name: 'ssh', direction: 'in', action: 'ACCEPT' }] } },
    })) as {
      spec: Fields
      status: Fields
    }
    expect(made.spec).toMatchObject({
      runStrategy: 'Once',
      deletionPolicy: 'Terminate',
      shutdownTimeout: '60s',
      template: { name: 'debian-13', clone: 'Full' },
    })
    expect(made.spec['package']).toEqual({ network: {}, firewall: { rules: [{ name: 'ssh', direction: 'in', action: 'ACCEPT' }] } })
    expect(made.status).toEqual({ observedGeneration: -1 })
  })
})
