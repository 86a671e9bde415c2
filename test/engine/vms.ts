import { readFileSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'
import type { ProxmoxVM, ProxmoxVMSpec, ProxmoxVMStatus } from '../../src/api/proxmoxvm.ts'
import type { VMPackage } from '../../src/api/vmpackage.ts'

interface Over {
  readonly metadata?: Partial<ProxmoxVM['metadata']>
  readonly spec?: Partial<ProxmoxVMSpec>
  readonly status?: ProxmoxVMStatus
}

/** A ProxmoxVM as the API server hands it out. */
export function aVm({ metadata, spec, status }: Over = {}): ProxmoxVM {
  return {
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'ProxmoxVM',
    metadata: {
      name: 'small',
      namespace: 'customer-7',
      uid: 'uid-1',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
    },
    spec: {
      clusterRef: { name: 'fra1' },
      template: { name: 'debian-13', clone: 'Full' },
      package: {},
      runStrategy: 'Once',
      shutdownTimeout: '60s',
      restartPolicy: 'WhenNeeded',
      deletionPolicy: 'Terminate',
      ...spec,
    },
    ...(status && { status }),
  }
}

export const aPackage = (spec: VMPackage['spec'], generation = 1, name = 'vps-m'): VMPackage => ({
  apiVersion: 'pve.hosting/v1alpha1',
  kind: 'VMPackage',
  metadata: { name, generation },
  spec,
})

/** What deploy/examples declares under this kind and name. */
export function example<T>(kind: string, name: string): T {
  for (const file of ['02-packages.yaml', '03-vms.yaml']) {
    const text = readFileSync(new URL(`../../deploy/examples/${file}`, import.meta.url), 'utf8')
    for (const document of parseAllDocuments(text)) {
      const object = document.toJS() as { kind: string; metadata: { name: string } }
      if (object.kind === kind && object.metadata.name === name) return object as T
    }
  }
  throw new Error(`deploy/examples has no ${kind} ${name}`)
}
