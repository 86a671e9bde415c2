import { describe, expect, it } from '@jest/globals'
import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import { leanVMs } from '../../src/engine/watch/lean-vm.ts'

/** As the API server hands it out to one who applied it with kubectl. */
const served = (name: string): ProxmoxVM =>
  JSON.parse(
    JSON.stringify({
      apiVersion: 'pve.hosting/v1alpha1',
      kind: 'ProxmoxVM',
      metadata: {
        name,
        namespace: 'ns',
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
        managedFields: [{ manager: 'kubectl' }],
      },
      spec: { clusterRef: { name: 'fra1' }, package: { memory: { size: '2Gi' } } },
      status: {
        observedGeneration: 1,
        package: { cpu: { cores: 2 } },
        packageSource: { name: 'm', generation: 1, spec: { cpu: { cores: 2 } } },
      },
    }),
  ) as ProxmoxVM

describe('what is kept of a VM', () => {
  it('says the same but for managedFields and the copy of the manifest', () => {
    const { metadata, spec, status } = leanVMs()(served('a'))
    expect(metadata).toEqual({ name: 'a', namespace: 'ns', annotations: {} })
    expect([spec, status]).toEqual([served('a').spec, served('a').status])
  })

  it('has its packages in common with every VM that has the same', () => {
    const lean = leanVMs()
    const [a, b] = [lean(served('a')), lean(served('b'))]
    expect(a.spec.package).toBe(b.spec.package)
    expect(a.status?.package).toBe(b.status?.package)
    expect(a.status?.packageSource).toBe(b.status?.packageSource)
  })

  it('adds nothing to a VM that has no package and no status yet', () => {
    const { status: _, ...young } = served('a')
    const lean = leanVMs()({ ...young, spec: { clusterRef: { name: 'fra1' } } as ProxmoxVM['spec'] })
    expect(Object.keys(lean)).not.toContain('status')
    expect(lean.spec).toEqual({ clusterRef: { name: 'fra1' } })
  })
})
