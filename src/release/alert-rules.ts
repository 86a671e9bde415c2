/** `make rules`: deploy/alerts.rules.yaml, the rules of deploy/alerts.yaml for a plain Prometheus, and what promtool says of them. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { plainRules, rulesFile } from './plain-rules.ts'
import { ensurePromtool } from './promtool.ts'

const home = join(import.meta.dirname, '../..')
const { XDG_CACHE_HOME: cacheDir } = process.env
writeFileSync(join(home, rulesFile), plainRules(home))
const promtool = await ensurePromtool({ ...(cacheDir && { cacheDir }), log: (line) => process.stderr.write(`${line}\n`) })
process.exitCode = spawnSync(promtool, ['check', 'rules', join(home, rulesFile)], { stdio: 'inherit' }).status ?? 1
