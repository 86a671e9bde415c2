/** A whole life of one VM out of Git, with other writers beside: what Argo CD, Flux and kubectl make of every version of it. */
import { execFile, spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Agent, request } from 'undici'
import { type KubeObject, proxmoxVMCommands, proxmoxVMs } from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { Manifests, parseManifests } from '../../src/kube/manifests.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { testKubeconfig } from '../support/kube.ts'
import { until } from '../support/until.ts'
import { TestWorld } from '../support/world.ts'
import { ArgoCD } from './argocd.ts'
import { kstatus, standingOf } from './kstatus.ts'
import { Versions } from './versions.ts'

let world: TestWorld
let versions: Versions
let argo: ArgoCD | undefined
/** The VM at the end of each chapter of its life. */
const chapters: Record<string, ProxmoxVM> = {}
/** What Git has at the end of its life. */
let inGit: string
let afterBirth: ProxmoxVM['spec']
let first: string
let larger: string

const name = 'web1'
/** As Argo CD with ServerSideApply=true and Flux send it. */
const sync = async (text: string): Promise<KubeObject[]> => {
  const [object] = parseManifests(text)
  return [await world.client.apply(proxmoxVMs, object as ProxmoxVM, { fieldManager: 'gitops' })]
}
const beside = async (fieldManager: string, more: object): Promise<unknown> =>
  await world.client.apply(proxmoxVMs, { ...bare(), ...more } as ProxmoxVM, { fieldManager })
const bare = () => ({ apiVersion: 'pve.hosting/v1alpha1', kind: 'ProxmoxVM', metadata: { name, namespace: world.namespace } })

const manifest = (vm: string, packageName: string, pool: string): string => `
apiVersion: pve.hosting/v1alpha1
kind: ProxmoxVM
metadata:
  name: ${vm}
  namespace: ${world.namespace}
  labels: {pve.hosting/service-id: "5546"}
spec:
  clusterRef: {name: ${world.cluster}}
  template: {name: debian-13}
  packageRef: {name: ${packageName}}
  package: {network: {bridge: vmbr0}, systemDisk: {size: 20Gi}}
  addresses: [{name: main, poolRef: {name: ${pool}}}]
  cloudInit: {user: admin, generatePassword: true}
`

/** What an admin does in PVE. */
async function byHand(method: 'POST' | 'DELETE', path: string): Promise<void> {
  const agent = new Agent({ connect: { rejectUnauthorized: false } })
  const { vmid, node } = chapters['born']?.status ?? {}
  const url = `${world.simulator.url}/api2/json/nodes/${node}/qemu/${vmid}${path}`
  const { statusText, body } = await request(url, { method, dispatcher: agent, headers: { authorization: 'PVEAPIToken=root@pam!sim=sim' } })
  await body.dump()
  await agent.destroy()
  expect(statusText).toBe('OK')
}

const chapter = async (title: string, reached: Promise<ProxmoxVM>): Promise<ProxmoxVM> => (chapters[title] = await reached)
const untilPhase = (phase: string): Promise<ProxmoxVM> => {
  const isSo = (vm: ProxmoxVM | undefined) => vm?.status?.phase === phase && vm.status.observedGeneration === vm.metadata.generation
  const look = async () => {
    const vm = await world.vm(name)
    return isSo(vm) && vm && standingOf(vm).join() !== 'Reconciling' ? vm : undefined
  }
  // a listing of PVE is up to 22 s old when it is read
  return until(`${name} is ${phase}`, look)
}

beforeAll(async () => {
  world = await TestWorld.start({ operator: false })
  versions = await Versions.follow(world.client, world.namespace)
  const pool = await world.pool({ ranges: ['203.0.113.10-203.0.113.12'], prefixLength: 24, gateway: '203.0.113.1' })
  first = await world.package({ cpu: { cores: 1 }, memory: { size: '1Gi' } })
  larger = await world.package({ cpu: { cores: 2 }, memory: { size: '2Gi' } })
  await sync(manifest(name, first, pool))
  await chapter(
    'applied',
    until('it is there', () => world.vm(name)),
  )
  await world.startOperator()
  afterBirth = (await chapter('born', world.untilReady(name))).spec
  await beside('billing', { spec: { suspensions: [{ by: 'billing', reason: 'overdue' }] } })
  await chapter('suspended', world.untilCondition(name, 'Suspended', 'True'))
  await beside('billing', {})
  await chapter('unsuspended', untilPhase('Running'))
  inGit = manifest(name, larger, pool).replace('20Gi', '5Gi')
  await sync(inGit)
  await chapter('changed', world.untilReady(name))
  await byHand('POST', '/status/stop')
  await chapter('off', untilPhase('Stopped'))
  await press('Start')
  await untilPhase('Running')
  await world.edit(name, { metadata: { annotations: { 'pve.hosting/paused': 'true' } } })
  await chapter('paused', world.untilCondition(name, 'Paused', 'True'))
  await world.edit(name, { metadata: { annotations: { 'pve.hosting/paused': null } } })
  await byHand('POST', '/status/stop')
  await untilPhase('Stopped')
  await byHand('DELETE', '')
  await chapter('missing', untilPhase('Missing'))
  await beside('help-desk', { spec: { reinstall: { requestID: 'ticket-1' } } })
  await chapter('reinstalled', world.untilReady(name))
  await sync(manifest('web2', 'no-such-package', pool))
  chapters['stalled'] = await world.untilCondition('web2', 'Stalled', 'True')
  argo = ArgoCD.build()
}, 600_000)
afterAll(async () => {
  argo?.remove()
  await versions.stop()
  await world.stop()
})

