/** The operator as it is shipped, to measure that and not the sources: one file, with the memory flags of deploy/deployment.yaml. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseManifests } from '../kube/manifests.ts'
import type { StartedAs } from '../local-stack/program.ts'
import { bundleOperator } from '../release/bundling.ts'

interface Deployed {
  spec?: { template?: { spec: { containers: { env?: { name: string; value?: string }[] }[] } } }
}

/** `NODE_OPTIONS` of the Deployment; throws when it has none, as the figures would be of something else. */
export async function shippedNodeOptions(home: string): Promise<string> {
  const objects = parseManifests(await readFile(join(home, 'deploy/deployment.yaml'), 'utf8')) as Deployed[]
  const env = objects.flatMap(({ spec }) => spec?.template?.spec.containers.flatMap((container) => container.env ?? []) ?? [])
  const found = env.find(({ name }) => name === 'NODE_OPTIONS')?.value
  if (found === undefined) throw new Error('deploy/deployment.yaml gives the operator no NODE_OPTIONS')
  return found
}

/** Bundles into `dir`. */
export async function shippedOperator(home: string, dir: string): Promise<StartedAs> {
  const file = join(dir, 'main.mjs')
  await bundleOperator(home, file)
  return { command: [process.execPath, file], env: { NODE_OPTIONS: await shippedNodeOptions(home) } }
}
