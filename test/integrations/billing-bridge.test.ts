/** examples/billing-bridge as its user runs it: as a program, as a ServiceAccount with the rights of pve-billing-bridge and no others. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { poolAddresses, proxmoxClusters, proxmoxVMs, secrets } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { Manifests, parseManifests } from '../../src/kube/manifests.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { testServer } from '../support/kube.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'

const root = join(import.meta.dirname, '../..')
const program = join(root, 'examples/billing-bridge/bridge.ts')

interface Told {
  readonly code: number
  readonly [key: string]: unknown
}

let world: TestWorld
let directory: string
let environment: NodeJS.ProcessEnv
let pool: string
let small: string
let large: string

beforeAll(async () => {
  world = await TestWorld.start()
  pool = await world.pool({ ranges: ['203.0.113.10-203.0.113.12'], prefixLength: 24, gateway: '203.0.113.1', network: { bridge: 'vmbr0' } })
  small = await world.package({ cpu: { cores: 1 }, memory: { size: '1Gi' }, systemDisk: { size: '20Gi' } })
  large = await world.package({ cpu: { cores: 2 }, memory: { size: '2Gi' }, systemDisk: { size: '40Gi' } })
  directory = await mkdtemp(join(tmpdir(), 'billing-bridge-'))
  environment = await accountOf(world)
})
afterAll(async () => {
  await rm(directory, { recursive: true, force: true })
  await world.stop()
})

/** What the roles say of clusters, packages and pools: a binding for the whole cluster. */
const viewer = (namespace: string) => `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: bridge-views-${namespace}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: pve-viewer}
subjects: [{kind: ServiceAccount, name: billing-bridge, namespace: ${namespace}}]
`