async function press(command: string): Promise<void> {
  const key = { name: `${name}-${command.toLowerCase()}`, namespace: world.namespace }
  const spec = { vmRef: { name }, command }
  await world.client.create(proxmoxVMCommands, {
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'ProxmoxVMCommand',
    metadata: key,
    spec,
  } as never)
}

/** false after saying so: there is no kubectl here. */
function hasKubectl(what: string): boolean {
  if (spawnSync('kubectl', ['version', '--client']).error === undefined) return true
  process.stderr.write(`not tested: ${what} (there is no kubectl on this machine)\n`)
  return false
}
const kubectl = (args: readonly string[], input = '') =>
  spawnSync('kubectl', args, { env: { ...process.env, KUBECONFIG: testKubeconfig() }, encoding: 'utf8', input })

describe('the spec', () => {
  it('is what Git says after a whole life: applied again, nothing changes, and what others wrote stays', async () => {
    const before = await world.vm(name)
    const [after] = await sync(inGit)
    expect(after?.metadata).toEqual(before?.metadata)
    expect((after as ProxmoxVM).spec).toEqual(before?.spec)
    expect(before?.spec).toEqual({
      ...afterBirth,
      packageRef: { name: larger },
      package: { network: { bridge: 'vmbr0' }, systemDisk: { size: '5Gi' } },
      reinstall: { requestID: 'ticket-1' },
      suspensions: before?.spec.suspensions,
    })
    expect(before?.spec.suspensions ?? []).toEqual([])
  })

  it('is written to by no operator, and neither are labels and annotations', async () => {
    const { metadata } = (await world.client.get(proxmoxVMs, { namespace: world.namespace, name })) as unknown as {
      metadata: { managedFields: { manager: string; subresource?: string; fieldsV1: Record<string, unknown> }[] }
    }
    const writers = metadata.managedFields.filter(({ subresource, fieldsV1 }) => subresource === undefined && 'f:spec' in fieldsV1)
    expect(writers.map(({ manager }) => manager).toSorted()).toEqual(['gitops', 'help-desk'])
    const ours = metadata.managedFields.filter(({ manager }) => manager === 'pve-operator')
    expect(ours.length).toBeGreaterThan(0)
    for (const { fieldsV1, subresource } of ours)
      expect([subresource, Object.keys(subresource ? fieldsV1 : (fieldsV1['f:metadata'] as object))]).toEqual(
        subresource ? ['status', ['f:status']] : [undefined, ['f:finalizers']],
      )
  })

  it('shows no difference to kubectl diff --server-side', () => {
    if (!hasKubectl('kubectl diff')) return
    const { stdout, stderr, status } = kubectl(['diff', '--server-side', '--field-manager=gitops', '-f', '-'], inGit)
    expect({ stdout, stderr, status }).toEqual({ stdout: '', stderr: '', status: 0 })
    expect(kubectl(['diff', '--server-side', '--field-manager=gitops', '-f', '-'], inGit.replace('5Gi', '30Gi')).status).toBe(1)
  })
})

describe('kubectl wait', () => {
  it('after an edit ends when the edit is applied, not with the Ready of before', async () => {
    if (!hasKubectl('kubectl wait')) return
    const edited = inGit.replace('5Gi', '30Gi')
    await sync(edited)
    const args = ['wait', `pvm/${name}`, '-n', world.namespace, '--for=condition=Ready', '--timeout=60s']
    await new Promise<void>((resolve, reject) => {
      execFile('kubectl', args, { env: { ...process.env, KUBECONFIG: testKubeconfig() } }, (fault) => (fault ? reject(fault) : resolve()))
    })
    expect(world.guests()[0]?.config.get('scsi0')).toContain('size=30G')
    await sync(inGit)
    await world.untilReady(name)
  })
})

