/** A Chromium for tests: the one of this machine, or Debian's packages unpacked into the cache, once. Nothing is installed. */
import { execFile } from 'node:child_process'
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { chromium, type Browser } from 'playwright-core'

const run = promisify(execFile)
const libraryDir = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'
const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'pve-operator', 'chromium')

interface Program {
  readonly path: string
  readonly libraries?: string
}

/** A browser, or a sentence why this machine cannot have one. */
export async function launchChromium(): Promise<Browser | string> {
  const program = await found()
  if (typeof program === 'string') return program
  const env = { ...process.env, ...(program.libraries && { LD_LIBRARY_PATH: program.libraries }) } as Record<string, string>
  try {
    return await chromium.launch({ executablePath: program.path, env, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] })
  } catch (fault) {
    return `Chromium does not start here: ${fault instanceof Error ? (fault.message.split('\n')[0] ?? '') : String(fault)}`
  }
}

async function found(): Promise<Program | string> {
  const asked = process.env['CHROMIUM']
  for (const path of [asked, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']) {
    if (
      path &&
      (await access(path).then(
        () => true,
        () => false,
      ))
    )
      return { path }
  }
  const root = join(cache, 'root')
  if (
    !(await access(root).then(
      () => true,
      () => false,
    ))
  ) {
    const problem = await unpacked(root)
    if (problem !== undefined) return problem
  }
  const places = ['usr/lib', 'lib'].flatMap((dir) => [join(root, dir, libraryDir), join(root, dir, libraryDir, 'pulseaudio')])
  return { path: join(root, 'usr/lib/chromium/chromium'), libraries: places.join(':') }
}

/** The packages that this machine lacks (some 125 MB the first time), as Debian serves them. */
async function unpacked(root: string): Promise<string | undefined> {
  const part = join(cache, `part-${process.pid}`)
  try {
    await mkdir(join(part, 'debs'), { recursive: true })
    const plan = await run('apt-get', ['install', '--print-uris', '-qq', '-y', '--no-install-recommends', 'chromium'])
    const names = [...plan.stdout.matchAll(/^'[^']+' ([^_\s]+)_/gm)].flatMap((match) => match[1] ?? [])
    if (names.length === 0)
      return 'There is no Chromium here: apt-get knows no package chromium; run apt-get update, or set CHROMIUM to a browser.'
    await run('apt-get', ['download', '-qq', ...names], { cwd: join(part, 'debs') })
    for (const deb of await readdir(join(part, 'debs'))) await run('dpkg', ['-x', join(part, 'debs', deb), join(part, 'root')])
    await rename(join(part, 'root'), root)
    return undefined
  } catch (fault) {
    const why = fault instanceof Error ? fault.message.trim().split('\n').at(-1) : String(fault)
    return `There is no Chromium here, and Debian's cannot be fetched (${why}); set CHROMIUM to a browser to run these tests.`
  } finally {
    await rm(part, { recursive: true, force: true })
  }
}
