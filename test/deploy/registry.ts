/** A real OCI registry that keeps everything in memory, as long as a test runs: built once from its pinned Go module. */
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureBuilt } from '../../src/controlplane/go-build.ts'
import { logTail, supervise } from '../../src/controlplane/supervised.ts'
import { until } from '../support/until.ts'

export interface Registry {
  /** Host and port, such as `127.0.0.1:35417`. It speaks HTTP without TLS and asks for no login. */
  readonly host: string
  stop(): Promise<unknown>
}

/** true: the machine has the Go that builds it. Else the reason is printed. */
export function registryIsHere(): boolean {
  if (spawnSync('go', ['version']).status === 0) return true
  process.stderr.write('not tested: the charts in an OCI registry (there is no Go on this machine that builds one)\n')
  return false
}

/** Its log goes into `dir`. Throws when it does not begin to serve. */
export async function startRegistry(o: { dir: string; cacheDir?: string; log: (line: string) => void }): Promise<Registry> {
  const folder = await ensureBuilt({
    name: 'registry',
    title: 'an OCI registry',
    duration: 'half a minute on two cores',
    sourceDir: join(import.meta.dirname, 'registry'),
    commands: [{ binary: 'registry', package: 'github.com/google/go-containerregistry/cmd/registry', flags: ['-trimpath'] }],
    withoutGo: 'building the registry needs Go ≥ 1.26 in PATH',
    ...o,
  })
  const logFile = join(o.dir, 'registry.log')
  const server = await supervise({ name: 'registry', command: join(folder, 'registry'), args: ['-port', '0'], cwd: o.dir, logFile })
  const failed = server.ended.then(async (how) => {
    throw new Error(`the registry ended with ${how}: ${await logTail(logFile)}`)
  })
  failed.catch(() => undefined)
  const serving = until('the registry serves', async () => /serving on port (\d+)/.exec(await readFile(logFile, 'utf8'))?.[1])
  const port = await Promise.race([serving, failed])
  return { host: `127.0.0.1:${port}`, stop: () => server.stop() }
}
