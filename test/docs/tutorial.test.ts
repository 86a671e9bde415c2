/** The tutorial, word by word: its commands are run from top to bottom on a control plane that knows nothing yet, and print what it says. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { ensureBinaries } from '../../src/controlplane/binaries.ts'
import { type ControlPlane, startControlPlane } from '../../src/controlplane/controlplane.ts'
import { type Program, startProgram } from '../../src/local-stack/program.ts'
import { ensureHelm } from '../../src/release/helm.ts'
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { isTrue } from '../../src/api/condition.ts'
import { proxmoxVMs } from '../../src/api/meta.ts'
import { KubeClient } from '../../src/kube/client.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { phpIsHere } from '../integrations/whmcs/php.ts'
import { service, Shop } from '../integrations/whmcs/shop.ts'
import { helmIsHere } from '../deploy/helm.ts'
import { root } from '../house/sources.ts'
import { until } from '../support/until.ts'
import { requirePort } from '../../src/local-stack/ports.ts'
import { blocksOf, type PageBlock, printed } from './page-blocks.ts'

const page = 'docs/guide/tutorial.md'
const blocks = blocksOf(page)
const left = blocks.filter(({ is }) => is === 'not run')
const isRunnable = helmIsHere() && spawnSync('kubectl', ['version', '--client']).status === 0
process.stderr.write(
  isRunnable
    ? `${page}: ${left.length} of ${blocks.length} blocks are not run:\n${left.map(({ line, why }) => `  line ${line}: ${why}\n`).join('')}`
    : `${page} is not run: it takes kubectl, and helm or Go\n`,
)

const suite = isRunnable ? describe : describe.skip

suite('the tutorial', () => {
  let dir = ''
  let controlPlane: ControlPlane
  let simulator: Simulator
  let operator: Program | undefined
  let settings = ''

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'pve-tutorial-'))
    const { XDG_CACHE_HOME: cacheDir, KUBEBUILDER_ASSETS: assetsDir } = process.env
    const log = (line: string): void => void process.stderr.write(`${line}\n`)
    const where = { ...(cacheDir && { cacheDir }), log }
    const [binaries, helm] = await Promise.all([ensureBinaries({ ...where, ...(assetsDir && { assetsDir }) }), ensureHelm(where)])
    controlPlane = await startControlPlane({ dir: join(dir, 'controlplane'), binaries, ephemeral: true })
    simulator = await startSimulator({ speed: 10 })
    mkdirSync(join(dir, 'bin'))
    symlinkSync(helm, join(dir, 'bin/helm'))
    settings = ownSettings(simulator)
  }, 1_200_000)
  afterAll(async () => {
    await operator?.stop()
    await simulator?.stop()
    await controlPlane?.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  it('prints what it says, block by block, to a VM that is sold and one that is given back', async () => {
    for (const block of blocks.filter(({ is }) => is === 'run')) {
      const { code, out, err } = await shell(block)
      expect({ line: block.line, code, err: code === 0 ? '' : err }).toEqual({ line: block.line, code: 0, err: '' })
      const says = block.prints === undefined ? /^[^]*$/ : printed(block.prints)
      expect({ line: block.line, out }).toEqual({ line: block.line, out: expect.stringMatching(says) })
      if (block.text.includes('helm install pve-operator ')) operator = await startOperator()
    }
  }, 300_000)

  it('leads to a server that WHMCS sells', async () => {
    if (!phpIsHere()) return
    const client = new KubeClient({ server: controlPlane.server, fieldManager: 'tutorial', clock: systemClock })
    const settings = { 1: 'fra1', 2: 'vps-s', 3: 'debian-13', 4: 'public-v4', 6: 'customer-7' }
    const shop = await Shop.open({ client, namespace: 'customer-7' }, settings, ['pve-billing-bridge'], controlPlane.server)
    try {
      expect(await shop.finish('CreateAccount')).toBe('success')
      const sold = await until(
        'the sold server is Ready',
        async () => {
          const vm = await client.get(proxmoxVMs, { namespace: 'customer-7', name: `whmcs-${service}` })
          return isTrue(vm?.status?.conditions, 'Ready') && vm
        },
        { everyMs: 250 },
      )
      expect(sold.status).toMatchObject({ phase: 'Running', addresses: [{ pool: 'public-v4' }] })
    } finally {
      await shop.close()
      await client.close()
    }
  })

  /** As a person types it: one after another, and the first that fails ends it. */
  async function shell({ text }: PageBlock): Promise<{ code: number | null; out: string; err: string }> {
    const child = spawn('bash', ['-euo', 'pipefail', '-c', `${settings}\n${text}`], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        PATH: `${join(dir, 'bin')}:${process.env.PATH}`,
        KUBECONFIG: controlPlane.kubeconfigPath,
        HOME: dir,
      },
    })
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => void (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => void (err += chunk.toString()))
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
    return { code, out, err }
  }

  /** Here nobody starts pods: the operator runs as a process. */
  async function startOperator(): Promise<Program> {
    const health = `127.0.0.1:${await requirePort()}`
    const program = startProgram({
      name: 'operator',
      args: [
        'run',
        '--kubeconfig',
        controlPlane.kubeconfigPath,
        '--health-addr',
        health,
        '--metrics-addr',
        `127.0.0.1:${await requirePort()}`,
      ],
      logFile: join(dir, 'operator.log'),
    })
    await until('the operator is ready', async () => (await fetch(`http://${health}/readyz`).catch(() => undefined))?.ok)
    return program
  }
})

/** The lines of the page with the simulator's values: each variable of the page must have one. */
function ownSettings({ url, fingerprint }: Simulator): string {
  const values: Record<string, string> = {
    PVE_URL: url,
    PVE_FINGERPRINT: fingerprint ?? '',
    PVE_TOKEN_ID: 'root@pam!sim',
    PVE_TOKEN_SECRET: 'sim',
  }
  const names = blocks
    .filter(({ is }) => is === 'settings')
    .flatMap(({ text }) => [...text.matchAll(/^(\w+)=/gm)].map(([, name = '']) => name))
  expect(names.toSorted()).toEqual(Object.keys(values).toSorted())
  return names.map((name) => `${name}='${values[name]}'`).join('\n')
}
