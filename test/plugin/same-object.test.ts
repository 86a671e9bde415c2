/** What the plugin does when the object is another one than it was, or goes without the end of its VM. No operator runs here. */
import { beforeAll, describe, expect, it } from '@jest/globals'
import { type KubeObject, poolAddresses, proxmoxVMs } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { KubeClient } from '../../src/kube/client.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { reportOf } from '../../src/plugin/status-report.ts'
import { unsuspend } from '../../src/plugin/suspension.ts'
import { unseenOf } from '../../src/plugin/unclaimed.ts'
import { freshNamespace, testClient, testKubeconfig, testServer } from '../support/kube.ts'
import { at, pve } from './terminal.ts'

let namespace = ''
const client = testClient()
const here = at(() => namespace)

beforeAll(async () => {
  namespace = await freshNamespace(client)
})

async function made(name: string): Promise<ProxmoxVM> {
  const spec = { clusterRef: { name: 'nowhere' }, template: { name: 'debian-13' }, packageRef: { name: 'small' } }
  const object = { apiVersion: 'pve.hosting/v1alpha1', kind: 'ProxmoxVM', metadata: { namespace, name }, spec }
  const vm = await client.create(proxmoxVMs, object as unknown as ProxmoxVM)
  const status = { ...vm.status, vmid: 10_000, node: 'pve1', firstReadyAt: '2026-11-26T10:00:00Z', remoteStatus: 'running' }
  return await client.replaceStatus(proxmoxVMs, { ...vm, status })
}

describe('a question about a VM whose object is made anew before the answer', () => {
  it.each([
    ['reinstall', 'web1', []],
    ['restore', 'web2', ['nightly']],
    ['suspend', 'web3', ['--reason', 'unpaid']],
  ])('is no answer about the new one: %s', async (button, name, more) => {
    await made(name)
    const ask = async (): Promise<string> => {
      await client.delete(proxmoxVMs, { namespace, name })
      await made(name)
      return 'y'
    }
    const words = [button, name, ...more, '-n', namespace, '--kubeconfig', testKubeconfig(), '--no-wait']
    const { code, err } = await pve(words, { ask })
    expect([code, err]).toEqual([
      1,
      expect.stringContaining('was deleted meanwhile, and another one has its name now; nothing was written.'),
    ])
    const now = await client.get(proxmoxVMs, { namespace, name })
    expect(now?.spec).toMatchObject({ template: { name: 'debian-13' } })
    expect([now?.spec.reinstall, now?.spec.restore, now?.spec.suspensions]).toEqual([undefined, undefined, undefined])
  })
})

/** The operator writes the status between the look of the plugin and its write. */
class Hurried extends KubeClient {
  #isLate = false

  override async replace<T extends KubeObject>(...[resource, object]: Parameters<KubeClient['replace']>): Promise<T> {
    if (!this.#isLate) {
      this.#isLate = true
      const vm = (await client.get(proxmoxVMs, { namespace, name: object.metadata.name }))!
      await client.replaceStatus(proxmoxVMs, { ...vm, status: { ...vm.status, localStatus: 'ready' } })
    }
    return (await super.replace(resource, object)) as T
  }
}

describe('a suspension that is taken away by force', () => {
  it('goes although the operator has written the status meanwhile', async () => {
    const vm = await made('forced')
    await client.mergePatch(proxmoxVMs, { namespace, name: 'forced' }, { spec: { suspensions: [{ by: 'billing', reason: 'unpaid' }] } })
    const hurried = new Hurried({ server: testServer(), fieldManager: 'test', clock: systemClock })
    const shell = { out: () => undefined, err: () => undefined, isTerminal: false, columns: 100, version: '0', clock: systemClock }
    const session = { shell: { ...shell, signal: new AbortController().signal }, client: hurried, namespace, isDryRun: false }
    try {
      await unsuspend(session, 'forced', { by: 'billing', force: true, wait: false })
    } finally {
      await hurried.close()
    }
    const now = await client.get(proxmoxVMs, { namespace, name: 'forced' })
    expect([now?.metadata.uid, now?.spec.suspensions ?? []]).toEqual([vm.metadata.uid, []])
  })
})

describe('a termination', () => {
  it('is not told as done when the object went and still holds its address', async () => {
    const { metadata } = await made('left')
    const address = '198.18.77.7'
    const claimRef = { namespace, name: 'left', uid: metadata.uid ?? '', entry: 'main', since: '2026-11-26T10:00:00Z' }
    await client.create(poolAddresses, {
      apiVersion: 'pve.hosting/v1alpha1',
      kind: 'PoolAddress',
      metadata: { name: address },
      spec: { address, poolRef: { name: 'none' }, scope: 'default', state: 'Allocated', claimRef },
    })
    const { code, out, err } = await here('terminate', 'left', '--yes')
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(/the object is gone and still holds 198\.18\.77\.7: .*VM 10000 may still run in PVE/)
    await client.delete(poolAddresses, { name: address })
  })
})

describe('what the operator has not read', () => {
  it('is not told as the state: a verdict on an older edit names no person who must act', () => {
    const conditions = [{ type: 'Ready', status: 'False', reason: 'TemplateNotFound', message: 'there is no template debian-31.' }]
    const vm = { metadata: { name: 'web', generation: 2 }, spec: {}, status: { observedGeneration: 1, conditions } } as unknown as ProxmoxVM
    expect(reportOf(vm, [], 0).waitsFor).toEqual({
      reason: 'Applying',
      message:
        'The operator has not read the newest edit of the spec yet; of the one before it said TemplateNotFound: there is no template debian-31.',
      who: 'operator',
    })
    const read = { ...vm, status: { ...vm.status, observedGeneration: 2 } } as ProxmoxVM
    expect(reportOf(read, [], 0).waitsFor).toMatchObject({ reason: 'TemplateNotFound', who: 'user' })
  })

  it('is named beside the guests without an object', () => {
    const cluster = (status: object) => ({ metadata: { name: 'fra1' }, status }) as unknown as Parameters<typeof unseenOf>[0]
    const silent = [{ type: 'Reachable', status: 'False', reason: 'Unreachable', message: 'connect ECONNREFUSED' }]
    expect(unseenOf(cluster({}))).toEqual(['fra1: the operator has not read its guests yet, so there may be some'])
    expect(unseenOf(cluster({ unclaimed: [], conditions: silent }))).toEqual([
      'fra1: the list is of before PVE fell silent: connect ECONNREFUSED',
    ])
    expect(unseenOf(cluster({ unclaimed: [] }))).toEqual([])
  })
})
