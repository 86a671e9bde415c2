/**
 * `node src/crds/write.ts`: writes the files of `crds/` and removes what is no longer generated.
 * With `--check` it changes nothing and exits 1 naming the files that differ.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { manifestFiles } from './manifests.ts'

const directory = join(import.meta.dirname, '../../crds')
const files = manifestFiles()
await mkdir(directory, { recursive: true })
const stale = (await readdir(directory)).filter((name) => !files.has(name))

if (process.argv.includes('--check')) {
  const differing = [...stale]
  for (const [name, text] of files) if ((await readFile(join(directory, name), 'utf8').catch(() => '')) !== text) differing.push(name)
  if (differing.length > 0) {
    process.stderr.write(`crds/ is not what src/api says (${differing.join(', ')}); run make crds\n`)
    process.exitCode = 1
  }
} else {
  for (const name of stale) await rm(join(directory, name))
  for (const [name, text] of files) await writeFile(join(directory, name), text)
}
