/** A control plane of one test file, for what would disturb all the others: CRDs and policies that come and go. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
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
  /** Applies crds/ and waits until CRDs are served and policies act. */
  install(): Promise<void>
  /** Ends it; the file's tests are on the run's own control plane again. */
  stop(): Promise<void>
}

/** From here to `stop`, TestWorld, testClient and the plugin of this file talk to it. CRDs and policies are installed. */
export async function ownControlPlane(): Promise<OwnControlPlane> {
  const binaries = await ensureBinaries({
    ...(process.env['KUBEBUILDER_ASSETS'] && { assetsDir: process.env['KUBEBUILDER_ASSETS'] }),
    ...(process.env['XDG_CACHE_HOME'] && { cacheDir: process.env['XDG_CACHE_HOME'] }),
    log: () => undefined,
  })
  const dir = await mkdtemp(join(tmpdir(), 'pve-operator-own-'))
  const controlPlane = await startControlPlane({ dir, binaries, ephemeral: true })
  const before = process.env[variable]
  process.env[variable] = controlPlane.kubeconfigPath
  const own: OwnControlPlane = {
    install,
    async stop() {
      if (before === undefined) delete process.env[variable]
      else process.env[variable] = before
      await controlPlane.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
  await own.install()
  return own
}

async function install(): Promise<void> {
  const client = new KubeClient({ server: testServer(), clock: systemClock, fieldManager: 'test' })
  const manifests = new Manifests({ client, clock: systemClock })
  const files = (await readdir(crdDir)).filter((name) => name.endsWith('.yaml')).toSorted()
  const texts = await Promise.all(files.map((name) => readFile(join(crdDir, name), 'utf8')))
  const objects = texts.flatMap((text) => parseManifests(text)).filter(({ kind }) => kind !== 'Kustomization')
  const isCrd = ({ kind }: { kind: string }) => kind === 'CustomResourceDefinition'
  await manifests.apply([...objects.filter(isCrd), ...objects.filter((object) => !isCrd(object))])
  await manifests.policiesAct()
  await client.close()
}
