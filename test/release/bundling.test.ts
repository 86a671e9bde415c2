import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { bundleOperator } from '../../src/release/bundling.ts'
import { root } from '../house/sources.ts'

const dir = mkdtempSync(join(tmpdir(), 'pve-bundle-'))
const file = join(dir, 'main.mjs')
let text = ''
beforeAll(async () => {
  await bundleOperator(root, file)
  text = readFileSync(file, 'latin1')
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

describe('the operator as one file', () => {
  it('runs', () => {
    expect(execFileSync(process.execPath, [file, 'crds'], { encoding: 'utf8', cwd: dir })).toContain('kind: CustomResourceDefinition')
  })

  it.each(['default', 'recorded'])('simulates Proxmox VE, preset %s', async (preset) => {
    const child = spawn(process.execPath, [file, 'simulate', '--listen', '127.0.0.1:0', '--preset', preset], {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const said = await new Promise<string>((resolve) => {
      let text = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => {
          text += chunk.toString()
          if (/^ready$/m.test(text)) resolve(text)
        })
      child.on('close', () => resolve(text))
    })
    child.kill()
    expect(said).toMatch(/^ready$/m)
  })

  it('is ASCII, so that V8 keeps it with one byte a character', () => {
    expect(/.{0,40}[\u0080-\u00ff].{0,40}/.exec(text)?.[0]).toBeUndefined()
  })

  it('brings no models of kinds that nobody here reads', () => {
    expect(text.length).toBeLessThan(6_000_000)
  })
})
