import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { goClient, pythonClient, type ForeignClient } from './install.ts'

const run = promisify(execFile)
const walkMs = 180_000

const [python, go] = await Promise.all([
  pythonClient(join(import.meta.dirname, 'proxmoxer')),
  goClient(join(import.meta.dirname, 'go-proxmox')),
])
for (const reason of [python, go]) if (typeof reason === 'string') process.stderr.write(`test/clients/clients.test.ts skips: ${reason}\n`)
const withPython = typeof python === 'string' ? describe.skip : describe
const withGo = typeof go === 'string' ? describe.skip : describe

let simulator: Simulator

beforeAll(async () => {
  simulator = await startSimulator({ speed: 20 })
})
afterAll(() => simulator.stop())

/** The last line a client's own script prints. */
async function lastLine(client: ForeignClient | string): Promise<string | undefined> {
  if (typeof client === 'string') return client
  simulator.reset()
  const { url, world } = simulator
  const given = [...client.args, url.replace('https://', ''), world.spec.tokens[0]?.secret ?? '']
  const { stdout } = await run(client.command, given, { timeout: walkMs })
  return stdout.trimEnd().split('\n').at(-1)
}

withPython('proxmoxer (PyPI)', () => {
  it(
    'walks through the life of a VM, templates, snapshots, backups, pools, users, firewall and HA',
    async () => {
      expect(await lastLine(python)).toBe('walked to the end')
    },
    walkMs,
  )
})

withGo('go-proxmox (Go module)', () => {
  it(
    'walks through the life of a VM, templates, snapshots, backups, pools, users and firewall',
    async () => {
      expect(await lastLine(go)).toBe('walked to the end')
    },
    walkMs,
  )
})
