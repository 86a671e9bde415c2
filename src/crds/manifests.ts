import { stringify } from 'yaml'
import { customResourceDefinitions } from './definitions.ts'
import { admissionPolicies } from './policies.ts'

const heading = '# Generated from src/api and src/crds by `make crds`; do not edit.\n'
const print = (object: unknown): string => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })

/** The files of `crds/`: name → text. */
export function manifestFiles(): Map<string, string> {
  const files = new Map(customResourceDefinitions().map((crd) => [`${crd.spec.names.plural}.yaml`, heading + print(crd)]))
  files.set('admission-policies.yaml', heading + admissionPolicies().map(print).join('---\n'))
  const resources = [...files.keys()]
  files.set('kustomization.yaml', heading + print({ apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', resources }))
  return files
}

/** CRDs and admission policies as one YAML stream, for `kubectl apply -f -`. */
export const manifestStream = (): string => [...customResourceDefinitions(), ...admissionPolicies()].map(print).join('---\n')
