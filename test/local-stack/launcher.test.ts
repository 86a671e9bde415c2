import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { requirePort } from '../../src/local-stack/ports.ts'
import { freePort } from '../../src/controlplane/supervised.ts'
import { launcher, startProgram } from '../../src/local-stack/program.ts'

const run = promisify(execFile)
let dir = ''

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pve-launcher-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

describe('bin/pve-operator', () => {
  it('works by absolute path from any directory', async () => {
    const { stdout } = await run(launcher, ['role'], { cwd: '/' })

    expect(stdout).toContain('pveum')
  })

  it('works through a symbolic link, without Node in PATH', async () => {
    await symlink(launcher, join(dir, 'pve'))

    const { stdout } = await run(join(dir, 'pve'), ['crds'], { env: { PATH: '/usr/bin:/bin' } })

    expect(stdout).toContain('kind: CustomResourceDefinition')
  })

  it('says which option it does not know and exits non-zero', async () => {
    await expect(run(launcher, ['run', '--no-such-option'])).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--no-such-option'),
    })
  })

  it('is the process that gets the signal: it stops and leaves nothing behind', async () => {
    const port = await requirePort()
    const program = startProgram({
      name: 'simulator',
      args: ['simulate', '--listen', `127.0.0.1:${port}`],
      logFile: join(dir, 'simulator.log'),
      readyLine: 'ready',
    })
    await program.ready

    await program.stop()

    expect(() => process.kill(program.pid, 0)).toThrow('ESRCH')
    expect(await requirePort(port)).toBe(port)
  })

  it('tells why a program could not start', async () => {
    const program = startProgram({
      name: 'simulator',
      args: ['simulate', '--listen', 'nowhere'],
      logFile: join(dir, 'failed.log'),
      readyLine: 'ready',
    })

    await expect(program.ready).rejects.toThrow(/^simulator ended \(exit code \d+\); the end of .*failed\.log:\n/)
  })
})

describe('a busy port', () => {
  it('is named in a sentence, and makes way for a free one', async () => {
    const holder = createServer()
    await new Promise<void>((listening) => holder.listen(0, '127.0.0.1', listening))
    const { port } = holder.address() as { port: number }

    await expect(requirePort(port)).rejects.toThrow(`127.0.0.1:${port} is in use`)
    expect(await freePort(port)).not.toBe(port)

    await new Promise((closed) => holder.close(closed))
  })
})

describe('a port for a server that takes seconds to listen', () => {
  it('is none that the kernel gives to others meanwhile', async () => {
    const [low = 0] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/).map(Number)

    expect(Math.max(await freePort(0), await requirePort())).toBeLessThan(Math.max(low, 30_000))
  })
})
