/** Commands built once from pinned Go modules into a cache. Two callers at once build once. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, constants, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { systemClock } from '../ops/clock.ts'
import { withLock } from './lock.ts'

export interface GoCommand {
  /** File name of what is built. */
  readonly binary: string
  /** The main package. */
  readonly package: string
  /** Flags of `go build`. */
  readonly flags: readonly string[]
}

export interface GoBuild {
  /** First part of the name of the folder in the cache, such as `controlplane`. */
  readonly name: string
  /** What is built, for people: `kube-apiserver and etcd`. */
  readonly title: string
  /** How long it takes the first time, for people. */
  readonly duration: string
  /** The folder of the go.mod and go.sum that pin everything; their content is part of the name in the cache. */
  readonly sourceDir: string
  readonly commands: readonly GoCommand[]
  /** What to say when there is no Go. */
  readonly withoutGo: string
  /** `~/.cache` if absent. */
  readonly cacheDir?: string
  readonly log: (line: string) => void
}

/** The folder that has all commands of the build. */
export async function ensureBuilt(o: GoBuild): Promise<string> {
  const root = join(o.cacheDir ?? join(homedir(), '.cache'), 'pve-operator')
  const target = join(root, `${o.name}-${await fingerprint(o.sourceDir)}`)
  if (await exists(target)) return target
  await mkdir(root, { recursive: true })
  const waiting = (): void => o.log(`another process is building ${o.title}; waiting for ${target}`)
  await withLock(`${target}.lock`, waiting, async () => {
    if (!(await exists(target))) await build(o, target)
  })
  return target
}

/** Throws when a file is not there or may not be run; `origin` says who named the folder. */
export async function mustBeExecutable(path: string, origin: string): Promise<void> {
  await access(path, constants.X_OK).catch(() => {
    throw new Error(`${origin}: there is no executable ${path}`)
  })
}

async function fingerprint(sourceDir: string): Promise<string> {
  const hash = createHash('sha256')
  for (const file of ['go.mod', 'go.sum']) hash.update(await readFile(join(sourceDir, file)))
  return hash.digest('hex').slice(0, 16)
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

async function build(o: GoBuild, target: string): Promise<void> {
  const making = `${target}.making`
  await rm(making, { recursive: true, force: true })
  await mkdir(making)
  o.log(`building ${o.title} from pinned Go modules into ${target}: once, ${o.duration}`)
  for (const command of o.commands) await compile(o, command, join(making, command.binary))
  await rename(making, target)
  o.log(`built ${target}`)
}

/** One `go build`; as it is silent for minutes, its own list of packages is turned into a line every five seconds. */
async function compile(o: GoBuild, command: GoCommand, output: string): Promise<void> {
  const startedMs = systemClock.now()
  const seconds = (): string => `${Math.round((systemClock.now() - startedMs) / 1000)} s`
  const args = ['CGO_ENABLED=0', 'go', 'build', '-v', ...command.flags, '-o', output, command.package]
  const child = spawn('env', args, { cwd: o.sourceDir, stdio: ['ignore', 'ignore', 'pipe'] })
  const seen = { downloads: 0, packages: 0, tail: [] as string[] }
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.startsWith('go: downloading')) seen.downloads += 1
    else if (/^[\w./-]+$/.test(line)) seen.packages += 1
    else seen.tail = [...seen.tail, line].slice(-20)
  })
  const progress = setInterval(() => {
    o.log(`  ${command.binary}: ${seen.packages} packages compiled, ${seen.downloads} modules downloaded, ${seconds()}`)
  }, 5_000)
  const code = await new Promise<number | string>((resolve) => {
    child.on('error', (fault) => resolve(fault.message))
    child.on('close', (status, signal) => resolve(status ?? signal ?? 'unknown'))
  }).finally(() => clearInterval(progress))
  if (code === 127) throw new Error(o.withoutGo)
  if (code !== 0) throw new Error(`go build of ${command.binary} ended with ${code}\n${seen.tail.join('\n')}`)
  o.log(`  ${command.binary}: done in ${seconds()}`)
}
