import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { apiVersion, inUseFinalizer } from '../../src/api/group.ts'
import { proxmoxClusters, proxmoxVMs, secrets } from '../../src/api/meta.ts'
import type { ProxmoxCluster, ProxmoxClusterSpec } from '../../src/api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { WorkQueue } from '../../src/kube/queue.ts'
import { Store } from '../../src/kube/store.ts'
import { Reflector } from '../../src/kube/watch.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { RecordedGuests } from '../../src/cluster/guest-owners.ts'
import { ClusterController } from '../../src/cluster/controller.ts'
import { PveError } from '../../src/proxmox/pve-error.ts'
import { freshName, freshNamespace, testClient } from '../support/kube.ts'
import { until } from '../support/until.ts'
import { type Simulated, simulated } from '../proxmox/simulated.ts'

let client: KubeClient
let sim: Simulated
let namespace: string
let name: string
let controller: ClusterController
let stop: AbortController
let running: Promise<unknown>
const faults: unknown[] = []

beforeAll(async () => {
  client = testClient()
  sim = await simulated({ tls: true })
  namespace = await freshNamespace(client)
})
afterAll(async () => {
  await sim.stop()
  await client.close()
})
beforeEach(async () => {
  name = freshName('pve')
  await startController()
})
afterEach(async () => {
  await sim.clearFaults()
  await stopController()
  if (faults.length > 0) throw new AggregateError(faults.splice(0), 'the controller threw')
})

async function startController(): Promise<void> {
  const clusters = new Store<ProxmoxCluster>()
  const vms = new Store<ProxmoxVM>()
  const queue = new WorkQueue({ clock: systemClock, onFault: (_, fault) => faults.push(fault) })
  const recorded = new RecordedGuests({ client, vms, clock: systemClock })
  const guests = {
    installation: { uid: 'here' },
    isOfConcern: () => false,
    remembered: () => [],
    onGuest: () => undefined,
    onUnclaimed: () => undefined,
  }
  controller = new ClusterController({ client, clusters, vms, recorded, guests, queue, clock: systemClock })
  stop = new AbortController()
  const reflectors = [
    new Reflector({
      client,
      resource: proxmoxClusters,
      store: clusters,
      clock: systemClock,
      selection: { fieldSelector: `metadata.name=${name}` },
    }),
    new Reflector({ client, resource: proxmoxVMs, store: vms, clock: systemClock, selection: { namespace } }),
  ]
  const watching = reflectors.map((reflector) => reflector.run(stop.signal))
  await Promise.all([clusters.synced, vms.synced])
  running = Promise.all([...watching, controller.run(stop.signal)])
}

async function stopController(): Promise<void> {
  stop.abort()
  await running
}

const key = () => ({ namespace, name })
const cluster = () => client.get(proxmoxClusters, { name })
const conditions = (object: ProxmoxCluster | undefined) =>
  object?.status?.conditions?.map(({ type, status, reason }) => `${type}=${status}/${reason}`) ?? []
const becomes = (...expected: string[]) =>
  until(expected.join(' '), async () => {
    const object = await cluster()
    return expected.every((condition) => conditions(object).includes(condition)) && object
  })
const makeSecret = (tokenSecret = 'sim') =>
  client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: key(), stringData: { tokenID: 'root@pam!sim', tokenSecret } })
const makeCluster = (spec: Partial<ProxmoxClusterSpec> = {}) =>
  client.create(proxmoxClusters, {
    apiVersion,
    kind: 'ProxmoxCluster',
    metadata: { name },
    spec: {
      endpoints: [sim.simulator.url],
      credentialsSecretRef: key(),
      tls: { caBundle: sim.simulator.ca! },
      vmids: { from: 1000, to: 1999 },
      limits: { requests: 8, fullClonesPerNode: 4 },
      ...spec,
    },
  })
const makeVm = () =>
  client.create(proxmoxVMs, {
    apiVersion,
    kind: 'ProxmoxVM',
    metadata: key(),
    spec: { clusterRef: { name }, template: { vmid: 9000 }, package: { cpu: { cores: 1 } } },
  } as ProxmoxVM)

