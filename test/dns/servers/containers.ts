import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { type DnsPackages, libraryDir } from '../../../src/local-stack/dns-packages.ts'
import { asProcess, type DnsRunner } from '../../../src/local-stack/dns-runner.ts'

const run = promisify(execFile)

/** The servers in containers where a Docker engine answers, else as processes, after saying why on the terminal. */
export async function bestRunner(packages: DnsPackages): Promise<DnsRunner> {
  const engine = await run('docker', ['version', '--format', '{{.Server.Version}}']).catch(() => undefined)
  if (engine === undefined) {
    process.stderr.write('DNS servers run as processes: no Docker engine answers\n')
    return asProcess
  }
  // Ryuk, the reaper of testcontainers, would be pulled from a registry.
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true'
  return inContainer(await imageOf(packages))
}

/** Network and configuration folder are those of this machine: what a server can and cannot do is the same in both. */
function inContainer(image: string): DnsRunner {
  return {
    modules: () => join('/usr/lib', libraryDir, 'pdns'),
    async start({ name, program, args, dir, logFile }) {
      // Loaded only where it is used: it costs each test file half a second.
      const { GenericContainer } = await import('testcontainers')
      const container = await new GenericContainer(image)
        .withEntrypoint([`/${program}`])
        .withCommand([...args])
        .withNetworkMode('host')
        .withBindMounts([{ source: dir, target: dir }])
        .withWorkingDir(dir)
        .withLabels({ 'pve-operator.test': name })
        .withLogConsumer((stream) => stream.pipe(createWriteStream(logFile)))
        .start()
      return { stop: () => container.stop() }
    },
  }
}

/** An image of the unpacked packages and the libraries of this machine they use; made once, no registry asked. */
async function imageOf(packages: DnsPackages): Promise<string> {
  const list = await readFile(join(packages.root, 'packages.txt'), 'utf8')
  const image = `pve-operator/dns-servers:${createHash('sha256').update(list).digest('hex').slice(0, 12)}`
  if (await run('docker', ['image', 'inspect', image]).catch(() => undefined)) return image
  const root = await mkdtemp(join(tmpdir(), 'pve-operator-image-'))
  try {
    await cp(packages.root, root, { recursive: true, verbatimSymlinks: true })
    for (const library of await librariesOf(packages)) {
      await mkdir(dirname(join(root, library)), { recursive: true })
      await cp(library, join(root, library), { dereference: true })
    }
    await mkdir(join(root, 'tmp'), { recursive: true })
    await mkdir(join(root, 'etc'), { recursive: true })
    await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/false\n')
    await run('sh', ['-c', `tar -C "$1" -c . | docker import - "$2"`, 'import', root, image])
    return image
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

/** What ldd finds outside the packages for their programs and backends. */
async function librariesOf(packages: DnsPackages): Promise<Set<string>> {
  const modules = join(packages.root, 'usr/lib', libraryDir)
  const files = [join(packages.root, 'usr/sbin/named'), join(packages.root, 'usr/sbin/pdns_server'), ...(await objectsIn(modules))]
  const found = new Set<string>()
  const env = { ...process.env, LD_LIBRARY_PATH: modules }
  for (const file of files) {
    const { stdout } = await run('ldd', [file], { env }).catch(() => ({ stdout: '' }))
    for (const [, path] of stdout.matchAll(/(\/[^\s()]+)/g)) if (path !== undefined && !path.startsWith(packages.root)) found.add(path)
  }
  return found
}

async function objectsIn(dir: string): Promise<string[]> {
  const names = await readdir(dir, { recursive: true })
  const paths = names.filter((name) => name.includes('.so')).map((name) => join(dir, name))
  const files = await Promise.all(paths.map(async (path) => ((await stat(path)).isFile() ? [path] : [])))
  return files.flat()
}
