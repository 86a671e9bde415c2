/** `make chart`: dist/pve-operator-crds-VERSION.tgz and dist/pve-operator-VERSION.tgz, for `helm install FILE` or `helm push FILE oci://…`. */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ensureHelm } from './helm.ts'

const home = join(import.meta.dirname, '../..')
const { XDG_CACHE_HOME: cacheDir } = process.env
const helm = await ensureHelm({ ...(cacheDir && { cacheDir }), log: (line) => process.stderr.write(`${line}\n`) })
mkdirSync(join(home, 'dist'), { recursive: true })
for (const chart of ['chart-crds', 'chart']) {
  const folder = join(home, 'deploy', chart)
  execFileSync(helm, ['lint', '--strict', '--quiet', folder], { stdio: ['ignore', 'inherit', 'ignore'] })
  process.stdout.write(
    execFileSync(helm, ['package', folder, '--destination', join(home, 'dist')], { stdio: ['ignore', 'pipe', 'ignore'] }),
  )
}
