/** The Helm charts: the same objects as the kustomize base, installed, upgraded and removed by the real helm on a real API server. */
import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { parseAllDocuments } from 'yaml'
import { type KubeObject, namespaces, proxmoxVMs } from '../../src/api/meta.ts'
import { ensureBinaries } from '../../src/controlplane/binaries.ts'
import { type ControlPlane, startControlPlane } from '../../src/controlplane/controlplane.ts'
import { KubeClient } from '../../src/kube/client.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { ensureHelm } from '../../src/release/helm.ts'
import { manifest } from '../crds/manifests.ts'
import { root } from '../house/sources.ts'
import { until } from '../support/until.ts'
import { Helm, helmIsHere } from './helm.ts'
import { type Registry, registryIsHere, startRegistry } from './registry.ts'

const suite = helmIsHere() ? describe : describe.skip
const chart = join(root, 'deploy/chart')
const kinds = join(root, 'deploy/chart-crds')
const namespace = 'pve-system'
const everyFlag = ['networkPolicy', 'dashboard', 'serviceMonitor', 'podMonitor', 'prometheusRule'].flatMap((name) => [
  '--set',
  `${name}.enabled=true`,
])

interface Deployment extends KubeObject {
  spec: { replicas: number; template: { spec: { containers: { image: string; env: { value: string }[]; args: string[] }[] } } }
}

let directory: string
let helm: Helm

