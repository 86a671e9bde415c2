/**
 * `make plugin`: the plugin as files to be copied into PATH. Another folder than dist/ may be named; ARCH=amd64 makes one executable, ARCH= none.
 *   kubectl-pve                                    one file for Node.js
 *   kubectl-pve-linux-amd64, -arm64                the same with Node.js inside
 *   kubectl_complete-pve                           completion in the shell
 *   kubectl-pve.licences                           of what is in them
 */
import { chmodSync, copyFileSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { architectures } from '../release/architectures.ts'
import { asOneFile, requireBanner } from '../release/bundling.ts'
import { licenceTexts } from '../release/licences.ts'
import { makeExecutable } from '../release/single-executable.ts'
import { nodeOrSentence } from './node-or-sentence.ts'

const home = join(import.meta.dirname, '../..')
const folder = process.argv[2] ?? join(home, 'dist')
const { ARCH, XDG_CACHE_HOME } = process.env
const cacheDir = join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'pve-operator')
const entry = join(home, 'src/plugin/kubectl-pve.ts')
const say = (file: string, text: string): void => void process.stdout.write(`${file}: ${text}\n`)
mkdirSync(folder, { recursive: true })

const script = join(folder, 'kubectl-pve')
await build({ entryPoints: [entry], outfile: script, ...asOneFile, banner: { js: `${nodeOrSentence}\n${requireBanner}` } })
chmodSync(script, 0o755)
say(script, 'copy it to a directory of PATH, and kubectl knows "kubectl pve" (needs Node.js 24.15 or newer)')

const completion = join(folder, 'kubectl_complete-pve')
copyFileSync(join(home, 'src/plugin/kubectl_complete-pve'), completion)
chmodSync(completion, 0o755)
say(completion, 'beside it, and the shell completes "kubectl pve" as it does kubectl')

const wanted = ARCH === undefined ? architectures : architectures.filter((name) => ARCH.split(',').includes(name))
for (const architecture of wanted) {
  const outfile = join(folder, `kubectl-pve-linux-${architecture}`)
  await makeExecutable({ entry, architecture, outfile }, { home, cacheDir })
  say(outfile, `the same without Node.js to install, ${Math.round(statSync(outfile).size / 1e6)} MB; copy it as kubectl-pve`)
}
writeFileSync(join(folder, 'kubectl-pve.licences'), licenceTexts(home))
