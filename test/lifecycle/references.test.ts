import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { secrets, proxmoxClusters, vmPackages } from '../../src/api/meta.ts'
import { aV4Pool } from '../support/builders.ts'
import { freshName } from '../support/kube.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

describe('what a VM refers to', () => {
  let world: TestWorld
  beforeAll(async () => {
    world = await TestWorld.start({ speed: 20 })
  })
  afterAll(async () => await world.stop())

  const untilStalled = async (name: string, reason: string) => {
    const vm = await world.untilCondition(name, 'Stalled', 'True', reason)
    expect(world.condition(vm, 'Ready')).toMatchObject({ status: 'False', reason })
    expect(world.condition(vm, 'Reconciling')).toBeUndefined()
    expect(world.condition(vm, 'Ready')?.message).toMatch(/\.$/)
    return vm
  }
  const secretOf = (name: string, stringData: object) =>
    world.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: world.namespace }, stringData } as never)

  it('is waited for: a cluster object', async () => {
    const nowhere = freshName('nowhere')
    await world.apply('no-cluster', { clusterRef: { name: nowhere } })
    const vm = await untilStalled('no-cluster', 'ClusterNotFound')
    const said = world.condition(vm, 'Ready')?.message ?? ''
    expect(said).toContain(`There is no ProxmoxCluster "${nowhere}" (spec.clusterRef, which cannot change); there are `)
    expect(said).toContain(world.cluster)
    await world.delete('no-cluster')
    await world.untilGone('no-cluster')
  })

  it('is waited for: a package, which is then taken', async () => {
    const name = freshName('pkg')
    await world.apply('no-package', { packageRef: { name } })
    await untilStalled('no-package', 'PackageNotFound')
    await world.package({ cpu: { cores: 3 } }, name)
    const vm = await world.untilReady('no-package')
    expect(vm.status?.package?.cpu?.cores).toBe(1)
  })

  it('is the package as it was: a newer one is told of, and taken when the reference changes', async () => {
    const [old, other] = [await world.package({ cpu: { units: 200 } }), await world.package({ cpu: { units: 400 } })]
    await world.apply('packaged', { packageRef: { name: old } })
    const vm = await world.untilReady('packaged')
    await world.client.mergePatch(vmPackages, { name: old }, { spec: { cpu: { units: 300 } } })
    const outdated = await world.untilCondition('packaged', 'PackageApplied', 'False', 'PackageOutdated')
    expect(world.condition(outdated, 'Ready')?.status).toBe('True')
    expect(world.guestOf(vm).config.get('cpuunits')).toBe('200')
    await world.edit('packaged', { spec: { packageRef: { name: other } } })
    await world.untilCondition('packaged', 'PackageApplied', 'True')
    expect(world.guestOf(vm).config.get('cpuunits')).toBe('400')
  })

  it('is waited for: the Secret of a password', async () => {
    await world.apply('no-secret', { cloudInit: { user: 'admin', passwordSecretRef: { name: 'later', key: 'word' } } })
    await untilStalled('no-secret', 'SecretNotFound')
    await secretOf('later', { word: 'not telling' })
    // Nobody may watch Secrets; it is looked at all the same. The pause may begin only after its reason is in status.
    await until(
      'it is made',
      async () => {
        world.clock.skip(31_000)
        return (await world.vm('no-secret'))?.status?.intentAt
      },
      { everyMs: 500 },
    )
    const vm = await world.untilReady('no-secret')
    expect(world.guestOf(vm).config.get('cipassword')).toBeDefined()
  })

  it('is not taken from somebody else: a Secret of the name of the generated one', async () => {
    await secretOf('conflict-credentials', { password: 'a stranger’s' })
    await world.apply('conflict', { cloudInit: { user: 'admin', generatePassword: true } })
    await untilStalled('conflict', 'SecretConflict')
    await world.delete('conflict')
    await world.untilGone('conflict')
    expect(await world.client.get(secrets, { namespace: world.namespace, name: 'conflict-credentials' })).toBeDefined()
  })

  it('is a host name of its own', async () => {
    await world.apply('named', { hostname: 'www.example.com' })
    await world.untilReady('named')
    await world.apply('copycat', { hostname: 'www.example.com' })
    const vm = await untilStalled('copycat', 'HostnameTaken')
    expect(world.condition(vm, 'Ready')?.message).toContain(`${world.namespace}/named`)
    await world.edit('copycat', { spec: { hostname: 'www2.example.com' } })
    expect((await world.untilReady('copycat')).status?.vmName).toBe('www2.example.com')
    await world.apply('heir', { hostname: 'www.example.com' })
    await untilStalled('heir', 'HostnameTaken')
    await world.edit('named', { spec: { hostname: 'old.example.com' } })
    await world.untilReady('named')
    world.clock.skip(31_000)
    expect((await world.untilReady('heir')).status?.vmName).toBe('www.example.com')
  })

  it('is a label that a macro needs', async () => {
    const naming = { hostname: 'c{client_id}-{vmid}.example.com' }
    await world.apply('nameless', { package: { ...small, naming } })
    await untilStalled('nameless', 'NamingInvalid')
    await world.edit('nameless', { metadata: { labels: { 'pve.hosting/client-id': '77' } } })
    const vm = await world.untilReady('nameless')
    expect(vm.status?.hostname).toBe(`c77-${vm.status?.vmid}.example.com`)
  })

  it('is one wire: pools that disagree need the word of the package', async () => {
    const a = await world.pool(aV4Pool({ ranges: ['203.0.113.10-203.0.113.19'] }))
    const b = await world.pool(aV4Pool({ ranges: ['203.0.113.20-203.0.113.29'], network: { bridge: 'vmbr1' } }))
    const addresses = [a, b].map((name, index) => ({ name: `a${index}`, poolRef: { name } }))
    await world.apply('torn', { addresses, package: { memory: { size: '1Gi' } } })
    await untilStalled('torn', 'PoolsDisagree')
    await world.edit('torn', { spec: { package: { network: { bridge: 'vmbr1', vlan: 0 } } } })
    const vm = await world.untilReady('torn')
    expect(world.guestOf(vm).config.get('net0')).toContain('bridge=vmbr1')
  })

  describe('serves only the namespaces it names', () => {
    const others = { allowedNamespaces: { from: 'Selector', selector: { matchLabels: { tenant: 'other' } } } }

    it('a pool', async () => {
      const pool = await world.pool(aV4Pool({ ranges: ['203.0.113.30-203.0.113.39'], ...others }))
      await world.apply('pool-closed', { addresses: [{ name: 'main', poolRef: { name: pool } }] })
      await world.untilCondition('pool-closed', 'Ready', 'False', 'PoolNotAllowed')
    })

    it('a package', async () => {
      await world.apply('package-closed', { packageRef: { name: await world.package(others) } })
      await untilStalled('package-closed', 'PackageNotAllowed')
    })

    it('a cluster object, which leaves those be that are there', async () => {
      await world.apply('before')
      await world.untilReady('before')
      await world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec: others })
      await world.apply('after')
      await untilStalled('after', 'ClusterNotAllowed')
      await world.edit('before', { spec: { package: { cpu: { units: 500 } } } })
      await world.untilReady('before')
      await world.client.mergePatch(proxmoxClusters, { name: world.cluster }, { spec: { allowedNamespaces: null } })
      await until('the other one is served', async () => world.condition(await world.vm('after'), 'Ready')?.status === 'True')
    })
  })
})

const small = { cpu: { cores: 1 }, memory: { size: '1Gi' }, network: { bridge: 'vmbr0' } }
