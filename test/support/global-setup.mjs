// One control plane for the whole run, with our CRDs and admission policies in force. Jest loads this file with Node itself, not in a
// test environment, so the .ts sources below run by type stripping.
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureBinaries } from '../../src/controlplane/binaries.ts'
import { startControlPlane } from '../../src/controlplane/controlplane.ts'
import { KubeClient } from '../../src/kube/client.ts'
import { Manifests, parseManifests } from '../../src/kube/manifests.ts'
import { systemClock } from '../../src/ops/clock.ts'

const root = join(import.meta.dirname, '../..')
const crdDir = join(root, 'crds')

export default async function setup() {
  if (process.env.PVE_OPERATOR_NO_CONTROLPLANE) return
  const binaries = await ensureBinaries({
    assetsDir: process.env.KUBEBUILDER_ASSETS,
    cacheDir: process.env.XDG_CACHE_HOME,
    log: (line) => process.stderr.write(`${line}\n`),
  })
  const dir = await mkdtemp(join(tmpdir(), 'pve-operator-test-'))
  const controlPlane = await startControlPlane({ dir, binaries, ephemeral: true })
  globalThis.__controlPlane = controlPlane
  try {
    await install(controlPlane)
  } catch (fault) {
    await controlPlane.stop()
    throw fault
  }
  process.env.PVE_OPERATOR_TEST_KUBECONFIG = controlPlane.kubeconfigPath
}

async function install({ server }) {
  const client = new KubeClient({ server, clock: systemClock, fieldManager: 'pve-operator-test', fieldValidation: 'Strict' })
  const manifests = new Manifests({ client, clock: systemClock })
  const files = existsSync(crdDir) ? (await readdir(crdDir)).filter((name) => /\.ya?ml$/.test(name)).toSorted() : []
  const texts = await Promise.all(files.map((name) => readFile(join(crdDir, name), 'utf8')))
  const objects = texts.flatMap((text) => parseManifests(text)).filter((object) => object.kind !== 'Kustomization')
  const isCrd = (object) => object.kind === 'CustomResourceDefinition'
  await manifests.apply([...objects.filter(isCrd), ...objects.filter((object) => !isCrd(object))])
  if (!objects.every(isCrd)) await manifests.policiesAct()
  await client.close()
}
