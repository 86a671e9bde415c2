/** The CustomResourceDefinitions, written from the kinds. */
import { group, version } from '../api/group.ts'
import { keptByTools } from './keep.ts'
import { type Structural, structural } from './structural.ts'

import { type Definition, kinds } from './kinds.ts'
const metaFields = {
  apiVersion: { description: `Always ${group}/${version}.`, type: 'string' },
  kind: { description: 'The kind of this object.', type: 'string' },
  // The API server fills this one in and takes no description for it.
  metadata: { type: 'object' },
}

function objectSchema(definition: Definition): Structural {
  const status =
    definition.status === undefined
      ? {}
      : {
          status: {
            ...structural(definition.status, { open: true }),
            ...(!definition.isNeverAwaited && { default: { observedGeneration: -1 } }),
          },
        }
  return {
    description: definition.description,
    type: 'object',
    required: ['spec'],
    properties: { ...metaFields, spec: structural(definition.spec, { open: false }), ...status },
    ...definition.rules,
  }
}

type Open<T> = T & Record<string, unknown>

/** A CustomResourceDefinition, as far as anybody looks into it. */
export interface CustomResourceDefinition {
  apiVersion: string
  kind: 'CustomResourceDefinition'
  metadata: { name: string; annotations: Readonly<Record<string, string>> }
  spec: Open<{
    names: Open<{ kind: string; plural: string }>
    versions: Open<{ name: string; schema: { openAPIV3Schema: Structural } }>[]
  }>
}

function definitionOf(definition: Definition): CustomResourceDefinition {
  const { plural, kind, namespaced } = definition.resource
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, annotations: keptByTools },
    spec: {
      group,
      scope: namespaced ? 'Namespaced' : 'Cluster',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: [definition.shortName],
        categories: ['proxmox'],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          ...(definition.status && { subresources: { status: {} } }),
          additionalPrinterColumns: definition.columns,
          ...(definition.selectable.length > 0 && { selectableFields: definition.selectable.map((jsonPath) => ({ jsonPath })) }),
          schema: { openAPIV3Schema: objectSchema(definition) },
        },
      ],
    },
  }
}

/** All CRDs, in the order of the documentation. */
export const customResourceDefinitions = (): CustomResourceDefinition[] => kinds.map(definitionOf)
