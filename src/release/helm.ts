/** The real helm: the one HELM names, else built once from its pinned Go module. */
import { join } from 'node:path'
import { ensureBuilt, mustBeExecutable } from '../controlplane/go-build.ts'

const version = 'v4.3.1'
const flags = ['-trimpath', '-ldflags', `-s -w -X helm.sh/helm/v4/internal/version.version=${version}`]

/** Path of an executable helm; about two minutes the first time, on two cores. */
export async function ensureHelm(o: { cacheDir?: string; log: (line: string) => void }): Promise<string> {
  const { HELM } = process.env
  if (HELM) {
    await mustBeExecutable(HELM, `HELM=${HELM}`)
    return HELM
  }
  const folder = await ensureBuilt({
    name: 'helm',
    title: `helm ${version}`,
    duration: 'about two minutes on two cores',
    sourceDir: join(import.meta.dirname, 'helm'),
    commands: [{ binary: 'helm', package: 'helm.sh/helm/v4/cmd/helm', flags }],
    withoutGo: 'building helm needs Go ≥ 1.26 in PATH; or set HELM to an executable helm',
    ...o,
  })
  return join(folder, 'helm')
}
