/** Writes dist/kubectl-pve, or the file named: the plugin as a single file, to be copied into PATH. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { asOneFile, requireBanner } from '../release/bundling.ts'
import { licenceTexts } from '../release/licences.ts'

const home = join(import.meta.dirname, '../..')
const outfile = process.argv[2] ?? join(home, 'dist/kubectl-pve')

await build({
  entryPoints: [join(home, 'src/plugin/kubectl-pve.ts')],
  outfile,
  ...asOneFile,
  banner: { js: `#!/usr/bin/env node\n${requireBanner}` },
})
chmodSync(outfile, 0o755)
writeFileSync(`${outfile}.licences`, licenceTexts(home))
process.stdout.write(`${outfile}: copy it to a directory of PATH, and kubectl knows "kubectl pve" (needs Node.js 24.15 or newer)\n`)
