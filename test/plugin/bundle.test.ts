import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { testKubeconfig } from '../support/kube.ts'

/** Far from the packages and the package.json of this repository, as in somebody's PATH. */
const folder = mkdtempSync(join(tmpdir(), 'kubectl-pve-'))
const file = join(folder, 'kubectl-pve')
const home = join(import.meta.dirname, '../..')
const pve = (...args: string[]) => execFileSync(process.execPath, [file, ...args], { encoding: 'utf8', cwd: folder })

describe('the single file', () => {
  beforeAll(() => void execFileSync(process.execPath, [join(home, 'src/plugin/bundle.ts'), file], { encoding: 'utf8' }), 60_000)
  afterAll(() => rmSync(folder, { recursive: true }))

  it('needs nothing beside it', () => {
    expect(readFileSync(file, 'utf8').startsWith('#!/usr/bin/env node\n')).toBe(true)
    const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string }
    expect(pve('--version')).toBe(`${version}\n`)
  })

  it('reads a kubeconfig and asks the API server', () => {
    expect(Array.isArray(JSON.parse(pve('pools', '-o', 'json', '--kubeconfig', testKubeconfig())))).toBe(true)
  })

  it('has the licences of what is in it beside it', () => {
    expect(existsSync(`${file}.licences`)).toBe(true)
    expect(readFileSync(`${file}.licences`, 'utf8')).toContain('commander')
  })
})
