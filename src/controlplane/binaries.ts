/** The real kube-apiserver and etcd: of a folder, or built once from pinned Go modules. */
import { join } from 'node:path'
import { ensureBuilt, mustBeExecutable } from './go-build.ts'

export interface Binaries {
  apiserver: string
  etcd: string
}

export interface BinariesOptions {
  /** A folder with `kube-apiserver` and `etcd`, as setup-envtest makes it (KUBEBUILDER_ASSETS). */
  assetsDir?: string
  /** Where to keep what was built; `~/.cache` if absent (XDG_CACHE_HOME is the caller's to read). */
  cacheDir?: string
  /** The folder of the go.mod that pins both commands; the one beside this file if absent. */
  sourceDir?: string
  log: (line: string) => void
}

const versionPackage = 'k8s.io/component-base/version'
/** Without these the server calls itself v0.0.0-master and clients that compare versions misjudge it. */
const versionFlags = `-s -w -X ${versionPackage}.gitVersion=v1.36.3 -X ${versionPackage}.gitMajor=1 -X ${versionPackage}.gitMinor=36`

const commands = [
  { binary: 'etcd', package: 'go.etcd.io/etcd/server/v3', flags: ['-trimpath', '-ldflags', '-s -w'] },
  { binary: 'kube-apiserver', package: 'k8s.io/kubernetes/cmd/kube-apiserver', flags: ['-trimpath', '-ldflags', versionFlags] },
]

/**
 * The real kube-apiserver and etcd: from `assetsDir` if given, else built once from pinned Go modules into a cache
 * (about eight minutes on two cores, nothing afterwards). Two callers at once build once.
 */
export async function ensureBinaries(options: BinariesOptions): Promise<Binaries> {
  if (options.assetsDir) return found(options.assetsDir, `KUBEBUILDER_ASSETS=${options.assetsDir}`)
  const target = await ensureBuilt({
    name: 'controlplane',
    title: 'kube-apiserver and etcd',
    duration: 'about eight minutes on two cores',
    sourceDir: options.sourceDir ?? join(import.meta.dirname, 'binaries'),
    commands,
    withoutGo: 'building the control plane needs Go ≥ 1.26 in PATH; or set KUBEBUILDER_ASSETS (setup-envtest)',
    ...(options.cacheDir && { cacheDir: options.cacheDir }),
    log: options.log,
  })
  return found(target, target)
}

async function found(dir: string, origin: string): Promise<Binaries> {
  const binaries = { apiserver: join(dir, 'kube-apiserver'), etcd: join(dir, 'etcd') }
  for (const path of [binaries.apiserver, binaries.etcd]) await mustBeExecutable(path, origin)
  return binaries
}
