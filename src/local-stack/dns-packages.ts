import { execFile } from 'node:child_process'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { withLock } from '../controlplane/lock.ts'

const run = promisify(execFile)

/** Debian's own packages of the DNS servers, unpacked and not installed: no service is started, no user made, nothing outside is touched. */
const wanted = ['pdns-server', 'pdns-backend-sqlite3', 'bind9', 'bind9-dnsutils']

export interface DnsPackages {
  /** The folder that stands for `/`. */
  readonly root: string
  /** How to run a program of it, as command and first arguments: libraries are looked for in the folder first. */
  command(program: string): { readonly command: string; readonly args: readonly string[] }
}

const packagesAt = (root: string): DnsPackages => ({
  root,
  command: (program) => ({
    command: 'env',
    args: [`LD_LIBRARY_PATH=${join(root, 'usr/lib', libraryDir)}:${join(root, 'lib', libraryDir)}`, join(root, program)],
  }),
})

/** The folder of libraries on this machine's architecture. */
export const libraryDir = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'

/**
 * The unpacked servers, downloaded once into the cache (5 MB, about 2 s). Answers with a sentence when this machine cannot have them: it is
 * no Debian, or there is neither cache nor network.
 */
export async function dnsPackages(cacheDir = defaultCache()): Promise<DnsPackages | string> {
  try {
    if (await isWhole(cacheDir)) return packagesAt(join(cacheDir, 'root'))
    await mkdir(cacheDir, { recursive: true })
    // One process at a time: a second one would replace the folder whose programs run already.
    await withLock(
      join(cacheDir, 'root.lock'),
      () => undefined,
      async () => {
        if (!(await isWhole(cacheDir))) await make(cacheDir)
      },
    )
    return packagesAt(join(cacheDir, 'root'))
  } catch (fault) {
    return `This machine cannot get Debian's DNS servers: ${fault instanceof Error ? fault.message.trim().split('\n').at(-1) : String(fault)}`
  }
}

const isWhole = (cacheDir: string): Promise<boolean> =>
  readdir(join(cacheDir, 'root.complete')).then(
    () => true,
    () => false,
  )

async function make(cacheDir: string): Promise<void> {
  const root = join(cacheDir, 'root')
  const partDir = join(cacheDir, `part-${process.pid}`)
  try {
    await mkdir(join(partDir, 'debs'), { recursive: true })
    await unpack(partDir)
    await rm(root, { recursive: true, force: true })
    await rename(join(partDir, 'root'), root)
    await mkdir(join(cacheDir, 'root.complete'), { recursive: true })
  } finally {
    await rm(partDir, { recursive: true, force: true })
  }
}

const defaultCache = (): string => join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'pve-operator', 'dns-servers')

async function unpack(dir: string): Promise<void> {
  const debs = join(dir, 'debs')
  // Everything the packages need that this machine lacks; what is installed already is used from where it is.
  const plan = await run('apt-get', ['install', '--print-uris', '-qq', '-y', '--no-install-recommends', '--reinstall', ...wanted])
  const names = [...plan.stdout.matchAll(/^'[^']+' ([^_\s]+)_/gm)].flatMap((match) => match[1] ?? [])
  if (names.length === 0) throw new Error('apt-get knows no pdns-server and bind9; run apt-get update')
  await run('apt-get', ['download', '-qq', ...names], { cwd: debs })
  for (const deb of await readdir(debs)) await run('dpkg', ['-x', join(debs, deb), join(dir, 'root')])
  await writeFile(join(dir, 'root', 'packages.txt'), `${names.join('\n')}\n`)
}
