/** Whether a namespace may use a cluster-scoped object (pure): IPPool, ProxmoxCluster and VMPackage ask the same. */
import type { AllowedNamespaces } from '../api/fields.ts'

/** Absent = all. An empty selector matches every namespace, as everywhere in Kubernetes. */
export function namespaceAllowed(allowed: AllowedNamespaces | undefined, labels: Readonly<Record<string, string>>): boolean {
  if (!allowed || allowed.from === 'All') return true
  const { matchLabels = {}, matchExpressions = [] } = allowed.selector ?? {}
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key]
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value)
        // A namespace without the label matches NotIn (labels.Requirement.Matches of apimachinery).
        case 'NotIn':
          return value === undefined || !values.includes(value)
        case 'Exists':
          return value !== undefined
        case 'DoesNotExist':
          return value === undefined
      }
    })
  )
}
