import { aborted } from '../ops/abort.ts'
import { type BinariesOptions, ensureBinaries } from './binaries.ts'
import { startControlPlane } from './controlplane.ts'

export interface ControlPlaneCommand extends Pick<BinariesOptions, 'assetsDir' | 'cacheDir'> {
  dir: string
  port?: number
  /** Ends the command: main aborts it on SIGTERM and SIGINT. */
  signal: AbortSignal
  /** Standard output: `ready` on a line of its own once the API server is. */
  print: (line: string) => void
  /** Standard error: progress. */
  log: (line: string) => void
}

/** `pve-operator controlplane`: runs until the signal aborts; throws when a server ends by itself. */
export async function controlplaneCommand(options: ControlPlaneCommand): Promise<void> {
  const binaries = await ensureBinaries(options)
  if (options.signal.aborted) return
  const controlPlane = await startControlPlane({ ...options, binaries })
  options.log(`KUBECONFIG=${controlPlane.kubeconfigPath}`)
  options.print('ready')
  const failure = await Promise.race([aborted(options.signal), controlPlane.failed])
  await controlPlane.stop()
  if (failure !== undefined) throw new Error(`${failure}; see ${controlPlane.dir}/logs`)
}