/** rights.yaml of the example, in the namespace of this world, and a token of the account it makes. */
async function accountOf({ client, namespace }: TestWorld): Promise<NodeJS.ProcessEnv> {
  const rights = (await readFile(join(root, 'examples/billing-bridge/rights.yaml'), 'utf8')).replaceAll('customer-142', namespace)
  const roles = await readFile(join(root, 'deploy/roles.yaml'), 'utf8')
  const objects = [roles, rights, viewer(namespace)].flatMap((text) => parseManifests(text))
  await new Manifests({ client, clock: systemClock }).apply(objects)
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/billing-bridge/token`
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }
  const { status } = (await client.request('POST', path, request)) as { status: { token: string } }
  const { url, ca = '' } = testServer()
  await writeFile(join(directory, 'token'), status.token)
  await writeFile(join(directory, 'ca.crt'), ca)
  return { PATH: process.env.PATH, KUBE_SERVER: url, KUBE_TOKEN_FILE: join(directory, 'token'), KUBE_CA_FILE: join(directory, 'ca.crt') }
}

function press(...words: string[]): Promise<Told> {
  const options = words.includes('--timeout') ? [] : ['--timeout', '120']
  const call = ['--disable-warning=ExperimentalWarning', program, ...words, '--namespace', world.namespace, ...options]
  return new Promise((resolve, reject) => {
    execFile(process.execPath, call, { env: environment }, (fault, stdout, stderr) => {
      const code = fault === null ? 0 : fault.code
      if (typeof code !== 'number' || (stdout === '' && code !== 2)) reject(new Error(`${words.join(' ')}: ${String(code)} ${stderr}`))
      else resolve({ code, ...(stdout === '' ? { usage: stderr } : (JSON.parse(stdout) as object)) })
    })
  })
}

/** spec.console of the ProxmoxCluster: no broker runs here, the operator alone gives the URL. */
async function allowConsoles({ client, cluster, namespace, operator }: TestWorld): Promise<void> {
  const login = { namespace, name: 'console-login' }
  await client.create(secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: login,
    stringData: { tokenID: 'root@pam!sim', tokenSecret: 'sim' },
  })
  const console = { url: 'https://console.example.com', credentialsSecretRef: login }
  await client.mergePatch(proxmoxClusters, { name: cluster }, { spec: { console } })
  await until('the operator has read it', () => operator?.operator.stores.clusters.get(cluster)?.spec.console)
}

/** Called again it answers the same, and neither PVE nor the object is written to. */
async function pressTwice(...words: string[]): Promise<Told> {
  const once = await press(...words)
  const before = await world.vm('whmcs-5546')
  world.simulator.requests.reset()
  expect(await press(...words)).toEqual(once)
  expect(world.writes()).toEqual([])
  const after = await world.vm('whmcs-5546')
  expect([after?.metadata.uid, after?.metadata.generation]).toEqual([before?.metadata.uid, before?.metadata.generation])
  return once
}

async function order(packageName: string, more: object = {}, serviceID = '5546'): Promise<string> {
  const file = join(directory, `${serviceID}.json`)
  const example = JSON.parse(await readFile(join(root, 'examples/billing-bridge/order.json'), 'utf8')) as { spec: object }
  const spec = {
    ...example.spec,
    clusterRef: { name: world.cluster },
    packageRef: { name: packageName },
    package: {},
    addresses: [{ name: 'main', poolRef: { name: pool } }],
    hostname: `web${serviceID}.vps.example.com`,
    ...more,
  }
  await writeFile(file, JSON.stringify({ ...example, serviceID, spec }))
  return file
}

const config = (key: string) => world.guests()[0]?.config.get(key)

describe('a service, each button pressed twice', () => {
  let created: Told

  it('is created: ready, with its address, its login and the hour from which it is billed', async () => {
    created = await pressTwice('create', await order(small))
    expect(created).toMatchObject({
      code: 0,
      name: 'whmcs-5546',
      power: 'running',
      hostname: 'web5546.vps.example.com',
      addresses: { main: '203.0.113.10' },
      suspendedBy: [],
      notes: [],
      login: { username: 'admin', password: expect.stringMatching(/^.{20}$/) },
    })
    expect(Date.parse(String(created.firstReadyAt))).not.toBeNaN()
    expect((await world.vm('whmcs-5546'))?.metadata.labels).toEqual({ 'pve.hosting/client-id': '142', 'pve.hosting/service-id': '5546' })
    expect(world.guests()).toHaveLength(1)
  })

  it('shows its screen: a URL for the customer, the same one while nobody has opened it', async () => {
    await allowConsoles(world)
    const told = await press('console', '5546', 'click-1')
    expect(told).toEqual({
      code: 0,
      url: expect.stringMatching(/^https:\/\/console\.example\.com\/#.+\/whmcs-5546-console-click-1\/[\w-]{43}$/),
      openBefore: expect.stringMatching(/Z$/),
    })
    expect(await press('console', '5546', 'click-1')).toEqual(told)
    expect((await press('console', '5546', 'click-2')).url).not.toBe(told.url)
  })

  it('is suspended: off', async () => {
    const told = await pressTwice('suspend', '5546', 'invoice 2024-118 is overdue')
    expect(told).toEqual({ ...created, power: 'stopped', suspendedBy: ['billing'] })
    expect(await press('console', '5546', 'click-3')).toMatchObject({ code: 4, reason: 'Suspended' })
  })

  it('stays off when it is unsuspended while somebody else holds it', async () => {
    await hold([{ by: 'abuse', reason: 'scans' }])
    expect(await pressTwice('unsuspend', '5546')).toEqual({ ...created, power: 'stopped', suspendedBy: ['abuse'] })
    await hold([])
    expect(await press('unsuspend', '5546')).toEqual(created)
    await press('suspend', '5546', 'invoice 2024-118 is overdue')
  })

  it('is unsuspended: on again, and as it was', async () => {
    expect(await pressTwice('unsuspend', '5546')).toEqual(created)
  })

  it('is upgraded', async () => {
    expect(await pressTwice('change', await order(large))).toEqual(created)
    expect([config('cores'), config('memory')]).toEqual(['2', '2048'])
    expect(config('scsi0')).toContain('size=40G')
  })

  it('is downgraded but for the disk, and the clerk is told', async () => {
    const { notes, ...told } = await pressTwice('change', await order(small))
    expect({ ...told, notes: [] }).toEqual(created)
    expect(notes).toEqual([expect.stringMatching(/^DiskShrinkRefused: The new package has a smaller disk.*40Gi.*20Gi/)])
    expect([config('cores'), config('memory')]).toEqual(['1', '1024'])
    expect(config('scsi0')).toContain('size=40G')
  })

  it('is reinstalled once: same address and birthday, another password', async () => {
    const vmid = world.guests()[0]?.vmid
    const told = await pressTwice('reinstall', '5546', 'ticket-8841')
    expect(told).toEqual({ ...created, login: { username: 'admin', password: expect.any(String) } })
    expect(told.login).not.toEqual(created.login)
    expect(world.guests().map((guest) => guest.vmid)).toEqual([vmid])
    expect(config('scsi0')).toContain('size=20G')
    expect((await world.vm('whmcs-5546'))?.status?.reinstall?.completedIDs).toEqual(['ticket-8841'])
  })

  it('is started by a change of package when it was off, once an order, and not while it is suspended', async () => {
    const vm = (await world.vm('whmcs-5546'))!
    const off = async () => {
      await world.inPve('POST', `${world.pathOf(vm)}/status/stop`)
      await until('it is seen off', async () => {
        world.clock.skip(10_000)
        return (await world.vm('whmcs-5546'))?.status?.remoteStatus === 'stopped'
      })
    }
    await off()
    expect(await press('change', await order(large))).toMatchObject({ code: 0, power: 'running' })
    await off()
    expect(await press('change', await order(large))).toMatchObject({ code: 0, power: 'stopped' })
    await press('suspend', '5546', 'overdue')
    expect(await press('change', await order(small))).toMatchObject({ code: 0, power: 'stopped' })
    expect(await press('unsuspend', '5546')).toMatchObject({ code: 0, power: 'running' })
  })

  it('is terminated: nothing is left, and the answer tells date and addresses, also later', async () => {
    const told = await pressTwice('terminate', '5546')
    expect(told).toEqual({ code: 0, name: 'whmcs-5546', gone: true, at: expect.any(String), addresses: ['203.0.113.10'] })
    expect(Date.parse(String(told.at))).not.toBeNaN()
    expect(world.guests()).toEqual([])
    expect((await world.addresses(pool)).filter((address) => address.spec.claimRef)).toEqual([])
  })

  it.each([['suspend', 'late'], ['unsuspend'], ['reinstall', 'ticket-1'], ['show']])(
    'is not there for %s after that, nor made anew by it',
    async (button, ...more) => {
      expect(await press(button, '5546', ...more)).toEqual({ code: 3, error: 'there is no whmcs-5546' })
      expect(await press('change', await order(small))).toMatchObject({ code: 3 })
      expect(await world.vm('whmcs-5546')).toBeUndefined()
    },
  )

  const hold = async (suspensions: object[]): Promise<unknown> => {
    const bare = { apiVersion: 'pve.hosting/v1alpha1', kind: 'ProxmoxVM', metadata: { name: 'whmcs-5546', namespace: world.namespace } }
    const object = { ...bare, ...(suspensions.length > 0 && { spec: { suspensions } }) } as unknown as ProxmoxVM
    return await world.client.apply(proxmoxVMs, object, { fieldManager: 'help-desk' })
  }
})

describe('a clerk', () => {
  it('is told what to do about an order that cannot be met, and the order mended is met', async () => {
    const told = await press('create', await order('no-such-package', {}, '7'))
    expect(told).toMatchObject({ code: 4, reason: 'PackageNotFound' })
    expect(told.error).toContain('The product names a package that does not exist. Correct the product.')
    expect(await press('change', await order(small, {}, '7'))).toMatchObject({ code: 0, power: 'running' })
    expect(await press('terminate', '7')).toMatchObject({ code: 0, gone: true })
  })

  it('is refused a reinstall from an operating system that does not exist, and nothing is written', async () => {
    expect(await press('create', await order(small, {}, '10'))).toMatchObject({ code: 0 })
    const before = await world.vm('whmcs-10')
    const told = await press('reinstall', '10', 'ticket-1', 'debian-31')
    expect(told).toMatchObject({ code: 4, reason: 'TemplateNotFound', error: expect.stringContaining('debian-13') })
    expect((await world.vm('whmcs-10'))?.metadata.generation).toBe(before?.metadata.generation)
  })

  it('who terminates a second time is told what is, not what stood in the way before', async () => {
    const vm = (await world.vm('whmcs-10'))!
    await world.inPve('POST', `${world.pathOf(vm)}/config`, { protection: 1 })
    expect(await press('terminate', '10')).toMatchObject({ code: 4, reason: 'Protected' })
    expect(await press('terminate', '10')).toMatchObject({ code: 4, reason: 'Protected' })
    await world.inPve('POST', `${world.pathOf(vm)}/config`, { protection: 0 })
    expect(await press('terminate', '10')).toMatchObject({ code: 0, name: 'whmcs-10', gone: true })
  })

  it('is told what an order waits for when the time is up', async () => {
    await world.stopOperator()
    expect(await press('create', await order(small, {}, '8'), '--timeout', '2')).toEqual({
      code: 3,
      error: 'nobody has looked at whmcs-8 yet',
    })
    await world.startOperator()
    expect(await press('create', await order(small, {}, '8'))).toMatchObject({ code: 0, power: 'running' })
    expect(await press('terminate', '8')).toMatchObject({ code: 0 })
  })

  it('who terminates a server whose object went by force is told that the server is still there, until it is not', async () => {
    await press('create', await order(small, {}, '11'))
    const { status, metadata } = (await world.vm('whmcs-11'))!
    await world.stopOperator()
    await world.client.delete(proxmoxVMs, metadata)
    await world.client.mergePatch(proxmoxVMs, metadata, { metadata: { finalizers: [] } })
    const address = status?.addresses?.[0]?.address ?? ''
    const told = { code: 4, reason: 'OwnedByFormerObject', error: expect.stringContaining(`kubectl pve who ${address}`) }
    expect(await press('terminate', '11')).toMatchObject(told)
    await world.startOperator()
    world.simulator.world.guests.delete(status?.vmid ?? 0)
    for (const one of await world.addresses(pool)) if (one.spec.claimRef) await world.client.delete(poolAddresses, one.metadata)
    await until('the operator has freed the address', async () => (await world.addresses(pool)).every(({ spec }) => !spec.claimRef))
    expect(await press('terminate', '11')).toMatchObject({ code: 0, gone: true, addresses: [address] })
  })

  it('is refused what the API server refuses, in its words', async () => {
    const told = await press('create', await order(small, { runStrategy: 'Sometimes' }, '9'))
    expect(told).toMatchObject({ code: 1, reason: 'Invalid', error: expect.stringContaining('runStrategy') })
  })

  it('who presses no button is told which there are', async () => {
    expect(await press('crate', 'x')).toMatchObject({ code: 2, usage: expect.stringContaining('usage:') })
  })
})
