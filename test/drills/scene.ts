/** A provider's world for the drills: a control plane of its own, a simulated PVE, the operator as a process, and Git with every manifest. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import {
  ipPools,
  type KubeObject,
  namespaces,
  proxmoxClusters,
  proxmoxVMs,
  type Resource,
  secrets,
  vmPackages,
} from '../../src/api/meta.ts'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { type Program, startProgram } from '../../src/local-stack/program.ts'
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts'
import { pve, type Said } from '../plugin/terminal.ts'
import { aV4Pool, vpsM } from '../support/builders.ts'
import { testClient, testKubeconfig } from '../support/kube.ts'
import { type OwnControlPlane, ownControlPlane } from '../support/own-control-plane.ts'
import { until } from '../support/until.ts'

export const cluster = 'fra1'
export const namespace = 'customer-7'
export const pool = 'public'

const kinds: Readonly<Record<string, Resource<KubeObject>>> = {
  Namespace: namespaces,
  Secret: secrets,
  ProxmoxCluster: proxmoxClusters,
  IPPool: ipPools,
  VMPackage: vmPackages,
  ProxmoxVM: proxmoxVMs as Resource<KubeObject>,
}
const group = 'pve.hosting/v1alpha1'
const anyone = new Agent({ connect: { rejectUnauthorized: false }, keepAliveTimeout: 1 })

export interface SceneOptions {
  /** CRDs and policies; absent: today's. */
  readonly manifests?: string
  /** Of the operator; absent: bin/pve-operator. */
  readonly command?: readonly string[]
}

export class Scene {
  readonly simulator: Simulator
  own: OwnControlPlane
  client: KubeClient
  /** All that somebody has declared, in order. */
  readonly git: KubeObject[] = []
  readonly #logs: string
  #operator: Program | undefined

  private constructor(o: { simulator: Simulator; own: OwnControlPlane; logs: string }) {
    this.simulator = o.simulator
    this.own = o.own
    this.#logs = o.logs
    this.client = testClient()
  }

  /** The operator runs; the cluster, a pool and a package are declared. */
  static async open(o: SceneOptions = {}): Promise<Scene> {
    const own = await ownControlPlane({ ...(o.manifests !== undefined && { manifests: o.manifests }) })
    const simulator = await startSimulator({ speed: 20 })
    const scene = new Scene({ simulator, own, logs: await mkdtemp(join(tmpdir(), 'pve-operator-drill-')) })
    for (const manifest of basics(simulator.url)) await scene.declare(manifest)
    await scene.startOperator(o.command)
    return scene
  }

  async close(): Promise<void> {
    await this.stopOperator()
    await this.simulator.stop()
    await this.client.close()
    await this.own.stop()
    await rm(this.#logs, { recursive: true, force: true })
  }

  /** Into Git, and from there to the API server. */
  async declare(manifest: KubeObject): Promise<void> {
    this.git.push(manifest)
    await this.#apply(manifest)
  }

  /** As `kubectl apply --server-side` does with the whole of Git. */
  async applyGit(): Promise<void> {
    for (const manifest of this.git) await this.#apply(manifest)
  }

  async #apply(manifest: KubeObject): Promise<void> {
    const resource = kinds[manifest.kind]
    if (!resource) throw new Error(`the scene knows no ${manifest.kind}`)
    await this.client.apply(resource, manifest)
  }

  order = (name: string, spec: object = {}) => this.declare(aVM(name, spec))

