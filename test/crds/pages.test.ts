import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { reasons } from '../../src/api/reasons.ts'
import { withCommandTable } from '../../src/crds/command-table.ts'
import { customResourceDefinitions } from '../../src/crds/definitions.ts'
import { withFieldTables } from '../../src/crds/field-tables.ts'
import type { Structural } from '../../src/crds/structural.ts'

const pages = customResourceDefinitions().map((crd) => {
  const file = `${crd.spec.names.kind.toLowerCase()}.md`
  return { file, crd, page: readFileSync(join(import.meta.dirname, '../../docs/api', file), 'utf8') }
})
const pageOf = (file: string): string => pages.find((it) => it.file === file)?.page ?? ''
/** What is explained on the page of another kind: the inline package, the template. */
const elsewhere: Record<string, string> = { 'proxmoxvm.md': pageOf('vmpackage.md'), 'proxmoxvmcommand.md': pageOf('proxmoxvm.md') }

function* fieldNames(node: Structural): Generator<string> {
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    yield name
    yield* fieldNames(child.items ?? child)
  }
}

describe.each(pages)('docs/api/$file', ({ file, crd, page }) => {
  it('has the fields of the schema, and the commands, in its tables; make crds writes them', () => {
    expect(page).toBe(withCommandTable(withFieldTables(page, crd)))
    expect(page).toContain('<!-- fields of spec -->')
  })

  it('names every field of the spec', () => {
    const spec = crd.spec.versions[0]?.schema.openAPIV3Schema.properties?.['spec'] ?? {}
    const text = page + (elsewhere[file] ?? '')
    expect([...new Set(fieldNames(spec))].filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([])
  })

  it('names only reasons that exist', () => {
    const table = /## What only the operator can see\n([^]*?)\n## /.exec(`${page}\n## `)?.[1] ?? ''
    const conditions = /^(?:Ready|Overlapping|Exhausted|Reachable|Authorized|AddressesAllocated)=/
    const words = [...table.matchAll(/`([A-Z][A-Za-z]+(?:=(?:True|False))?)`/g)].map((match) => match[1] ?? '')
    expect(words.filter((word) => !conditions.test(word) && !(word in reasons))).toEqual([])
  })
})
