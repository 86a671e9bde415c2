/**
 * Keeps the operator and the CRDs of a release for the upgrade test: `make former TAG=v0.2.0`, or a commit.
 * It needs this repository's history; packages are those of node_modules, so it is run when the release is made.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { crdsFile, operatorFile } from './bundles.ts'
import { asOneFile, requireBanner } from '../../src/release/bundling.ts'

const [name = ''] = process.argv.slice(2)
if (!/^[\w.]+$/.test(name)) throw new Error('name a tag or a commit: make former TAG=v0.2.0')
const root = join(import.meta.dirname, '../..')
const dir = mkdtempSync(join(tmpdir(), 'pve-operator-former-'))

const archive = execFileSync('git', ['archive', name, 'src', 'crds', 'package.json'], { cwd: root, maxBuffer: 1 << 30 })
mkdirSync(join(dir, 'dist'))
execFileSync('tar', ['x', '-C', dir], { input: archive })
symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'))
const outfile = join(dir, 'dist/operator.mjs')
await build({
  entryPoints: [join(dir, 'src/main.ts')],
  outfile,
  ...asOneFile,
  minify: true,
  keepNames: true,
  preserveSymlinks: true,
  // For the reader of kubeconfig alone, as src/plugin/bundle.ts does.
  alias: { '@kubernetes/client-node': join(dir, 'node_modules/@kubernetes/client-node/dist/config.js') },
  banner: { js: requireBanner },
})
writeFileSync(operatorFile(name), gzipSync(readFileSync(outfile), { level: 9 }))
const crds = readdirSync(join(dir, 'crds')).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml')
const texts = crds.toSorted().map((name) => readFileSync(join(dir, 'crds', name), 'utf8'))
writeFileSync(crdsFile(name), gzipSync(texts.join('\n---\n'), { level: 9 }))
process.stdout.write(`${operatorFile(name)}: commit it with ${crdsFile(name)}\n`)
rmSync(dir, { recursive: true })