  async startOperator(command?: readonly string[]): Promise<void> {
    const run = ['run', '--kubeconfig', testKubeconfig(), '--log-level', 'debug']
    const [program, ...args] = command ?? []
    const logFile = join(this.#logs, 'operator.log')
    this.#operator = startProgram({ name: 'operator', ...(program && { command: program }), args: [...args, ...run], logFile })
    await this.#operator.ready
  }

  async stopOperator(): Promise<void> {
    await this.#operator?.stop()
    this.#operator = undefined
  }

  /** The old one is lost with all it knew; an empty one with the same kinds takes its place, and kubectl points to it. */
  async loseControlPlane(): Promise<void> {
    await this.stopOperator()
    await this.client.close()
    await this.own.stop()
    this.own = await ownControlPlane()
    this.client = testClient()
  }

  /** `kubectl pve …` */
  pve = (...args: string[]): Promise<Said> => pve([...args, '--kubeconfig', testKubeconfig()])

  /** A call to the admin side of the simulator. */
  async sim(method: 'POST' | 'DELETE', path: string): Promise<void> {
    const { statusCode, body } = await request(`${this.simulator.url}/sim${path}`, { method, dispatcher: anyone })
    const text = await body.text()
    if (statusCode !== 200) throw new Error(`${method} /sim${path}: ${statusCode} ${text}`)
  }

  vms = (): Promise<ProxmoxVM[]> => this.client.list(proxmoxVMs)
  vm = (name: string): Promise<ProxmoxVM | undefined> => this.client.get(proxmoxVMs, { namespace, name })
  pveCluster = () => this.client.get(proxmoxClusters, { name: cluster })

  /** Guests that are no templates. */
  guests = () => [...this.simulator.world.guests.values()].filter((guest) => !guest.isTemplate)

  /** Once every VM of `names` has the condition `type` with that status and reason. */
  async untilAll(names: readonly string[], type: string, status: string, reason?: string, seconds = 240): Promise<void> {
    let missing: unknown[] = []
    await until(
      `${names.length} VMs are ${type}=${status}${reason ? `/${reason}` : ''}`,
      async () => {
        const all = new Map((await this.vms()).map((vm) => [vm.metadata.name, vm]))
        missing = names.flatMap((name) => {
          const found = conditionOf(all.get(name), type)
          return isCurrent(all.get(name), type, status) && found?.status === status && (!reason || found.reason === reason)
            ? []
            : [[name, found?.reason, found?.message]]
        })
        return missing.length === 0
      },
      { seconds, everyMs: 250, describe: () => [missing.length, ...missing.slice(0, 3)] },
    )
  }

  untilReady = (names: readonly string[], seconds?: number) => this.untilAll(names, 'Ready', 'True', undefined, seconds)
}

export const conditionOf = (vm: ProxmoxVM | undefined, type: string) => vm?.status?.conditions?.find((condition) => condition.type === type)

/** Ready says what it says of this generation, and of a status that is not just taken back. */
const isCurrent = (vm: ProxmoxVM | undefined, type: string, status: string) =>
  type !== 'Ready' || status !== 'True' || vm?.status?.observedGeneration === vm?.metadata.generation

export const aVM = (name: string, spec: object = {}): KubeObject =>
  ({
    apiVersion: group,
    kind: 'ProxmoxVM',
    metadata: { name, namespace },
    spec: {
      clusterRef: { name: cluster },
      template: { name: 'debian-13' },
      packageRef: { name: 'vps-m' },
      addresses: [{ name: 'main', poolRef: { name: pool } }],
      ...spec,
    },
  }) as KubeObject

const basics = (url: string): KubeObject[] =>
  [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'token', namespace },
      stringData: { tokenID: 'root@pam!sim', tokenSecret: 'sim' },
    },
    {
      apiVersion: group,
      kind: 'ProxmoxCluster',
      metadata: { name: cluster },
      spec: {
        endpoints: [url],
        credentialsSecretRef: { namespace, name: 'token' },
        tls: { insecureSkipVerify: true },
        vmids: { from: 10_000, to: 19_999 },
      },
    },
    { apiVersion: group, kind: 'IPPool', metadata: { name: pool }, spec: aV4Pool() },
    { apiVersion: group, kind: 'VMPackage', metadata: { name: 'vps-m' }, spec: vpsM },
  ] as KubeObject[]

/** The page that says what to do. */
const page = readFileSync(join(import.meta.dirname, '../../docs/disaster-recovery.md'), 'utf8')
const lines = page.split('\n').map((line) => line.replace(/\s+#.*/, '').trim())

/** A command of docs/disaster-recovery.md; then what it does. Throws if the page does not say so. */
export async function asThePageSays<T>(line: string, act: () => Promise<T>): Promise<T> {
  if (!lines.includes(line)) throw new Error(`docs/disaster-recovery.md does not say: ${line}`)
  return await act()
}
