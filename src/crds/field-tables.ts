/** The tables of fields in docs/api, from the same schemas as the CRDs. */
import type { CustomResourceDefinition } from './definitions.ts'
import type { Structural } from './structural.ts'

/** Parts that have a page of their own. */
const elsewhere: Record<string, string> = {
  'ProxmoxVM.spec.package': 'Its fields: [VMPackage](vmpackage.md).',
  'ProxmoxVM.status.package': 'Its fields: [VMPackage](vmpackage.md).',
  'ProxmoxVM.status.packageSource.spec': 'Its fields: [VMPackage](vmpackage.md).',
  'ProxmoxVM.spec.reinstall.template': 'Its fields: those of `spec.template`.',
  'ProxmoxVM.status.reinstall.running.template': 'Its fields: those of `spec.template`.',
  'ProxmoxVMCommand.spec.template': 'Its fields: those of `spec.template` of a [ProxmoxVM](proxmoxvm.md).',
}
/** The same on every kind, and known from Kubernetes. */
const wellKnown = /\.conditions$/

const marked = /<!-- fields of (spec|status) -->\n[^]*?<!-- end of fields -->/g

/** The page with its marked tables (`<!-- fields of spec -->` … `<!-- end of fields -->`) written anew. */
export const withFieldTables = (page: string, crd: CustomResourceDefinition): string =>
  page.replace(marked, (_, part: string) => `<!-- fields of ${part} -->\n${table(crd, part)}\n<!-- end of fields -->`)

function table(crd: CustomResourceDefinition, part: string): string {
  const schema = crd.spec.versions[0]?.schema.openAPIV3Schema.properties?.[part] ?? {}
  const rows = [...fieldRows(schema, crd.spec.names.kind, part)]
  return ['', '| field | type | default | what it is |', '| --- | --- | --- | --- |', ...rows, ''].join('\n')
}

function* fieldRows(node: Structural, kind: string, path: string): Generator<string> {
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const here = `${path}.${name}`
    const hint = elsewhere[`${kind}.${here}`]
    const needed = node.required?.includes(name) === true
    yield `| \`${here}\` | ${typeOf(child)} | ${fallback(child, needed)} | ${cell(`${child.description ?? ''}${hint ? ` ${hint}` : ''}`)} |`
    if (hint === undefined && !wellKnown.test(here)) yield* fieldRows(child.items ?? child, kind, child.items ? `${here}[]` : here)
  }
}

function typeOf(node: Structural): string {
  if (node['x-kubernetes-int-or-string'] === true) return 'quantity'
  if (node.items) return `list of ${node.items.type}s${node.maxItems === undefined ? '' : `, ≤ ${node.maxItems}`}`
  if (typeof node.additionalProperties === 'object') return 'map'
  const words = node['enum'] as string[] | undefined
  if (words) return words.map((word) => `\`${word}\``).join(' ')
  return node.type ?? 'object'
}

function fallback(node: Structural, needed: boolean): string {
  const value = node['default']
  if (value === undefined) return needed ? 'required' : ''
  return typeof value === 'object' ? '' : `\`${JSON.stringify(value).replaceAll('"', '')}\``
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/[<>]/g, (sign) => `\\${sign}`)
