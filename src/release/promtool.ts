/** The real promtool: the one PROMTOOL names, else built once from its pinned Go module. */
import { join } from 'node:path'
import { ensureBuilt, mustBeExecutable } from '../controlplane/go-build.ts'

/** Without service discovery: rules are tested, nothing is scraped; half of the modules stay away. */
const flags = ['-trimpath', '-tags', 'remove_all_sd', '-ldflags', '-s -w']

/** Path of an executable promtool; some minutes the first time, on two cores. */
export async function ensurePromtool(o: { cacheDir?: string; log: (line: string) => void }): Promise<string> {
  const { PROMTOOL } = process.env
  if (PROMTOOL) {
    await mustBeExecutable(PROMTOOL, `PROMTOOL=${PROMTOOL}`)
    return PROMTOOL
  }
  const folder = await ensureBuilt({
    name: 'promtool',
    title: 'promtool',
    duration: 'about three minutes on two cores',
    sourceDir: join(import.meta.dirname, 'promtool'),
    commands: [{ binary: 'promtool', package: 'github.com/prometheus/prometheus/cmd/promtool', flags }],
    withoutGo: 'building promtool needs Go ≥ 1.26 in PATH; or set PROMTOOL to an executable promtool',
    ...o,
  })
  return join(folder, 'promtool')
}