describe('kstatus, which Flux asks,', () => {
  it('finds exactly one of Ready, Reconciling and Stalled in every version somebody has looked at', () => {
    const looked = versions.all.filter(({ status }) => (status?.conditions ?? []).length > 0)
    expect(looked.length).toBeGreaterThan(20)
    expect(looked.filter((version) => standingOf(version).length !== 1).map(({ status }) => status)).toEqual([])
  })

  it('calls no version Current that is not Ready for the spec it has', () => {
    const wrong = versions.all.filter((version) => kstatus(version) === 'Current' && standingOf(version).join() !== 'Ready')
    expect(wrong.map(({ metadata, status }) => [metadata.resourceVersion, status?.conditions])).toEqual([])
    const unborn = versions.of(name).filter(({ status }) => status?.firstReadyAt === undefined)
    expect(new Set(unborn.map(kstatus))).toEqual(new Set(['InProgress']))
  })

  it.each([
    ['applied', 'InProgress'],
    ['born', 'Current'],
    ['suspended', 'Current'],
    ['unsuspended', 'Current'],
    ['changed', 'Current'],
    ['off', 'Current'],
    ['paused', 'Current'],
    ['missing', 'Failed'],
    ['reinstalled', 'Current'],
    ['stalled', 'Failed'],
  ])('calls a VM that is %s %s', (title, verdict) => {
    expect(kstatus(chapters[title]!)).toBe(verdict)
  })

  it('is told of every change of power once: what was seen at the VM is not taken back by an older listing', () => {
    const sequence = versions.of(name).flatMap(({ status }) => status?.remoteStatus ?? [])
    const changes = sequence.filter((power, i) => power !== sequence[i - 1])
    const sinceBirth = changes[0] === 'stopped' ? changes.slice(1) : changes
    // born, off only where its start takes a while; suspended and not; changed, which needs it off; stopped by hand and started by command; stopped by hand; reinstalled
    expect(sinceBirth).toEqual(['running', ...Array.from({ length: 4 }, () => ['stopped', 'running']).flat()])
  })

  it('sees Failed only where a person must act', () => {
    const failed = versions.of(name).filter((version) => kstatus(version) === 'Failed')
    expect(new Set(failed.map(({ status }) => status?.conditions?.find(({ type }) => type === 'Ready')?.reason))).toEqual(
      new Set(['VMMissing']),
    )
  })
})

describe('the health snippet for Argo CD', () => {
  it.each([
    ['applied', 'Progressing', /not judged this spec yet/],
    ['born', 'Healthy', /^Running$/],
    ['suspended', 'Suspended', /^Suspended: Suspended by billing \(overdue\)/],
    ['unsuspended', 'Healthy', /^Running$/],
    ['changed', 'Healthy', /^DiskShrinkRefused: /],
    ['off', 'Healthy', /./],
    ['paused', 'Suspended', /^Paused: /],
    ['missing', 'Degraded', /^VMMissing: /],
    ['reinstalled', 'Healthy', /./],
    ['stalled', 'Degraded', /^PackageNotFound: .*no-such-package/],
  ])('calls a VM that is %s %s', (title, status, message) => {
    if (!argo) return
    expect(argo.healthOf([chapters[title]!])).toEqual([{ status, message: expect.stringMatching(message) }])
  })

  it('says of every version what kstatus says, in its own words', () => {
    const words = { InProgress: 'Progressing', Terminating: 'Progressing', Failed: 'Degraded', Current: 'Healthy' }
    const seen = versions.all.filter((version) => !isHeld(version))
    if (!argo) return
    expect(argo.healthOf(seen).map(({ status }) => status)).toEqual(seen.map((version) => words[kstatus(version)]))
  })

  it.each([
    ['ProxmoxCluster', () => `proxmoxclusters/${world.cluster}`],
    ['IPPool', () => `ippools/${chapters['born']?.spec.addresses?.[0]?.poolRef.name}`],
    ['ProxmoxVMCommand', () => `namespaces/${world.namespace}/proxmoxvmcommands/${name}-start`],
  ])('knows a %s as well', async (kind, path) => {
    const object = (await world.client.request('GET', `/apis/pve.hosting/v1alpha1/${path()}`)) as KubeObject
    expect(object.kind).toBe(kind)
    if (!argo) return
    expect(argo.healthOf([object])).toEqual([expect.objectContaining({ status: 'Healthy' })])
  })

  const isHeld = ({ status }: ProxmoxVM) =>
    status?.conditions?.some(({ type, status: is }) => (type === 'Paused' || type === 'Suspended') && is === 'True') === true
})

describe('the end', () => {
  it('is Terminating to kstatus and Progressing to Argo CD until the object is gone', async () => {
    await world.delete(name)
    await world.untilGone(name)
    const ending = await until('the last version is seen', () => {
      const seen = versions.of(name).filter(({ metadata }) => metadata.deletionTimestamp)
      return seen.length > 0 && seen
    })
    expect(new Set(ending.map(kstatus))).toEqual(new Set(['Terminating']))
    expect(new Set(argo?.healthOf(ending).map(({ status }) => status) ?? ['Progressing'])).toEqual(new Set(['Progressing']))
  })
})

describe('deploy/argocd/argocd-cm.yaml', () => {
  it('is taken by kubectl as a patch of argocd-cm, one snippet a kind', async () => {
    if (!hasKubectl('kubectl patch')) return
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'argocd-cm', namespace: world.namespace } }
    await new Manifests({ client: world.client, clock: systemClock }).apply([configMap])
    const file = 'deploy/argocd/argocd-cm.yaml'
    const run = kubectl(['patch', 'configmap', 'argocd-cm', '-n', world.namespace, '--patch-file', file, '-o', 'json'])
    expect(run.stderr).toBe('')
    const { data } = JSON.parse(run.stdout) as { data: Record<string, string> }
    expect(Object.keys(data)).toHaveLength(6)
    expect(new Set(Object.values(data)).size).toBe(1)
  })
})
