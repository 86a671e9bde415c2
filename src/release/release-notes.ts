/** `make release-notes TAG=v0.2.0`: prints the section of CHANGELOG.md that is the text of the release, or what is missing. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { releaseFaults, sectionOf } from './release-check.ts'

const home = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(home, path), 'utf8')
const tag = process.argv[2] ?? ''
const changelog = read('CHANGELOG.md')
const faults = releaseFaults(tag, {
  changelog,
  version: (JSON.parse(read('package.json')) as { version: string }).version,
  charts: ['deploy/chart/Chart.yaml', 'deploy/chart-crds/Chart.yaml'].map(read),
  kustomization: read('deploy/kustomization.yaml'),
})
if (faults.length > 0) {
  process.stderr.write(`${faults.join('\n')}\n`)
  process.exit(1)
}
process.stdout.write(`${sectionOf(changelog, tag.slice(1))}\n`)
