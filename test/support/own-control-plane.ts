/** A control plane of one test file, for what would disturb all the others: CRDs and policies that come and go. */
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureBinaries } from '../../src/controlplane/binaries.ts'
import { startControlPlane } from '../../src/controlplane/controlplane.ts'
import { KubeClient } from '../../src/kube/client.ts'
import { Manifests, parseManifests } from '../../src/kube/manifests.ts'
import { systemClock } from '../../src/ops/clock.ts'
import { testServer } from './kube.ts'

const variable = 'PVE_OPERATOR_TEST_KUBECONFIG'
const crdDir = join(import.meta.dirname, '../../crds')

export interface OwnControlPlane {
  /** Applies CRDs and policies, those of crds/ if none are given, and waits until CRDs are served and policies act. */
  install(manifests?: string): Promise<void>
  /** What etcd holds now, for `restore`. It stands still meanwhile. */
  snapshot(): Promise<EtcdSnapshot>
  /** etcd holds again what it held then, and nothing of what came later. */
  restore(snapshot: EtcdSnapshot): Promise<void>
  /** Ends it; the file's tests are on the run's own control plane again. */
  stop(): Promise<void>
}

/** A folder with the data of an etcd. */
export interface EtcdSnapshot {
  readonly path: string
}

/**
 * From here to `stop`, TestWorld, testClient and the plugin of this file talk to it. CRDs and policies are installed: those of `manifests`, else
 * today's.
 */
export async function ownControlPlane({ manifests }: { manifests?: string } = {}): Promise<OwnControlPlane> {
  const binaries = await ensureBinaries({
    ...(process.env['KUBEBUILDER_ASSETS'] && { assetsDir: process.env['KUBEBUILDER_ASSETS'] }),
    ...(process.env['XDG_CACHE_HOME'] && { cacheDir: process.env['XDG_CACHE_HOME'] }),
    log: () => undefined,
  })
  const dir = await mkdtemp(join(tmpdir(), 'pve-operator-own-'))
  const start = () => startControlPlane({ dir, binaries, ephemeral: true })
  let controlPlane = await start()
  let snapshots = 0
  /** The processes are ended (their data is in the file system's hands), and started again on the same port. */
  const whileDown = async (act: () => Promise<void>) => {
    await controlPlane.stop()
    await act()
    controlPlane = await start()
  }
  const before = process.env[variable]
  process.env[variable] = controlPlane.kubeconfigPath
  const own: OwnControlPlane = {
    install,
    async snapshot() {
      const path = join(dir, `snapshot-${snapshots++}`)
      await whileDown(() => cp(join(dir, 'etcd'), path, { recursive: true }))
      return { path }
    },
    restore: (snapshot) =>
      whileDown(async () => {
        await rm(join(dir, 'etcd'), { recursive: true })
        await cp(snapshot.path, join(dir, 'etcd'), { recursive: true })
      }),
    async stop() {
      if (before === undefined) delete process.env[variable]
      else process.env[variable] = before
      await controlPlane.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
  await own.install(manifests)
  return own
}

async function todays(): Promise<string[]> {
  const files = (await readdir(crdDir)).filter((name) => name.endsWith('.yaml')).toSorted()
  return await Promise.all(files.map((name) => readFile(join(crdDir, name), 'utf8')))
}

async function install(text?: string): Promise<void> {
  const client = new KubeClient({ server: testServer(), clock: systemClock, fieldManager: 'test' })
  const manifests = new Manifests({ client, clock: systemClock })
  const texts = text === undefined ? await todays() : [text]
  const objects = texts.flatMap((each) => parseManifests(each)).filter(({ kind }) => kind !== 'Kustomization')
  const isCrd = ({ kind }: { kind: string }) => kind === 'CustomResourceDefinition'
  await manifests.apply([...objects.filter(isCrd), ...objects.filter((object) => !isCrd(object))])
  await manifests.policiesAct()
  await client.close()
}
