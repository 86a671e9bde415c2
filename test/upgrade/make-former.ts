/**
 * Makes the operator and the CRDs of the commit that users run today, for the upgrade test:
 *   node_modules/.bin/node test/upgrade/make-former.ts
 * writes former-operator.mjs.gz (one file, as `run` needs it) and former-crds.yaml.gz beside itself. It needs this repository's history and its
 * node_modules, whose pinned versions are those of that commit.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { asOneFile, requireBanner } from '../../src/release/bundling.ts'

const commit = 'e83e1fd93c244ba173ebfc2d7ccf745f7cc9587d'
const here = import.meta.dirname
const root = join(here, '../..')
const dir = mkdtempSync(join(tmpdir(), 'pve-operator-former-'))

const archive = execFileSync('git', ['archive', commit, 'src', 'crds', 'package.json'], { cwd: root, maxBuffer: 1 << 30 })
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
writeFileSync(join(here, 'former-operator.mjs.gz'), gzipSync(readFileSync(outfile), { level: 9 }))
const crds = readdirSync(join(dir, 'crds')).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml')
const texts = crds.toSorted().map((name) => readFileSync(join(dir, 'crds', name), 'utf8'))
writeFileSync(join(here, 'former-crds.yaml.gz'), gzipSync(texts.join('\n---\n'), { level: 9 }))
rmSync(dir, { recursive: true })
