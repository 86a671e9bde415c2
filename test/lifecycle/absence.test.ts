/** That a store does not have an object proves nothing: on its word alone nothing is freed, taken over or let go. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { heldFinalizer, inUseFinalizer } from '../../src/api/group.ts'
import {
  dnsZones,
  ipPools,
  poolAddresses,
  proxmoxClusters,
  proxmoxVMs,
  proxmoxVMSnapshots,
  type KubeObject,
  type Resource,
} from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { RecordedGuests } from '../../src/cluster/guest-owners.ts'
import { InUseGuard } from '../../src/cluster/in-use-guard.ts'
import { RecordSync } from '../../src/dns/sync.ts'
import { ZoneController } from '../../src/dns/zone-controller.ts'
import { ZoneDirectory } from '../../src/dns/zone-directory.ts'
import { ZoneRecords } from '../../src/dns/zone-records.ts'
import { ownerObjection } from '../../src/engine/adopt/objections.ts'
import { inheritClaims } from '../../src/ipam/inherit.ts'
import { PoolGuard } from '../../src/ipam/pool-guard.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { findOne, lookUp } from '../../src/kube/look-up.ts'
import { Store } from '../../src/kube/store.ts'
import { markOf } from '../../src/ladder/mark.ts'
import { systemClock as clock } from '../../src/ops/clock.ts'
import { releaseFormer } from '../../src/snapshots/orphans.ts'
import { aV4Pool } from '../support/builders.ts'
import { freshName, freshNamespace, testClient } from '../support/kube.ts'

const apiVersion = 'pve.hosting/v1alpha1'

describe('a watch that has not told of an object', () => {
  let client: KubeClient
  let namespace: string
  let cluster: string
  let vms: Store<ProxmoxVM>
  let recorded: RecordedGuests
  beforeAll(async () => {
    client = testClient()
    namespace = await freshNamespace(client)
  })
  afterAll(async () => await client.close())
  beforeEach(() => {
    cluster = freshName('far')
    vms = new Store()
    recorded = new RecordedGuests({ client, vms, clock })
  })

  const make = async <T extends KubeObject>(
    resource: Resource<T>,
    o: { name: string; finalizers?: string[]; spec: object },
  ): Promise<T> => {
    const { name, finalizers, spec } = o
    const metadata = { name, ...(finalizers && { finalizers }), ...(resource.namespaced && { namespace }) }
    return await client.create(resource, { apiVersion, kind: resource.kind, metadata, spec } as unknown as T)
  }
  const aVM = async (name = freshName('vm')): Promise<ProxmoxVM> =>
    await make(proxmoxVMs, {
      name,
      spec: { clusterRef: { name: cluster }, template: { name: 'debian-13' }, package: { network: { bridge: 'vmbr0' } } },
    })
  const remove = async ({ metadata: { name } }: ProxmoxVM): Promise<void> => await client.delete(proxmoxVMs, { namespace, name })
  const finalizersOf = async (resource: Resource<KubeObject>, name: string) =>
    (await client.get(resource, { name }))?.metadata.finalizers ?? []
  const claimOf = ({ metadata: { name, uid = '' } }: ProxmoxVM) => ({ namespace, name, uid, entry: 'main', since: '2026-01-01T00:00:00Z' })
  const held = async (pool: string, address: string, holder: ProxmoxVM, scope: string) =>
    await make(poolAddresses, {
      name: `${address}.${scope}`,
      spec: { address, poolRef: { name: pool }, scope, state: 'Allocated', claimRef: claimOf(holder) },
    })

  it('lets no ProxmoxCluster go that a VM names', async () => {
    const vm = await aVM()
    await make(proxmoxClusters, {
      name: cluster,
      finalizers: [inUseFinalizer],
      spec: {
        endpoints: ['https://127.0.0.1:1'],
        credentialsSecretRef: { namespace, name: 'none' },
        vmids: { from: 100, to: 199 },
      },
    })
    const guard = new InUseGuard({
      client,
      clusters: new Store(),
      vms,
      usersOf: (name) => vms.list().filter((one) => one.spec.clusterRef.name === name),
    })
    const look = async (): Promise<void> => {
      for (let isChanged = true; isChanged; ) {
        const object = await client.get(proxmoxClusters, { name: cluster })
        isChanged = object !== undefined && (await guard.look(object))
      }
    }
    await look()
    expect(await finalizersOf(proxmoxClusters, cluster)).toEqual([inUseFinalizer])
    expect(vms.list().map(({ metadata }) => metadata.uid)).toEqual([vm.metadata.uid])
    await remove(vm)
    vms = new Store()
    await look()
    expect(await finalizersOf(proxmoxClusters, cluster)).toEqual([])
  })

  it('lets no IPPool go of which an address is held', async () => {
    const [name, scope] = [freshName('pool'), freshName('scope')]
    const pools = new Store<Awaited<ReturnType<typeof pool>>>()
    const pool = async () => await make(ipPools, { name, finalizers: [heldFinalizer], spec: { scope, ...aV4Pool() } })
    pools.put(await pool())
    const { metadata } = await held(name, '203.0.113.7', await aVM(), scope)
    const guard = () => new PoolGuard({ client, pools, addresses: new Store(), isUsed: () => false })
    expect(await guard().unprotect(name)).toBe(false)
    expect(await finalizersOf(ipPools, name)).toEqual([heldFinalizer])
    // Its record stays, and holds nothing.
    await client.mergePatch(poolAddresses, { name: metadata.name }, { spec: { claimRef: null, state: 'Released' } })
    expect(await guard().unprotect(name)).toBe(true)
    expect(await finalizersOf(ipPools, name)).toEqual([])
  })

  it('passes no claim of its holder on, and calls the holder gone only when the API server does', async () => {
    const holder = await aVM()
    const { uid = '', name } = holder.metadata
    expect(await recorded.isGone(uid)).toBe(false)
    const scope = freshName('scope')
    const addresses = new Store<Awaited<ReturnType<typeof held>>>()
    addresses.put(await held(freshName('pool'), '203.0.113.8', holder, scope))
    const inherit = async () => {
      const { isLiving, isGone } = new RecordedGuests({ client, vms: new Store(), clock })
      const who = { namespace, name: 'heir', uid: 'heir', cluster, labels: {} }
      return await inheritClaims({ client, addresses, clock, isLiving, isGone }, who, [], ['203.0.113.8'])
    }
    expect(await inherit()).toEqual([])
    await remove(holder)
    await aVM(name)
    expect(await recorded.isGone(uid, { namespace, name })).toBe(true)
    expect(await new RecordedGuests({ client, vms: new Store(), clock }).isGone(uid)).toBe(true)
    expect(await inherit()).toEqual(['203.0.113.8'])
  })

  it('finds nothing of a kind that was deleted', async () => {
    const resource: Resource<KubeObject> = { ...(proxmoxVMs as Resource<KubeObject>), plural: 'nothings' }
    expect(await findOne({ client, resource }, {})).toBeUndefined()
    expect(await lookUp({ client, resource, store: new Store() }, `${namespace}/any`)).toBeUndefined()
  })

  it('gives no guest to another object whose owner lives', async () => {
    const { metadata } = await aVM()
    const { uid = '' } = metadata
    const look = { at: { node: 'pve1', vmid: 105 }, seen: { config: { values: { description: markOf(uid, 105) } } } }
    const objection = async () => await ownerObjection({ deps: { isGone: recorded.isGone } } as never, look as never)
    expect(await objection()).toMatchObject({ is: 'stalled', reason: 'AdoptMismatch', message: expect.stringContaining(uid) })
    await client.delete(proxmoxVMs, { namespace, name: metadata.name })
    expect(await objection()).toBeUndefined()
  })

  it('takes no snapshot for one of a former VM, when it is the VM known here that is the former one', async () => {
    const vm = await aVM()
    const { name: vmName, uid = '' } = vm.metadata
    const name = freshName('snap')
    await make(proxmoxVMSnapshots, { name, spec: { vmRef: { name: vmName } } })
    const snapshot = await client.mergePatch(
      proxmoxVMSnapshots,
      { namespace, name },
      { status: { vmUID: uid, observedGeneration: 1 } },
      { subresource: 'status' },
    )
    const deps = { client, vms, snapshots: new Store(), snapshotsOf: () => [snapshot], mayAct: () => undefined, clock }
    const isThere = async () => (await client.get(proxmoxVMSnapshots, { namespace, name })) !== undefined
    await releaseFormer(deps as never, `${namespace}/${vmName}`, 'of the former VM')
    expect(await isThere()).toBe(true)
    await remove(vm)
    await releaseFormer(deps as never, `${namespace}/${vmName}`, 'of the former VM')
    expect(await isThere()).toBe(false)
  })

  const aZone = async (finalizers: string[] = []) => {
    const name = freshName('zone')
    const powerDNS = { url: 'http://127.0.0.1:1', apiKeySecretRef: { namespace, name: 'none', key: 'key' } }
    return await make(dnsZones, { name, finalizers, spec: { zone: `${name}.example`, powerDNS } })
  }
  const noted = (zone: string) => ({ zone, name: `www.${zone}.example`, type: 'A', values: ['203.0.113.9'], ttl: 300, synced: true })

  it('forgets no record of a zone that there is', async () => {
    const { name } = (await aZone()).metadata
    const outcomeIn = async (zone: string) => {
      const zones = new Store<Awaited<ReturnType<typeof aZone>>>()
      const sync = new RecordSync({ directory: new ZoneDirectory(zones), isZone: new ZoneRecords({ client, zones }).has, clock })
      return [...(await sync.run({ uid: 'u', wanted: [], removals: [noted(zone)] })).values()]
    }
    expect(await outcomeIn(name)).toEqual([{ is: 'waits' }])
    expect(await outcomeIn(freshName('none'))).toEqual([{ is: 'lost' }])
  })

  it('lets no DNSZone go that has a record of a VM', async () => {
    const { name } = (await aZone([inUseFinalizer])).metadata
    const vm = await aVM()
    const dns = { records: [noted(name)] }
    await client.mergePatch(proxmoxVMs, { namespace, name: vm.metadata.name }, { status: { dns } }, { subresource: 'status' })
    await client.delete(dnsZones, { name })
    const look = async (): Promise<void> => {
      const zones = new Store<Awaited<ReturnType<typeof aZone>>>()
      const object = await client.get(dnsZones, { name })
      if (object) zones.put(object)
      const directory = new ZoneDirectory(zones)
      const records = new ZoneRecords({ client, zones })
      const sync = new RecordSync({ directory, isZone: records.has, clock })
      const providers = { loginOf: async () => '', make: async () => undefined } as never
      const queue = { forget: () => undefined, addAfter: () => undefined } as never
      const events = { record: () => undefined }
      const controller = new ZoneController({
        client,
        zones,
        vms: new Store(),
        directory,
        providers,
        sync,
        records,
        queue,
        events,
        clock,
        force: () => undefined,
      })
      await controller.reconcile(name)
    }
    await look()
    expect(await finalizersOf(dnsZones, name)).toEqual([inUseFinalizer])
    await remove(vm)
    await look()
    expect(await client.get(dnsZones, { name })).toBeUndefined()
  })
})