suite('the charts', () => {
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pve-chart-'))
    const { XDG_CACHE_HOME: cacheDir } = process.env
    const program = await ensureHelm({ ...(cacheDir && { cacheDir }), log: (line) => process.stderr.write(`${line}\n`) })
    helm = new Helm({ program, home: directory, kubeconfig: join(directory, 'none') })
  }, 1_200_000)
  afterAll(() => rm(directory, { recursive: true, force: true }))

  const rendered = (folder: string, ...flags: string[]): Map<string, KubeObject> =>
    byName(helm.do('template', 'pve-operator', folder, '--namespace', namespace, ...flags))

  it('are found in order by helm lint', () => {
    expect(helm.run('lint', '--strict', chart, kinds)).toMatchObject({ status: 0 })
  })

  it('have the version of the operator', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
    const facts = await Promise.all([chart, kinds].map((folder) => readFile(join(folder, 'Chart.yaml'), 'utf8')))
    for (const text of facts) expect(text).toMatch(new RegExp(`\nversion: ${version}\nappVersion: ${version}\n`))
  })

  it('are packed whole: a file renders what its folder renders', () => {
    for (const folder of [chart, kinds]) {
      const [file] = /\/\S+\.tgz$/m.exec(helm.do('package', folder, '--destination', directory)) ?? []
      const flags = ['--namespace', namespace, ...(folder === chart ? everyFlag : [])]
      expect(helm.do('template', 'pve-operator', String(file), ...flags)).toBe(helm.do('template', 'pve-operator', folder, ...flags))
    }
  })

  it('render the objects of the kustomize base and no others', () => {
    const base = spawnSync('kubectl', ['kustomize', join(root, 'deploy')], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
    if (base.error) {
      process.stderr.write('not tested: charts against kubectl kustomize (there is no kubectl on this machine)\n')
      return
    }
    const wanted = byName(base.stdout)
    expect(wanted.delete('Namespace /pve-system')).toBe(true)
    const charts = new Map([...rendered(chart), ...rendered(kinds)])
    expect([...charts.keys()].toSorted()).toEqual([...wanted.keys()].toSorted())
    for (const [name, object] of charts)
      expect({ name, object: withoutHelm(object) }).toEqual({ name, object: withoutHelm(wanted.get(name)!) })
  })

  it('put the values where they belong', () => {
    const flags = [
      '--set',
      'image.repository=registry.example.com:5000/pve-operator,image.tag=1.2.3,heapMiB=1024,replicas=3,logLevel=debug',
      '--set',
      'leaderElection.leaseDuration=15s,leaderElection.renewDeadline=10s',
    ]
    const memory = ['--set', 'resources.limits.memory=1536Mi', '--set', 'rbac.roles=false,rbac.externalDNS=false']
    const objects = byName(helm.do('template', 'other', chart, '--namespace', 'elsewhere', ...flags, ...memory))
    const { spec } = objects.get('Deployment elsewhere/pve-operator') as Deployment
    expect(spec.replicas).toBe(3)
    expect(spec.template.spec.containers[0]).toMatchObject({
      image: 'registry.example.com:5000/pve-operator:1.2.3',
      env: [{ value: '--max-old-space-size=1024 --max-semi-space-size=8' }],
      args: expect.arrayContaining([
        'run',
        '--leader-elect',
        '--leader-elect-lease-duration=15s',
        '--leader-elect-renew-deadline=10s',
        '--log-level=debug',
      ]),
    })
    expect(objects.get('ClusterRoleBinding /pve-operator')).toMatchObject({ subjects: [{ namespace: 'elsewhere' }] })
    expect(JSON.stringify(objects.get('ClusterRole /pve-operator'))).not.toContain('externaldns.k8s.io')
    expect(objects.has('ClusterRole /pve-viewer')).toBe(false)
  })

  it('bring alerts, dashboard, monitors and a NetworkPolicy only when asked', async () => {
    const extra = rendered(chart, ...everyFlag)
    for (const name of rendered(chart).keys()) extra.delete(name)
    expect([...extra.keys()].toSorted()).toEqual([
      'ConfigMap pve-system/pve-operator-dashboard',
      'NetworkPolicy pve-system/pve-operator',
      'PodMonitor pve-system/pve-operator',
      'PrometheusRule pve-system/pve-operator',
      'ServiceMonitor pve-system/pve-operator',
    ])
    const dashboard = extra.get('ConfigMap pve-system/pve-operator-dashboard') as KubeObject & { data: Record<string, string> }
    expect(dashboard.data['pve-operator.json']).toBe(await readFile(join(root, 'deploy/dashboard.json'), 'utf8'))
    expect(dashboard.data['pve-operator-selling.json']).toBe(await readFile(join(root, 'deploy/dashboard-selling.json'), 'utf8'))
    const [alerts] = byName(await readFile(join(root, 'deploy/alerts.yaml'), 'utf8')).values()
    expect(extra.get('PrometheusRule pve-system/pve-operator')).toMatchObject({ spec: (alerts as KubeObject & { spec: object }).spec })
  })

  it('watch and fence the broker of consoles with the same flags', () => {
    const peer = 'networkPolicy.consoleFrom[0].namespaceSelector.matchLabels.name=ingress'
    const extra = rendered(chart, ...everyFlag, '--set', 'console.enabled=true', '--set', peer)
    expect(extra.get('PodMonitor pve-system/pve-operator-console')).toMatchObject({
      spec: { selector: { matchLabels: { 'app.kubernetes.io/component': 'console' } }, podMetricsEndpoints: [{ port: 'metrics' }] },
    })
    const policy = extra.get('NetworkPolicy pve-system/pve-operator-console') as KubeObject & {
      spec: { ingress: { ports: { port: string }[]; from?: object[] }[]; egress: { ports: { port: number }[] }[] }
    }
    expect(policy.spec.ingress.map(({ ports, from }) => [ports[0]?.port, from?.length ?? 0])).toEqual([
      ['page', 1],
      ['metrics', 0],
      ['health', 0],
    ])
    expect(policy.spec.egress.flatMap(({ ports }) => ports.map(({ port }) => port))).toEqual([53, 53, 443, 6443, 8006])
    // The ServiceMonitor selects by labels, and takes the port "metrics" of each Service it finds.
    const service = extra.get('Service pve-system/pve-operator-console')
    const monitor = extra.get('ServiceMonitor pve-system/pve-operator') as KubeObject & { spec: { selector: { matchLabels: object } } }
    expect(service).toMatchObject({ metadata: { labels: monitor.spec.selector.matchLabels } })
    expect(service).toMatchObject({ spec: { ports: expect.arrayContaining([expect.objectContaining({ name: 'metrics' })]) } })
  })

  it.each([
    ['a misspelt name', 'imagee.tag=1', /imagee/],
    ['fewer replicas than none', 'replicas=-1', /replicas.*minimum/],
    ['a log level there is not', 'logLevel=loud', /logLevel.*'debug', 'info', 'warn', 'error'/],
    ['a Lease of part of a second', 'leaderElection.leaseDuration=500ms', /leaderElection\/leaseDuration.*pattern/],
    ['a digest that is none', 'image.digest=latest', /image\/digest.*pattern/],
    ['a heap beyond the memory limit', 'heapMiB=900', /heapMiB is 900 and resources\.limits\.memory 768Mi.*Write heapMiB of two thirds/],
  ])('refuse %s with a sentence', (_, value, sentence) => {
    const { status, stderr } = helm.run('template', 'pve-operator', chart, '--set', value)
    expect(status).not.toBe(0)
    expect(stderr).toMatch(sentence)
  })
})

