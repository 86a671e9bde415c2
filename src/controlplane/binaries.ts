import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, constants, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { systemClock } from '../ops/clock.ts'
import { withLock } from './lock.ts'

export interface Binaries {
  apiserver: string
  etcd: string
}

export interface BinariesOptions {
  /** A folder with `kube-apiserver` and `etcd`, as setup-envtest makes it (KUBEBUILDER_ASSETS). */
  assetsDir?: string
  /** Where to keep what was built; `~/.cache` if absent (XDG_CACHE_HOME is the caller's to read). */
  cacheDir?: string
  /** The folder of the go.mod that pins both commands; the one beside this file if absent. */
  sourceDir?: string
  log: (line: string) => void
}

const versionPackage = 'k8s.io/component-base/version'
/** Without these the server calls itself v0.0.0-master and clients that compare versions misjudge it. */
const versionFlags = `-s -w -X ${versionPackage}.gitVersion=v1.36.3 -X ${versionPackage}.gitMajor=1 -X ${versionPackage}.gitMinor=36`

const commands = [
  { binary: 'etcd', package: 'go.etcd.io/etcd/server/v3', flags: ['-trimpath', '-ldflags', '-s -w'] },
  { binary: 'kube-apiserver', package: 'k8s.io/kubernetes/cmd/kube-apiserver', flags: ['-trimpath', '-ldflags', versionFlags] },
]

/**
 * The real kube-apiserver and etcd: from `assetsDir` if given, else built once from pinned Go modules into a cache
 * (about eight minutes on two cores, nothing afterwards). Two callers at once build once.
 */
export async function ensureBinaries(options: BinariesOptions): Promise<Binaries> {
  if (options.assetsDir) return found(options.assetsDir, `KUBEBUILDER_ASSETS=${options.assetsDir}`)
  const sourceDir = options.sourceDir ?? join(import.meta.dirname, 'binaries')
  const root = join(options.cacheDir ?? join(homedir(), '.cache'), 'pve-operator')
  const target = join(root, `controlplane-${await fingerprint(sourceDir)}`)
  if (await exists(target)) return found(target, target)
  await mkdir(root, { recursive: true })
  const waiting = (): void => options.log(`another process is building the control plane; waiting for ${target}`)
  await withLock(`${target}.lock`, waiting, async () => {
    if (!(await exists(target))) await build(sourceDir, target, options.log)
  })
  return found(target, target)
}

async function fingerprint(sourceDir: string): Promise<string> {
  const hash = createHash('sha256')
  for (const file of ['go.mod', 'go.sum']) hash.update(await readFile(join(sourceDir, file)))
  return hash.digest('hex').slice(0, 16)
}

async function found(dir: string, origin: string): Promise<Binaries> {
  const binaries = { apiserver: join(dir, 'kube-apiserver'), etcd: join(dir, 'etcd') }
  for (const path of [binaries.apiserver, binaries.etcd]) {
    await access(path, constants.X_OK).catch(() => {
      throw new Error(`${origin}: there is no executable ${path}`)
    })
  }
  return binaries
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

async function build(sourceDir: string, target: string, log: (line: string) => void): Promise<void> {
  const making = `${target}.making`
  await rm(making, { recursive: true, force: true })
  await mkdir(making)
  log(`building kube-apiserver and etcd from pinned Go modules into ${target}: once, about eight minutes on two cores`)
  for (const command of commands) {
    await compile(command, sourceDir, join(making, command.binary), log)
  }
  await rename(making, target)
  log(`built ${target}`)
}

/** One `go build`; as it is silent for minutes, its own list of packages is turned into a line every five seconds. */
async function compile(command: (typeof commands)[number], cwd: string, output: string, log: (line: string) => void): Promise<void> {
  const startedMs = systemClock.now()
  const seconds = (): string => `${Math.round((systemClock.now() - startedMs) / 1000)} s`
  const args = ['CGO_ENABLED=0', 'go', 'build', '-v', ...command.flags, '-o', output, command.package]
  const child = spawn('env', args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] })
  const seen = { downloads: 0, packages: 0, tail: [] as string[] }
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.startsWith('go: downloading')) seen.downloads += 1
    else if (/^[\w./-]+$/.test(line)) seen.packages += 1
    else seen.tail = [...seen.tail, line].slice(-20)
  })
  const progress = setInterval(() => {
    log(`  ${command.binary}: ${seen.packages} packages compiled, ${seen.downloads} modules downloaded, ${seconds()}`)
  }, 5_000)
  const code = await new Promise<number | string>((resolve) => {
    child.on('error', (fault) => resolve(fault.message))
    child.on('close', (status, signal) => resolve(status ?? signal ?? 'unknown'))
  }).finally(() => clearInterval(progress))
  if (code === 127) throw new Error('building the control plane needs Go ≥ 1.26 in PATH; or set KUBEBUILDER_ASSETS (setup-envtest)')
  if (code !== 0) throw new Error(`go build of ${command.binary} ended with ${code}\n${seen.tail.join('\n')}`)
  log(`  ${command.binary}: done in ${seconds()}`)
}
