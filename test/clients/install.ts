// Brings foreign clients of the Proxmox VE API onto this machine: once, into the cache; says why where that is not possible.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const installMs = 240_000

/** How to start a walk: its arguments follow. */
export interface ForeignClient {
  command: string
  args: readonly string[]
}

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'pve-operator', 'clients')

/** The Python script of a folder in a virtual environment with its requirements.txt; else a sentence. */
export async function pythonClient(folder: string): Promise<ForeignClient | string> {
  const version = await run('python3', ['-c', 'import venv, ensurepip']).catch(() => undefined)
  if (!version) return 'proxmoxer: there is no python3 with venv on this machine'
  const requirements = join(folder, 'requirements.txt')
  const venv = await installed('python', [requirements], async (dir) => {
    await run('python3', ['-m', 'venv', dir])
    await run(join(dir, 'bin/python'), ['-m', 'pip', 'install', '--quiet', '--requirement', requirements], { timeout: installMs })
  })
  return typeof venv === 'string' ? venv : { command: join(venv.dir, 'bin/python'), args: [join(folder, 'walk.py')] }
}

/** The Go program of a folder, compiled; else a sentence. */
export async function goClient(folder: string): Promise<ForeignClient | string> {
  const version = await run('go', ['version']).catch(() => undefined)
  if (!version) return 'go-proxmox: there is no Go on this machine'
  const sources = (await readdir(folder)).toSorted().map((name) => join(folder, name))
  const program = await installed('go', sources, async (dir) => {
    await mkdir(dir)
    await run('go', ['build', '-o', join(dir, 'walk'), '.'], { cwd: folder, timeout: installMs })
  })
  return typeof program === 'string' ? program : { command: join(program.dir, 'walk'), args: [] }
}

/** A folder of the cache named after the content of these files; made whole or not at all. */
async function installed(kind: string, files: readonly string[], make: (dir: string) => Promise<void>): Promise<{ dir: string } | string> {
  const hash = createHash('sha256')
  for (const file of files) hash.update(await readFile(file))
  const dir = join(cache, `${kind}-${hash.digest('hex').slice(0, 16)}`)
  if (await isThere(dir)) return { dir }
  const part = `${dir}.${process.pid}`
  await mkdir(cache, { recursive: true })
  try {
    await make(part)
    // Another run may have been faster: what it made is the same.
    await rename(part, dir).catch(async (fault: unknown) => {
      if (!(await isThere(dir))) throw fault
    })
    return { dir }
  } catch (fault) {
    const { stderr = '', message } = fault as Error & { stderr?: string }
    return `the client in ${kind} could not be installed: ${(stderr.trim().split('\n').at(-1) ?? '') || message}`
  } finally {
    await rm(part, { recursive: true, force: true })
  }
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
