import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  type KubeObject,
  leases,
  namespaces,
  poolAddresses,
  proxmoxVMCommands,
  proxmoxVMs,
  secrets,
  vmPackages,
} from '../../src/api/meta.ts'
import { KubeError } from '../../src/kube/client.ts'
import { Manifests, parseManifests } from '../../src/kube/manifests.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { manifest } from '../crds/manifests.ts'
import { freshName, freshNamespace, testClient, testKubeconfig } from '../support/kube.ts'
import { until } from '../support/until.ts'

const directory = join(import.meta.dirname, '../../deploy')
const read = (file: string): KubeObject[] => parseManifests(readFileSync(join(directory, file), 'utf8'))
const namespace = 'pve-system'

const client = testClient()
const manifests = new Manifests({ client, clock: systemClock })
afterAll(() => client.close())
// Not in a dry run: what is namespaced would have no namespace to be in.
beforeAll(() => manifests.apply([...read('namespace.yaml'), { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'customer-7' } }]))

describe('the kustomize base', () => {
  it('is accepted by the API server as kubectl sends it', () => {
    const args = ['apply', '-k', directory, '--dry-run=server', '--server-side', '--force-conflicts', '--validate=strict']
    const run = spawnSync('kubectl', args, { env: { ...process.env, KUBECONFIG: testKubeconfig() }, encoding: 'utf8' })
    if (run.error && 'code' in run.error && run.error.code === 'ENOENT') {
      process.stderr.write('not tested: kubectl apply -k deploy (there is no kubectl on this machine)\n')
      return
    }
    expect(run.stderr).toBe('')
    expect(run.status).toBe(0)
    expect(run.stdout.match(/serverside-applied|configured|created|unchanged/g)?.length).toBeGreaterThanOrEqual(27)
  })

  it('names every file of the folder', () => {
    const named = readFileSync(join(directory, 'kustomization.yaml'), 'utf8')
    const files = readdirSync(directory).filter(
      (name) => name.endsWith('.yaml') && name !== 'kustomization.yaml' && !/^alerts(?:\.rules)?\.yaml$/.test(name),
    )
    expect(files.filter((file) => !named.includes(`- ${file}`))).toEqual([])
  })

  it('runs pods that the strictest Pod Security level admits', async () => {
    const strict = await freshNamespace(client, { 'pod-security.kubernetes.io/enforce': 'restricted' })
    const deployment = read('deployment.yaml').find((object) => object.kind === 'Deployment') as KubeObject & {
      spec: { template: { spec: object } }
    }
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: freshName(), namespace: strict }, spec: deployment.spec.template.spec }
    await expect(client.create(await manifests.resourceOf(pod), pod, { dryRun: true })).resolves.toBeDefined()
    const bare = { ...pod, spec: { containers: [{ name: 'operator', image: 'pve-operator' }] } }
    await expect(client.create(await manifests.resourceOf(bare), bare, { dryRun: true })).rejects.toThrow(
      'violates PodSecurity "restricted',
    )
  })
})

describe('the ServiceAccount of the operator', () => {
  const account = testClient({
    as: { user: `system:serviceaccount:${namespace}:pve-operator`, groups: ['system:serviceaccounts', 'system:authenticated'] },
  })
  afterAll(() => account.close())
  beforeAll(async () => {
    await manifests.apply(read('rbac.yaml'))
    await until('the roles act', () => account.list(vmPackages))
  })

  const refusedAs = async (attempt: Promise<unknown>): Promise<string> => {
    try {
      await attempt
      return 'allowed'
    } catch (fault) {
      if (!(fault instanceof KubeError)) throw fault
      return fault.reason
    }
  }

  it('may do its work', async () => {
    const key = { name: freshName(), namespace: 'customer-7' }
    await client.create(proxmoxVMs, manifest('ProxmoxVM', key.name, {}, key.namespace) as never)
    const marked = await account.mergePatch(proxmoxVMs, key, { metadata: { finalizers: [] } })
    await account.replaceStatus(proxmoxVMs, { ...marked, status: { phase: 'Pending' } })
    const command = manifest('ProxmoxVMCommand', key.name, { vmRef: { name: key.name } }, key.namespace)
    await client.create(proxmoxVMCommands, command as never)
    const [pressed] = (await account.list(proxmoxVMCommands)).filter(({ metadata }) => metadata.name === key.name)
    await account.replaceStatus(proxmoxVMCommands, { ...pressed!, status: { phase: 'Succeeded' } })
    await account.delete(proxmoxVMCommands, key)
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: `${key.name}-credentials`, namespace: key.namespace } }
    await account.create(secrets, secret)
    expect((await account.get(secrets, secret.metadata))?.metadata.name).toBe(secret.metadata.name)
    await account.delete(secrets, secret.metadata)
    const sold = { name: freshName() }
    await client.create(vmPackages, manifest('VMPackage', sold.name, {}) as never)
    await account.mergePatch(vmPackages, sold, { status: { sellable: [{ cluster: 'fra1', count: 1 }] } }, { subresource: 'status' })
    await client.delete(vmPackages, sold)
    const address = manifest('PoolAddress', '192.0.2.77', { address: '192.0.2.77' })
    await account.replace(poolAddresses, await account.create(poolAddresses, address as never))
    await account.delete(poolAddresses, address.metadata)
    await account.create(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: freshName(), namespace } })
    expect((await account.list(namespaces)).length).toBeGreaterThan(0)
    await client.delete(proxmoxVMs, key)
  })

  it.each([
    ['list Secrets', () => account.list(secrets, { namespace: 'customer-7' })],
    ['watch Secrets', () => account.request('GET', '/api/v1/namespaces/customer-7/secrets?watch=1&timeoutSeconds=1')],
    ['delete VMs', () => account.delete(proxmoxVMs, { name: 'small', namespace: 'customer-7' })],
    ['create VMs', () => account.create(proxmoxVMs, manifest('ProxmoxVM', freshName(), {}, 'customer-7') as never, { dryRun: true })],
    [
      'press buttons',
      () => account.create(proxmoxVMCommands, manifest('ProxmoxVMCommand', freshName(), {}, 'customer-7') as never, { dryRun: true }),
    ],
    ['change packages', () => account.mergePatch(vmPackages, { name: 'vps-s' }, { spec: {} })],
    ['take a Lease elsewhere', () => account.get(leases, { name: 'x', namespace: 'kube-system' })],
  ] as [string, () => Promise<unknown>][])('may not %s', async (_, attempt) => {
    expect(await refusedAs(attempt())).toBe('Forbidden')
  })

  it('has no wildcard in its roles', () => {
    expect(['rbac.yaml', 'roles.yaml'].map((file) => readFileSync(join(directory, file), 'utf8')).join()).not.toContain('*')
  })
})

describe('the examples', () => {
  const files = readdirSync(join(directory, 'examples'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'))

  it.each(files.toSorted())('%s is accepted as it stands', async (file) => {
    const objects = read(join('examples', file))
    const applied = await manifests.apply(objects, { dryRun: true })
    expect(applied.map((object) => object.metadata.name)).toEqual(objects.map((object) => object.metadata.name))
  })

  it('show every kind that people write', () => {
    const kinds = new Set(files.flatMap((file) => read(join('examples', file))).map((object) => object.kind))
    expect([...kinds].toSorted()).toEqual([
      'DNSZone',
      'IPPool',
      'Namespace',
      'ProxmoxCluster',
      'ProxmoxVM',
      'ProxmoxVMBackup',
      'ProxmoxVMCommand',
      'ProxmoxVMSnapshot',
      'Secret',
      'VMPackage',
    ])
  })
})
