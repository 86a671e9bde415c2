import type { KubeObject, Resource } from '../../src/api/meta.ts'

export interface ConfigMap extends KubeObject {
  data?: Record<string, string>
}

/** A kind every server has, small and without rules of ours. */
export const configMaps: Resource<ConfigMap> = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true }

export const configMap = (namespace: string, name: string, data: Record<string, string> = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name },
  data,
})
