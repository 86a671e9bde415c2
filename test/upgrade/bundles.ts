/** Operators and CRDs of earlier releases, kept for the upgrade test; `make former TAG=v0.2.0` adds one. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

export const bundlesFolder = join(import.meta.dirname, 'bundles')
export const operatorFile = (name: string): string => join(bundlesFolder, `${name}-operator.mjs.gz`)
export const crdsFile = (name: string): string => join(bundlesFolder, `${name}-crds.yaml.gz`)

export interface FormerRelease {
  /** A tag or commit. */
  readonly name: string
  /** One file, as `run` needs it. */
  operator(): Buffer
  crds(): string
}

/** UPGRADE_FROM names one. */
export function formerReleases(): FormerRelease[] {
  const names = readdirSync(bundlesFolder).flatMap((file) => /^(.*)-operator\.mjs\.gz$/.exec(file)?.[1] ?? [])
  const { UPGRADE_FROM } = process.env
  return names
    .filter((name) => UPGRADE_FROM === undefined || name === UPGRADE_FROM)
    .map((name) => ({
      name,
      operator: () => gunzipSync(readFileSync(operatorFile(name))),
      crds: () => gunzipSync(readFileSync(crdsFile(name))).toString(),
    }))
}
