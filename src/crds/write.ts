/**
 * `node src/crds/write.ts`: writes what is generated from src/api: the files of `crds/`, `docs/reasons.md` and the tables of fields and
 * commands in `docs/api/`. With `--check` it changes nothing and exits 1 naming the files that differ.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { withCommandTable } from './command-table.ts'
import { customResourceDefinitions } from './definitions.ts'
import { withFieldTables } from './field-tables.ts'
import { manifestFiles } from './manifests.ts'
import { reasonsPage } from './reasons-page.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8').catch(() => '')

/** Path from the root → text. */
async function generated(): Promise<Map<string, string>> {
  const files = new Map([...manifestFiles()].map(([name, text]) => [`crds/${name}`, text]))
  files.set('docs/reasons.md', reasonsPage())
  for (const crd of customResourceDefinitions()) {
    const path = `docs/api/${crd.spec.names.kind.toLowerCase()}.md`
    files.set(path, withCommandTable(withFieldTables(await read(path), crd)))
  }
  return files
}

await mkdir(join(root, 'crds'), { recursive: true })
const files = await generated()
const stale = (await readdir(join(root, 'crds'))).map((name) => `crds/${name}`).filter((path) => !files.has(path))

if (process.argv.includes('--check')) {
  const differing = [...stale]
  for (const [path, text] of files) if ((await read(path)) !== text) differing.push(path)
  if (differing.length > 0) {
    process.stderr.write(`not what src/api says: ${differing.join(', ')}; run make crds\n`)
    process.exitCode = 1
  }
} else {
  for (const path of stale) await rm(join(root, path))
  for (const [path, text] of files) if ((await read(path)) !== text) await writeFile(join(root, path), text)
}
