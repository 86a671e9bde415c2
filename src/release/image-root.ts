/** The files of the image: Node, the libraries it links, one bundled file, the CRDs, the licences and what it is made of (SPDX). */
import { chmodSync, copyFileSync, cpSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Architecture, factsOf } from './architectures.ts'
import { bundleOperator } from './bundling.ts'
import { makeConsolePage } from './console-page.ts'
import type { Library } from './libraries.ts'
import { librariesFor } from './libraries.ts'
import { licenceTexts, shippedPackages } from './licences.ts'
import { nodeFor } from './node-binary.ts'
import { type SbomPart, spdxOf } from './sbom.ts'

/** As distroless has it; a pod's runAsNonRoot wants a number. */
export const user = 65_532

export interface ImageFacts {
  readonly home: string
  /** Where what was fetched for another architecture stays. */
  readonly cacheDir: string
  readonly version: string
  /** Seconds since 1970. */
  readonly madeAt: number
}

/** Fills `root`; answers the SPDX document that is also in it. */
export async function fillImage(root: string, architecture: Architecture, facts: ImageFacts): Promise<string> {
  const { home, cacheDir } = facts
  const place = (from: string, to: string): void => {
    const target = join(root, to)
    mkdirSync(dirname(target), { recursive: true })
    copyFileSync(realpathSync(from), target)
  }
  const node = realpathSync(nodeFor(architecture, { home, cacheDir }))
  place(node, 'usr/local/bin/node')
  chmodSync(join(root, 'usr/local/bin/node'), 0o755)
  const libraries = librariesFor(architecture, node, cacheDir)
  for (const { from, to, package: owner } of libraries) {
    place(from, to)
    if (owner?.copyright) place(owner.copyright, `licenses/debian/${owner.name}`)
  }
  await bundleOperator(home, join(root, 'app/dist/main.mjs'))
  await makeConsolePage(join(root, 'app/dist/console-page'))
  cpSync(join(home, 'crds'), join(root, 'app/crds'), { recursive: true })
  place(join(home, 'package.json'), 'app/package.json')
  for (const name of ['LICENSE', 'NOTICE']) place(join(home, name), `licenses/${name}`)
  writeFileSync(join(root, 'licenses/THIRD-PARTY'), licenceTexts(home))
  mkdirSync(join(root, 'etc'), { recursive: true })
  writeFileSync(join(root, 'etc/passwd'), `root:x:0:0:root:/:/sbin/nologin\noperator:x:${user}:${user}:pve-operator:/:/sbin/nologin\n`)
  writeFileSync(join(root, 'etc/group'), `root:x:0:\noperator:x:${user}:\n`)
  mkdirSync(join(root, 'tmp'))
  chmodSync(join(root, 'tmp'), 0o1777)
  const document = sbom(architecture, libraries, facts)
  writeFileSync(join(root, 'licenses/sbom.spdx.json'), document)
  return document
}

function sbom(architecture: Architecture, libraries: readonly Library[], { home, version, madeAt }: ImageFacts): string {
  const npm = shippedPackages(home).map(
    ({ name, version: of, licence }): SbomPart => ({ name, version: of, licence, purl: `pkg:npm/${name.replace('@', '%40')}@${of}` }),
  )
  const { npmPackage } = factsOf[architecture]
  const node: SbomPart = {
    name: 'node',
    version: process.versions.node,
    licence: 'MIT',
    purl: `pkg:npm/${npmPackage}@${process.versions.node}`,
  }
  const owners = new Map(libraries.map((library) => [library.package?.name ?? library.to, library]))
  const linked = [...owners].map(([name, { package: owner }]): SbomPart => {
    const of = owner?.version ?? 'unknown'
    const purl = owner ? `pkg:deb/${owner.vendor}/${name}@${of}?arch=${architecture}` : `pkg:generic/${name}`
    return { name, version: of, purl }
  })
  const parts = [...new Map([...npm, node, ...linked].map((part) => [part.purl, part])).values()]
  return `${JSON.stringify(spdxOf({ name: 'pve-operator', version, licence: 'GPL-3.0-or-later', madeAt, parts }), null, 1)}\n`
}
