import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Agent, request } from 'undici'
import type { KubeServer } from '../kube/config.ts'
import { systemClock } from '../ops/clock.ts'
import type { Binaries } from './binaries.ts'
import { kubeconfig } from './kubeconfig.ts'
import { ensurePki, type Identity, type Pki, servingCa } from './pki.ts'
import { answers, freePort, logTail, type Supervised, supervise } from './supervised.ts'

export interface ControlPlaneOptions {
  /** Everything lives here: data, secrets, logs, `kubeconfig`. The same folder again brings the same cluster back. */
  dir: string
  /** Port on 127.0.0.1. Absent: the one of the last run if it is free, else any free one. */
  port?: number
  binaries: Binaries
  /** For tests: no fsync, and `stop` kills instead of waiting (seconds saved, data given up). */
  ephemeral?: boolean
  log?: (line: string) => void
}

export interface ControlPlane {
  readonly dir: string
  readonly kubeconfigPath: string
  readonly server: KubeServer
  /** Writes a kubeconfig that acts as somebody else (kubectl's --as) and returns its path. */
  kubeconfigFor(identity: Identity): Promise<string>
  /** Settles when one of the two processes ended by itself, with a sentence; never after `stop`. */
  readonly failed: Promise<string>
  /** Ends the API server, then etcd; nothing of either is left running. */
  stop(): Promise<void>
}

const readyDeadlineMs = 60_000

/** Starts etcd and kube-apiserver (RBAC on) on 127.0.0.1 and waits until the API server says it is ready. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const dir = resolve(options.dir)
  await mkdir(join(dir, 'logs'), { recursive: true, mode: 0o700 })
  if (await answers(join(dir, 'etcd.sock'))) throw new Error(`a control plane is running in ${dir} already`)
  await Promise.all(['etcd.sock', 'peer.sock'].map((socket) => rm(join(dir, socket), { force: true })))
  const pki = await ensurePki(join(dir, 'pki'), systemClock.now())
  const port = await choosePort(dir, options.port)
  const started: Supervised[] = []
  const stopAll = async (): Promise<void> => {
    for (const process of started.toReversed()) await process.stop({ hard: options.ephemeral ?? false })
  }
  try {
    started.push(await startEtcd(dir, options))
    started.push(await startApiserver(dir, pki, port, options))
    const url = `https://127.0.0.1:${port}`
    await Promise.race([ready(url, pki), ended(started, dir)])
    return await describe({ dir, url, pki, started, stopAll })
  } catch (fault) {
    await stopAll()
    throw fault
  }
}

async function choosePort(dir: string, wanted: number | undefined): Promise<number> {
  const remembered = join(dir, 'port')
  const last = Number(await readFile(remembered, 'utf8').catch(() => '0'))
  const port = wanted || (await freePort(Number.isInteger(last) ? last : 0))
  await writeFile(remembered, String(port))
  return port
}

/** Unix sockets instead of ports: etcd has no access control here, and the folder's mode keeps other users out. */
function startEtcd(dir: string, { binaries, ephemeral }: ControlPlaneOptions): Promise<Supervised> {
  const args = [
    '--data-dir=etcd',
    '--listen-client-urls=unix://etcd.sock',
    '--listen-peer-urls=unix://peer.sock',
    // never dialled by a single member, but etcd refuses anything that is not host:port
    '--advertise-client-urls=http://127.0.0.1:2379',
    // by default etcd refuses writes at 2 GiB, which a benchmark with ten thousand objects and their history can reach
    '--quota-backend-bytes=8589934592',
    ...(ephemeral ? ['--unsafe-no-fsync'] : []),
  ]
  return supervise({ name: 'etcd', command: binaries.etcd, args, cwd: dir, logFile: join(dir, 'logs/etcd.log') })
}

function startApiserver(dir: string, pki: Pki, port: number, { binaries }: ControlPlaneOptions): Promise<Supervised> {
  const args = [
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    '--etcd-servers=unix://etcd.sock',
    `--cert-dir=${pki.dir}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${pki.serviceAccountKey}`,
    `--service-account-signing-key-file=${pki.serviceAccountKey}`,
    `--token-auth-file=${pki.tokens}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.0.0.0/24',
    '--endpoint-reconciler-type=none',
    // pods would need the default ServiceAccount, which a controller-manager makes; there is none here
    '--disable-admission-plugins=ServiceAccount',
  ]
  return supervise({ name: 'kube-apiserver', command: binaries.apiserver, args, cwd: dir, logFile: join(dir, 'logs/kube-apiserver.log') })
}

/** Ready, and the namespace `default` made: it comes a moment after /readyz says ok. */
async function ready(url: string, pki: Pki): Promise<void> {
  const deadlineMs = systemClock.now() + readyDeadlineMs
  for (const path of ['/readyz', '/api/v1/namespaces/default']) {
    while (!(await answersOk(url + path, pki))) {
      if (systemClock.now() > deadlineMs) throw new Error(`kube-apiserver: ${path} is not ok after ${readyDeadlineMs / 1000} s`)
      await systemClock.sleep(50)
    }
  }
}

async function answersOk(url: string, pki: Pki): Promise<boolean> {
  const ca = await servingCa(pki).catch(() => undefined)
  if (!ca) return false
  const dispatcher = new Agent({ connect: { ca }, allowH2: false, headersTimeout: 5_000 })
  try {
    const answer = await request(url, { dispatcher, headers: { authorization: `Bearer ${pki.adminToken}` } })
    await answer.body.dump()
    return answer.statusCode === 200
  } catch {
    return false
  } finally {
    await dispatcher.destroy()
  }
}

/** Rejects when one of the processes ends, with the end of its log: the only place where the cause is told. */
async function ended(processes: readonly Supervised[], dir: string): Promise<never> {
  const sentence = await firstEnd(processes)
  const name = sentence.split(' ')[0] ?? ''
  throw new Error(`${sentence}:\n${await logTail(join(dir, 'logs', `${name}.log`))}`)
}

const firstEnd = (processes: readonly Supervised[]): Promise<string> =>
  Promise.race(processes.map(async (process) => `${process.name} ended (${await process.ended})`))

async function describe(o: {
  dir: string
  url: string
  pki: Pki
  started: Supervised[]
  stopAll: () => Promise<void>
}): Promise<ControlPlane> {
  const ca = await servingCa(o.pki)
  const token = o.pki.adminToken
  const kubeconfigPath = join(o.dir, 'kubeconfig')
  await writePrivate(kubeconfigPath, kubeconfig({ url: o.url, ca, token }))
  let stopping: Promise<void> | undefined
  return {
    dir: o.dir,
    kubeconfigPath,
    server: { url: o.url, ca, authorization: () => Promise.resolve(`Bearer ${token}`) },
    async kubeconfigFor(as) {
      const path = join(o.dir, `kubeconfig-${encodeURIComponent(as.user)}`)
      await writePrivate(path, kubeconfig({ url: o.url, ca, token, as }))
      return path
    },
    failed: firstEnd(o.started).then((sentence) => (stopping ? new Promise<never>(() => undefined) : sentence)),
    stop: () => (stopping ??= o.stopAll()),
  }
}

/** Whole or not at all: somebody may be waiting for the file to appear. */
async function writePrivate(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o600 })
  await rename(`${path}.new`, path)
}