const fromRegistry = registryIsHere() ? describe : describe.skip

suite('a release', () => {
  let controlPlane: ControlPlane
  let client: KubeClient
  let registry: Registry | undefined

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pve-release-'))
    const { KUBEBUILDER_ASSETS: assetsDir, XDG_CACHE_HOME: cacheDir } = process.env
    const binaries = await ensureBinaries({ ...(assetsDir && { assetsDir }), ...(cacheDir && { cacheDir }), log: () => undefined })
    controlPlane = await startControlPlane({ dir: join(directory, 'kube'), binaries, ephemeral: true })
    const program = await ensureHelm({ ...(cacheDir && { cacheDir }), log: () => undefined })
    helm = new Helm({ program, home: directory, kubeconfig: controlPlane.kubeconfigPath })
    client = new KubeClient({ server: controlPlane.server, clock: systemClock, fieldManager: 'test' })
  }, 1_200_000)
  afterAll(async () => {
    await registry?.stop()
    await client.close()
    await controlPlane.stop()
    await rm(directory, { recursive: true, force: true })
  })

  const read = (path: string): Promise<unknown> => client.request('GET', path)
  const deployment = async () => (await read(`/apis/apps/v1/namespaces/${namespace}/deployments/pve-operator`)) as Deployment
  const key = { name: 'web1', namespace: 'customer-7' }

  it('is refused while the kinds are not there, by what to do first', () => {
    const { status, stderr } = helm.run('install', 'pve-operator', chart, '--namespace', namespace, '--create-namespace')
    expect(status).not.toBe(0)
    expect(stderr).toContain('The kinds of pve-operator are not installed. First run: helm install pve-operator-crds')
  })

  it('is installed: kinds first, then the operator; a second time it changes nothing', async () => {
    for (const _ of ['once', 'again']) {
      helm.do('upgrade', '--install', 'pve-operator-crds', kinds, '--namespace', namespace, '--create-namespace')
      await until('the kinds are served', () => client.list(proxmoxVMs, { namespace }))
      helm.do('upgrade', '--install', 'pve-operator', chart, '--namespace', namespace)
    }
    expect((await deployment()).metadata.generation).toBe(1)
    await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: key.namespace } })
    await client.create(proxmoxVMs, manifest('ProxmoxVM', key.name, {}, key.namespace) as never)
  })

  it('is upgraded with other values', async () => {
    const flags = ['--set', 'replicas=1,image.tag=0.2.0,networkPolicy.enabled=true,dashboard.enabled=true']
    helm.do('upgrade', 'pve-operator', chart, '--namespace', namespace, ...flags)
    const { spec } = await deployment()
    expect([spec.replicas, spec.template.spec.containers[0]?.image]).toEqual([1, 'pve-operator:0.2.0'])
    await expect(read(`/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies/pve-operator`)).resolves.toBeDefined()
  })

  it('is rolled back', async () => {
    helm.do('rollback', 'pve-operator', '2', '--namespace', namespace)
    expect((await deployment()).spec.replicas).toBe(2)
  })

  it('leaves kinds, policies and every ProxmoxVM when both charts are uninstalled', async () => {
    helm.do('uninstall', 'pve-operator', '--namespace', namespace)
    const { stdout, stderr } = helm.run('uninstall', 'pve-operator-crds', '--namespace', namespace)
    expect(stdout + stderr).toContain('proxmoxvms.pve.hosting')
    expect(await client.get(proxmoxVMs, key)).not.toHaveProperty('metadata.deletionTimestamp')
    await expect(
      read('/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/proxmoxvm-deletion-protection.pve.hosting'),
    ).resolves.toBeDefined()
    await expect(deployment()).rejects.toThrow('not found')
  })

  /** The kinds and the ProxmoxVM of before are still there: it is also what a second installation finds. */
  fromRegistry('in an OCI registry', () => {
    it('is pushed, pulled as the same bytes and installed from there, as docs/helm.md says', async () => {
      const { XDG_CACHE_HOME: cacheDir } = process.env
      registry = await startRegistry({ dir: directory, ...(cacheDir && { cacheDir }), log: (line) => process.stderr.write(`${line}\n`) })
      const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
      for (const folder of [kinds, chart]) helm.do('package', folder, '--destination', join(directory, 'dist'))
      const [block = ''] =
        /(?<=^## From an OCI registry\n[^]*?^```sh\n)[^]*?(?=^```$)/m.exec(await readFile(join(root, 'docs/helm.md'), 'utf8')) ?? []
      const commands = block
        .trim()
        .replaceAll(/\b\d+\.\d+\.\d+\b/g, version)
        .replaceAll(' dist/', ` ${join(directory, 'dist')}/`)
      const flags = ['--plain-http']
      for (const command of commands.replaceAll('oci://registry.example.com', `oci://${registry.host}`).split('\n')) {
        const [program, ...words] = command.split(' ')
        expect(program).toBe('helm')
        helm.do(...words, ...flags)
      }
      expect((await deployment()).spec.template.spec.containers[0]?.image).toBe(`registry.example.com/pve-operator:${version}`)
      expect(await client.get(proxmoxVMs, key)).not.toHaveProperty('metadata.deletionTimestamp')
      for (const name of ['pve-operator-crds', 'pve-operator']) {
        helm.do('pull', `oci://${registry.host}/charts/${name}`, '--version', version, '--destination', directory, ...flags)
        const file = `${name}-${version}.tgz`
        expect(await readFile(join(directory, file))).toEqual(await readFile(join(directory, 'dist', file)))
      }
    }, 300_000)
  })
})

function byName(text: string): Map<string, KubeObject> {
  const objects = parseAllDocuments(text).flatMap((document) => {
    const object = document.toJS() as KubeObject | null
    return object ? [object] : []
  })
  return new Map(objects.map((object) => [`${object.kind} ${object.metadata.namespace ?? ''}/${object.metadata.name}`, object]))
}

/** Without what helm adds to every object. */
function withoutHelm(object: KubeObject): KubeObject {
  const ours = (entries: Record<string, string> = {}): Record<string, string> | undefined => {
    const kept = Object.entries(entries).filter(([name]) => !/^helm\.sh\/|app\.kubernetes\.io\/(?:instance|version|managed-by)$/.test(name))
    return kept.length > 0 ? Object.fromEntries(kept) : undefined
  }
  const { labels, annotations, ...metadata } = object.metadata
  const kept = { labels: ours(labels), annotations: ours(annotations) }
  return {
    ...object,
    metadata: { ...metadata, ...(kept.labels && { labels: kept.labels }), ...(kept.annotations && { annotations: kept.annotations }) },
  }
}
