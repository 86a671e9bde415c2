import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { KubeClient } from '../kube/client.ts'
import { loadKubeServer } from '../kube/config.ts'
import { Manifests, parseManifests } from '../kube/manifests.ts'
import { systemClock } from '../ops/clock.ts'
import { freePort } from '../controlplane/supervised.ts'
import { requirePort } from './ports.ts'
import { type Program, type StartedAs, startProgram } from './program.ts'

const home = join(import.meta.dirname, '../..')

/** The address the manifests of deploy/examples point at. */
const simulatorPort = 8006

const urlOf = (port: number): string => `https://127.0.0.1:${port}`

export interface LocalStackOptions {
  /** Aborts the setting up: what was started is stopped. */
  signal?: AbortSignal
  /** Emptied first; the control plane, its data and all logs live here. */
  dir: string
  /** Further flags of `simulate`. */
  simulate?: readonly string[]
  /** How the operator is started; absent: from its sources. */
  operator?: StartedAs
  log: (line: string) => void
}

/** How one operator differs from the others of its stack. */
export interface OperatorStart {
  /** Names its log; `operator` if absent. */
  name?: string
  /** Further flags of `run`. */
  args?: readonly string[]
}

/** Where an operator can be watched at work: a control plane with the CRDs, and the simulator. Real processes, real wires. */
export interface LocalStack {
  readonly dir: string
  readonly kubeconfig: string
  readonly client: KubeClient
  readonly manifests: Manifests
  /** etcd and kube-apiserver are below it. */
  readonly controlPlane: Program
  readonly simulator: { url: string; program: Program }
  /** The objects of deploy/examples whose file names fit, pointed at this simulator. */
  examples(wanted: RegExp): ReturnType<typeof readManifests>
  /** Starts `run`; resolves when it says it is ready. */
  startOperator(o?: OperatorStart): Promise<OperatorProcess>
  /** Starts `console`, the broker; its URL once it is ready. */
  startConsole(): Promise<string>
  /** Settles with a sentence when a program ends by itself. */
  readonly failed: Promise<string>
  /** Stops what runs, in the reverse order of its start. */
  stop(): Promise<void>
}

export interface OperatorProcess extends Program {
  /** http://127.0.0.1:port with /metrics. */
  readonly metricsUrl: string
}

/** Starts control plane, simulator and operator as processes. On a failure everything that was started is stopped, and the fault says whose log to read. */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const port = await freePort(simulatorPort)
  if (port !== simulatorPort) options.log(`127.0.0.1:${simulatorPort} is in use; the simulator listens on 127.0.0.1:${port} instead`)
  await rm(options.dir, { recursive: true, force: true })
  const running: Program[] = []
  const stop = async (): Promise<void> => {
    for (const program of running.splice(0).toReversed()) await program.stop()
  }
  let fail: (sentence: string) => void = () => undefined
  const failed = new Promise<string>((resolve) => {
    fail = resolve
  })
  const start: Start = async (name, args, { readyLine, as } = {}) => {
    const logFile = join(options.dir, `${name}.log`)
    const program = startProgram({ name, args, logFile, ...(readyLine && { readyLine }), ...(as && { as }) })
    running.push(program)
    void program.failed.then((sentence) => fail(sentence))
    await program.ready
    return program
  }
  try {
    const controlplaneDir = join(options.dir, 'controlplane')
    options.log('starting etcd and kube-apiserver …')
    const both = Promise.all([
      start('controlplane', ['controlplane', '--dir', controlplaneDir], { readyLine: 'ready' }),
      start('simulator', ['simulate', '--listen', `127.0.0.1:${port}`, ...(options.simulate ?? [])], { readyLine: 'ready' }),
    ])
    const [controlPlane, simulator] = await unlessFailed(both, failed)
    const kubeconfig = join(controlplaneDir, 'kubeconfig')
    const client = new KubeClient({ server: await loadKubeServer({ kubeconfig }), fieldManager: 'demo', clock: systemClock })
    const manifests = new Manifests({ client, clock: systemClock })
    await unlessFailed(manifests.apply(await readManifests('crds')), failed)
    return {
      dir: options.dir,
      kubeconfig,
      client,
      manifests,
      controlPlane,
      simulator: { url: urlOf(port), program: simulator },
      examples: (wanted) => readManifests('deploy/examples', wanted, (text) => text.replaceAll(urlOf(simulatorPort), urlOf(port))),
      startOperator: (o = {}) => unlessFailed(startOperator({ kubeconfig, start, as: options.operator }, o), failed),
      startConsole: () => unlessFailed(startConsole(kubeconfig, start), failed),
      failed,
      stop: async () => {
        await stop()
        await client.close()
      },
    }
  } catch (fault) {
    await stop()
    throw fault
  }
}

/** Waits for the work, unless a program ends meanwhile: then that is the fault. */
export async function unlessFailed<T>(work: Promise<T>, failed: Promise<string>): Promise<T> {
  work.catch(() => undefined)
  return await Promise.race([
    work,
    failed.then((sentence) => {
      throw new Error(sentence)
    }),
  ])
}

/** All objects of a folder's YAML files, in the order of their names; a kustomization is no object of the cluster. */
export async function readManifests(
  folder: string,
  wanted = /./,
  change = (text: string): string => text,
): Promise<ReturnType<typeof parseManifests>> {
  const dir = join(home, folder)
  const names = (await readdir(dir)).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml' && wanted.test(name))
  const texts = await Promise.all(names.toSorted((a, b) => a.localeCompare(b, 'en')).map((name) => readFile(join(dir, name), 'utf8')))
  return texts.flatMap((text) => parseManifests(change(text)))
}

type Start = (name: string, args: readonly string[], o?: { readyLine?: string; as?: StartedAs }) => Promise<Program>

const operatorPatienceMs = 30_000

async function startOperator(
  { kubeconfig, start, as }: { kubeconfig: string; start: Start; as: StartedAs | undefined },
  { name = 'operator', args: more = [] }: OperatorStart,
): Promise<OperatorProcess> {
  const metricsAddress = `127.0.0.1:${await requirePort()}`
  const healthAddress = `127.0.0.1:${await requirePort()}`
  const args = [
    'run',
    '--kubeconfig',
    kubeconfig,
    '--metrics-addr',
    metricsAddress,
    '--health-addr',
    healthAddress,
    '--log-level',
    'info',
    ...more,
  ]
  const program = await start(name, args, { ...(as && { as }) })
  await untilReady(program, healthAddress)
  return { ...program, metricsUrl: `http://${metricsAddress}` }
}

async function startConsole(kubeconfig: string, start: Start): Promise<string> {
  const address = `127.0.0.1:${await requirePort()}`
  const healthAddress = `127.0.0.1:${await requirePort()}`
  const program = await start('console', ['console', '--kubeconfig', kubeconfig, '--listen', address, '--health-addr', healthAddress])
  await untilReady(program, healthAddress)
  return `http://${address}`
}

async function untilReady(program: Program, healthAddress: string): Promise<void> {
  const deadlineMs = systemClock.now() + operatorPatienceMs
  for (;;) {
    const reply = await fetch(`http://${healthAddress}/readyz`).catch(() => undefined)
    if (reply?.ok) return
    if (systemClock.now() > deadlineMs) {
      const why = reply ? (await reply.text()).trim() : 'no answer'
      throw new Error(`the ${program.name} is not ready after ${operatorPatienceMs / 1000} s (${why}); see ${program.logFile}`)
    }
    await systemClock.sleep(50)
  }
}