describe('a ProxmoxCluster', () => {
  it('becomes Ready with version, nodes and templates, and then stays unwritten', async () => {
    await makeSecret()
    await makeCluster()
    const ready = await becomes('Ready=True/Ready', 'Reachable=True/Reachable', 'Authorized=True/Succeeded')
    expect(ready.status).toMatchObject({ observedGeneration: 1, version: expect.stringMatching(/^9\./), missingPrivileges: [] })
    expect(ready.status?.nodes).toEqual(['pve1', 'pve2', 'pve3'].map((node) => ({ name: node, online: true, vms: 0 })))
    expect(ready.status?.templates).toContainEqual({ name: 'ubuntu-24.04', tag: 'ubuntu-24.04', node: 'pve1', vmid: 9010 })
    expect(controller.directory.get(name)?.facts()).toMatchObject({ firewallEnabled: true })
    expect(controller.directory.problem(name)).toBeUndefined()
    await controller.reconcile(name)
    expect((await cluster())?.metadata.resourceVersion).toBe(ready.metadata.resourceVersion)
  })

  it('says which Secret or key is missing, and goes on by itself when an edit names another', async () => {
    await makeCluster({ credentialsSecretRef: { namespace, name: `${name}-not` } })
    const stalled = await becomes('Ready=False/CredentialsNotFound', 'Stalled=True/CredentialsNotFound')
    expect(stalled.status?.conditions?.[0]?.message).toBe(`Secret ${namespace}/${name}-not does not exist; create it`)
    expect(controller.directory.problem(name)).toMatchObject({ reason: 'CredentialsNotFound' })
    await makeSecret()
    await client.mergePatch(proxmoxClusters, { name }, { spec: { credentialsSecretRef: key() } })
    expect((await becomes('Ready=True/Ready')).status?.observedGeneration).toBe(2)
  })

  it('takes up a rotated token, and keeps the same live cluster', async () => {
    await makeSecret()
    await makeCluster()
    await becomes('Ready=True/Ready')
    const live = controller.directory.get(name)
    await client.mergePatch(secrets, key(), { stringData: { tokenSecret: 'wrong' } })
    await client.mergePatch(proxmoxClusters, { name }, { spec: { limits: { requests: 4 } } })
    const refused = await becomes('Ready=False/Unauthorized', 'Reachable=True/Reachable', 'Stalled=True/Unauthorized')
    const { namespace: from, name: secret } = key()
    const said = `PVE refuses the token in Secret ${from}/${secret} (401: Authentication failed!): correct tokenID and tokenSecret there, `
    expect(refused.status?.conditions?.[0]?.message).toContain(said)
    expect(controller.directory.problem(name)?.message).toContain(said)
    await client.mergePatch(secrets, key(), { stringData: { tokenSecret: 'sim' } })
    await client.mergePatch(proxmoxClusters, { name }, { spec: { limits: { requests: 8 } } })
    await becomes('Ready=True/Ready')
    expect(controller.directory.get(name)).toBe(live)
  })

  it('does not trust a certificate that is not the pinned one', async () => {
    await makeSecret()
    await makeCluster({ tls: { fingerprints: [`${'AA:'.repeat(31)}AA`] } })
    await becomes('Ready=False/TLSUntrusted', 'Reachable=False/TLSUntrusted', 'Stalled=True/TLSUntrusted')
    expect(controller.directory.get(name)?.facts()).toBeUndefined()
    await client.mergePatch(proxmoxClusters, { name }, { spec: { tls: { fingerprints: [sim.simulator.fingerprint] } } })
    await becomes('Ready=True/Ready')
  })

  it('keeps itself and its Secret while a VM names it, and takes no new ones once it is being deleted', async () => {
    await makeSecret()
    await makeCluster()
    await becomes('Ready=True/Ready')
    await makeVm()
    await until('both carry the finalizer', async () => {
      const holders = [await cluster(), await client.get(secrets, key())]
      return holders.every((object) => object?.metadata.finalizers?.includes(inUseFinalizer))
    })
    await client.delete(proxmoxClusters, { name })
    await client.delete(secrets, key())
    await until('it takes no new VMs', () => controller.directory.get(name)?.deleting === true)
    await until('it says why it stays', async () =>
      (await cluster())?.status?.conditions?.some(({ message }) => message.includes(`1 ProxmoxVM names it (${namespace}/${name})`)),
    )
    expect(await client.get(secrets, key())).toBeDefined()
    await client.delete(proxmoxVMs, key())
    await until('both are gone', async () => (await cluster()) === undefined && (await client.get(secrets, key())) === undefined)
    await until('its connection is closed', () => controller.directory.get(name) === undefined)
  })

  const isHeld = async (secret: { namespace: string; name: string }) =>
    (await client.get(secrets, secret))?.metadata.finalizers?.includes(inUseFinalizer) === true
  async function holdSecret(): Promise<void> {
    await makeSecret()
    await makeCluster()
    await makeVm()
    await until('the Secret carries the finalizer', () => isHeld(key()))
  }

  it('lets go of a Secret it no longer names, so that it can be deleted', async () => {
    await holdSecret()
    const next = { ...key(), name: `${key().name}-next` }
    const { data } = (await client.get(secrets, key()))!
    await client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: next, ...(data && { data }) })
    await client.mergePatch(proxmoxClusters, { name }, { spec: { credentialsSecretRef: next } })
    await until('the new one carries it, and the old one does not', async () => (await isHeld(next)) && !(await isHeld(key())))
    await client.delete(secrets, key())
    expect(await client.get(secrets, key())).toBeUndefined()
  })

  it('lets go of a Secret that an edit stopped to name while no operator ran', async () => {
    await holdSecret()
    expect((await cluster())?.status?.heldSecrets).toEqual([key()])
    await stopController()
    const next = { ...key(), name: `${key().name}-next` }
    const { data } = (await client.get(secrets, key()))!
    await client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: next, ...(data && { data }) })
    await client.mergePatch(proxmoxClusters, { name }, { spec: { credentialsSecretRef: next } })
    await startController()
    await until('the new one carries it, and the old one does not', async () => (await isHeld(next)) && !(await isHeld(key())))
    expect((await cluster())?.status?.heldSecrets).toEqual([next])
    await client.delete(secrets, key())
    expect(await client.get(secrets, key())).toBeUndefined()
  })

  it('reserves VMIDs in its status', async () => {
    await makeSecret()
    await makeCluster()
    await becomes('Ready=True/Ready')
    const live = controller.directory.get(name)!
    const grants = await Promise.all([1, 2, 3].map(() => live.vmids.allocate(live.spec.vmids, undefined, (vmid) => vmid === 1001)))
    expect(grants).toEqual([1000, 1002, 1003].map((vmid) => ({ is: 'granted', vmid })))
    expect((await cluster())?.status?.vmids).toEqual({ reservedUpTo: 1099 })
  })

  it('says that PVE is away, concludes nothing from it, and is Ready again by itself', async () => {
    await makeSecret()
    await makeCluster()
    await becomes('Ready=True/Ready')
    await sim.fault({ route: 'GET /cluster/resources', drop: 'before', times: 'always', id: 'away' })
    const away = controller.directory.get(name)!.inventory.since(systemClock.monotonicMs())
    await expect(away).rejects.toThrow(PveError)
    const seen = await becomes(
      'Ready=False/Unreachable',
      'Reachable=False/Unreachable',
      'Authorized=True/Succeeded',
      'Reconciling=True/Unreachable',
    )
    expect(seen.status?.templates).not.toEqual([])
    await sim.clearFaults()
    await until('a listing succeeds', () => controller.directory.get(name)!.inventory.since(systemClock.monotonicMs()))
    await becomes('Ready=True/Ready', 'Reachable=True/Reachable')
  })
})
