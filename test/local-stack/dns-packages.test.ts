/** Two test files want the DNS servers on a machine that has none yet. apt-get and dpkg are scripts here: nothing is downloaded. */
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from '@jest/globals'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pve-dns-packages-'))
  await mkdir(join(dir, 'bin'))
  // A download that takes a while, so that the two meet.
  await program('apt-get', `case "$1" in install) echo "'http://x/b.deb' bind9_1_amd64.deb";; download) sleep 1; : > b.deb;; esac`)
  await program('dpkg', `mkdir -p "$3/usr" && echo unpacked >> "${join(dir, 'unpacked')}"`)
})
afterAll(() => rm(dir, { recursive: true, force: true }))

async function program(name: string, script: string): Promise<void> {
  const file = join(dir, 'bin', name)
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, 0o755)
}

/** In a process of its own, as each worker of jest is one. */
async function ask(): Promise<unknown> {
  const module = join(import.meta.dirname, '../../src/local-stack/dns-packages.ts')
  const script = `import { dnsPackages } from '${module}'; console.log(JSON.stringify(await dnsPackages('${join(dir, 'cache')}')))`
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script]
  const env = { ...process.env, PATH: `${join(dir, 'bin')}:${process.env['PATH']}` }
  const { stdout } = await promisify(execFile)(process.execPath, args, { env })
  return JSON.parse(stdout)
}

it('the packages of the DNS servers are unpacked once for all processes that want them at the same time', async () => {
  const root = join(dir, 'cache/root')
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([{ root }, { root }, { root }])
  expect(await readFile(join(dir, 'unpacked'), 'utf8')).toBe('unpacked\n')
})
