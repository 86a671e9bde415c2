/** What is in an image as an SPDX 2.3 document: the operator, the npm packages in its bundle, Node and the libraries Node links. */
import { createHash } from 'node:crypto'

export interface SbomPart {
  readonly name: string
  readonly version: string
  /** An SPDX expression; undefined = NOASSERTION. */
  readonly licence?: string | undefined
  /** Package URL, such as pkg:npm/zod@4.6.7. */
  readonly purl: string
}

/** `madeAt` in seconds since 1970. The document's namespace is made of its content: the same parts, the same bytes. */
export function spdxOf(o: { name: string; version: string; licence: string; madeAt: number; parts: readonly SbomPart[] }): object {
  const whole = { name: o.name, version: o.version, licence: o.licence, purl: `pkg:generic/${o.name}@${o.version}` }
  const parts = o.parts.toSorted((a, b) => (a.purl < b.purl ? -1 : 1))
  const digest = createHash('sha256')
    .update(JSON.stringify([whole, parts]))
    .digest('hex')
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `${o.name}-${o.version}`,
    documentNamespace: `https://spdx.org/spdxdocs/${o.name}-${o.version}-${digest}`,
    creationInfo: { created: new Date(o.madeAt * 1000).toISOString().replace('.000Z', 'Z'), creators: [`Tool: ${o.name}-make-image`] },
    packages: [packageOf(whole, 'SPDXRef-Operator'), ...parts.map((part, at) => packageOf(part, `SPDXRef-Part-${at + 1}`))],
    relationships: [
      { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: 'SPDXRef-Operator' },
      ...parts.map((_, at) => ({
        spdxElementId: 'SPDXRef-Operator',
        relationshipType: 'CONTAINS',
        relatedSpdxElement: `SPDXRef-Part-${at + 1}`,
      })),
    ],
  }
}

function packageOf({ name, version, licence = 'NOASSERTION', purl }: SbomPart, id: string): object {
  return {
    SPDXID: id,
    name,
    versionInfo: version,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: licence,
    copyrightText: 'NOASSERTION',
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }],
  }
}
