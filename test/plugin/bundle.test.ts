import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { testKubeconfig } from '../support/kube.ts'

/** Far from the packages and the package.json of this repository, as in somebody's PATH. */
const folder = mkdtempSync(join(tmpdir(), 'kubectl-pve-'))
const home = join(import.meta.dirname, '../..')
const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string }

/** A PATH with sh's own commands and the node that is named, or none. */
function pathWith(name: string, node?: string): string {
  const bin = join(folder, name)
  mkdirSync(bin)
  for (const command of ['sh', 'dirname']) symlinkSync(join('/bin', command), join(bin, command))
  if (node?.startsWith('/')) symlinkSync(node, join(bin, 'node'))
  else if (node) writeFileSync(join(bin, 'node'), `#!/bin/sh\necho ${node}\n`, { mode: 0o755 })
  return bin
}

function started(file: string, path: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(join(folder, file), args, { encoding: 'utf8', cwd: folder, env: { PATH: path } })
  return { status, stdout, stderr }
}

describe('the files of make plugin', () => {
  let withNode = ''

  beforeAll(() => {
    execFileSync(process.execPath, [join(home, 'src/plugin/bundle.ts'), folder], {
      encoding: 'utf8',
      env: { ...process.env, ARCH: 'amd64' },
    })
    withNode = pathWith('with-node', process.execPath)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('need nothing beside them but Node', () => {
    expect(started('kubectl-pve', withNode, '--version')).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' })
  })

  it.each([
    ['an older Node', 'v22.11.0', 'v22.11.0'],
    ['a Node 24 that is too old', 'v24.14.9', 'v24.14.9'],
    ['no Node at all', undefined, 'missing'],
  ])('say in one line which Node is needed when there is %s', (name, node, told) => {
    expect(started('kubectl-pve', pathWith(name.replaceAll(' ', '-'), node), 'pools')).toEqual({
      status: 69,
      stdout: '',
      stderr: `kubectl pve needs Node.js 24.15 or newer; the node in PATH is ${told}. kubectl-pve-linux-amd64 and -arm64 bring their own.\n`,
    })
  })

  it('read a kubeconfig and ask the API server', () => {
    const { stdout } = started('kubectl-pve', withNode, 'pools', '-o', 'json', '--kubeconfig', testKubeconfig())
    expect(Array.isArray(JSON.parse(stdout))).toBe(true)
  })

  it('run without Node where they bring their own', () => {
    const alone = (...args: string[]) => started('kubectl-pve-linux-amd64', '/nowhere', ...args)
    expect(alone('--version')).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' })
    const { stdout } = alone('pools', '-o', 'json', '--kubeconfig', testKubeconfig())
    expect(Array.isArray(JSON.parse(stdout))).toBe(true)
  })

  it('complete sub-commands in the shell', () => {
    const { status, stdout } = started('kubectl_complete-pve', withNode, 'out')
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^outdated\t.*\n:4\n$/) })
  })

  it('have the licences of what is in them beside them', () => {
    expect(readFileSync(join(folder, 'kubectl-pve.licences'), 'utf8')).toContain('commander')
  })
})
