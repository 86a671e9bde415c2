import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { customResourceDefinitions } from '../../src/crds/definitions.ts'
import { admissionPolicies } from '../../src/crds/policies.ts'
import { manifestFiles, manifestStream } from '../../src/crds/manifests.ts'
import { crdsCommand } from '../../src/crds/command.ts'
import type { Structural } from '../../src/crds/structural.ts'
import { testClient } from '../support/kube.ts'

const client = testClient()
afterAll(() => client.close())

const directory = join(import.meta.dirname, '../../crds')
const schemas = customResourceDefinitions().map((crd) => ({
  kind: crd.spec.names.kind,
  schema: crd.spec.versions[0]!.schema.openAPIV3Schema,
}))

/** Every schema below `node` with its path; the metadata of the object is the API server's own. */
function* walk(node: Structural, path: string): Generator<[string, Structural]> {
  yield [path, node]
  for (const [name, child] of Object.entries(node.properties ?? {}))
    if (`${path}.${name}` !== '.metadata') yield* walk(child, `${path}.${name}`)
  if (node.items) yield* walk(node.items, `${path}[]`)
  if (typeof node.additionalProperties === 'object') yield* walk(node.additionalProperties, `${path}{}`)
}
const found = (schema: Structural, wrong: (path: string, node: Structural) => boolean): string[] =>
  [...walk(schema, '')].filter(([path, node]) => wrong(path, node)).map(([path]) => path)

describe('crds/', () => {
  it('is what the sources generate; make crds writes it', () => {
    const generated = manifestFiles()
    expect(readdirSync(directory).toSorted()).toEqual([...generated.keys()].toSorted())
    for (const [name, text] of generated) expect({ name, text: readFileSync(join(directory, name), 'utf8') }).toEqual({ name, text })
  })

  it('is what pve-operator crds prints, in one stream', () => {
    const printed: string[] = []
    crdsCommand((text) => printed.push(text))
    expect(printed.join('')).toBe(manifestStream())
    expect(printed.join('').match(/^kind: .*$/gm)).toEqual([
      ...schemas.map(() => 'kind: CustomResourceDefinition'),
      ...admissionPolicies().map((it) => `kind: ${String(it['kind'])}`),
    ])
  })
})

describe.each(schemas)('the schema of $kind', ({ kind, schema }) => {
  it('describes every field, as kubectl explain shows it', async () => {
    const published = (await client.request('GET', '/openapi/v3/apis/pve.hosting/v1alpha1')) as {
      components: { schemas: Record<string, Structural> }
    }
    const own = published.components.schemas[`hosting.pve.v1alpha1.${kind}`]
    expect(own).toBeDefined()
    const fields = (path: string): boolean => path !== '' && !/(\[\]|\{\})$/.test(path)
    expect(found(own ?? {}, (path, node) => fields(path) && (node.description ?? '').length < 5)).toEqual([])
  })

  it('bounds every string, list and map', () => {
    expect(
      found(schema, (path, node) => {
        if (path === '.apiVersion' || path === '.kind') return false
        const text = node.type === 'string' || node['x-kubernetes-int-or-string'] === true
        if (text) return node['maxLength'] === undefined && node['enum'] === undefined
        if (node.type === 'array') return node.maxItems === undefined
        return node.additionalProperties !== undefined && node['maxProperties'] === undefined
      }),
    ).toEqual([])
  })

  it('says for every list how its entries are merged', () => {
    expect(found(schema, (_, node) => node.type === 'array' && node['x-kubernetes-list-type'] === undefined)).toEqual([])
  })

  it('has no words, limits or rules in status: a newer operator writes into an older CRD', () => {
    const status = schema.properties?.['status'] ?? {}
    expect(
      found({ ...status, default: undefined }, (_, node) => node['enum'] !== undefined || node['x-kubernetes-validations'] !== undefined),
    ).toEqual([])
  })

  it('gives every rule a message', () => {
    const messages = (node: Structural): { message?: string }[] => (node['x-kubernetes-validations'] ?? []) as { message?: string }[]
    expect(found(schema, (_, node) => messages(node).some((rule) => (rule.message ?? '') === ''))).toEqual([])
  })
})

describe('a package', () => {
  it('has no defaults: they would beat the VMPackage in the merge', () => {
    const inline = schemas.find(({ kind }) => kind === 'ProxmoxVM')?.schema.properties?.['spec']?.properties?.['package'] ?? {}
    const sold = schemas.find(({ kind }) => kind === 'VMPackage')?.schema.properties?.['spec'] ?? {}
    for (const schema of [inline, sold]) expect(found(schema, (_, node) => node['default'] !== undefined)).toEqual([])
  })
})
