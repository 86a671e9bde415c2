/** A program as one file that brings its own Node (a single executable application): nothing has to be installed where it runs. */
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { tmpdir } from 'node:os'
import { build } from 'esbuild'
import type { Architecture } from './architectures.ts'
import { asOneFile } from './bundling.ts'
import { nodeFor } from './node-binary.ts'

/** The mark in every Node binary that says whether it carries a program (Node's documentation, single executable applications). */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

export interface Executable {
  /** The program's first file. No top-level await: what is injected is CommonJS. */
  readonly entry: string
  readonly architecture: Architecture
  readonly outfile: string
}

/** Writes `outfile`; the blob holds no machine code, so each architecture can be made on any. */
export async function makeExecutable({ entry, architecture, outfile }: Executable, o: { home: string; cacheDir: string }): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'pve-executable-'))
  try {
    const main = join(dir, 'main.cjs')
    await build({ entryPoints: [entry], outfile: main, ...asOneFile, format: 'cjs' })
    const blob = join(dir, 'program.blob')
    const config = join(dir, 'config.json')
    writeFileSync(
      config,
      JSON.stringify({ main, output: blob, disableExperimentalSEAWarning: true, useCodeCache: false, useSnapshot: false }),
    )
    execFileSync(process.execPath, ['--experimental-sea-config', config], { stdio: 'pipe' })
    mkdirSync(dirname(outfile), { recursive: true })
    rmSync(outfile, { force: true })
    copyFileSync(realpathSync(nodeFor(architecture, o)), outfile)
    chmodSync(outfile, 0o755)
    const postject = join(o.home, 'node_modules/postject/dist/cli.js')
    execFileSync(process.execPath, [postject, outfile, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', fuse], { stdio: 'pipe' })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
