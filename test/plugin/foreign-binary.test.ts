/** The plugin that brings its own Node, for the architecture that this machine does not have: made here, run by QEMU. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Architecture, architectures, hostArchitecture } from '../../src/release/architectures.ts'
import { librariesFor } from '../../src/release/libraries.ts'
import { nodeFor } from '../../src/release/node-binary.ts'
import { makeExecutable } from '../../src/release/single-executable.ts'
import { root } from '../house/sources.ts'
import { emulatorFor } from '../release/emulator.ts'
import { testKubeconfig } from '../support/kube.ts'

const cacheDir = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'pve-operator')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

/** Node and its libraries for it are in the cache; false: they cannot be fetched here, and the reason is printed. */
function fetched(architecture: Architecture): boolean {
  try {
    librariesFor(architecture, nodeFor(architecture, { home: root, cacheDir }), cacheDir)
    return true
  } catch (fault) {
    process.stderr.write(`not tested: kubectl-pve-linux-${architecture} runs (${fault instanceof Error ? fault.message : String(fault)})\n`)
    return false
  }
}

describe.each(architectures.filter((name) => name !== hostArchitecture))('kubectl-pve-linux-%s', (architecture) => {
  const emulator = emulatorFor(architecture, `kubectl-pve-linux-${architecture}`)
  const suite = emulator === undefined ? describe.skip : describe

  suite('run by QEMU', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kubectl-pve-foreign-'))
    const outfile = join(folder, 'kubectl-pve')

    let isFetched = false

    beforeAll(async () => {
      isFetched = fetched(architecture)
      if (!isFetched) return
      await makeExecutable({ entry: join(root, 'src/plugin/kubectl-pve.ts'), architecture, outfile }, { home: root, cacheDir })
      for (const { from, to } of librariesFor(architecture, outfile, cacheDir)) {
        mkdirSync(join(folder, 'root', dirname(to)), { recursive: true })
        symlinkSync(realpathSync(from), join(folder, 'root', to))
      }
    }, 300_000)
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    const said = (...args: string[]) => {
      const { status, stdout, stderr } = spawnSync(emulator ?? '', ['-L', join(folder, 'root'), outfile, ...args], {
        encoding: 'utf8',
        cwd: folder,
        env: { PATH: process.env['PATH'] },
      })
      return { status, stdout, stderr }
    }

    it('says its version', () => {
      if (!isFetched) return
      expect(said('--version')).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' })
    })

    it('asks the API server', () => {
      if (!isFetched) return
      const { status, stdout, stderr } = said('pools', '-o', 'json', '--kubeconfig', testKubeconfig())
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      expect(Array.isArray(JSON.parse(stdout))).toBe(true)
    })
  })
})
