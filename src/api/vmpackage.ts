import * as z from 'zod'
import { allowedNamespaces, listMap, statusText } from './fields.ts'
import type { KubeObject } from './object.ts'
import { packageFields } from './package.ts'

export const vmPackageSpec = z.object({ ...packageFields, allowedNamespaces: allowedNamespaces.exactOptional() }).meta({
  description:
    'What is sold. A VM keeps the version it was made with; a newer one is taken when packageRef of the VM changes, and PackageApplied=False/PackageOutdated says so until then.',
})
export type VMPackageSpec = z.infer<typeof vmPackageSpec>

const sellable = z.object({
  cluster: z.string().max(253).describe('Name of the ProxmoxCluster.'),
  count: z
    .int()
    .describe('How many more VMs of this package the cluster can take now. Above 100 it is rounded down to two figures: 1234 is 1200.'),
  limitedBy: statusText(
    512,
    'What ends first, such as "memory of node pve2" or "storage ceph", and which nodes are not counted. Memory and CPUs end only where spec.overcommit of the ProxmoxCluster sets a limit.',
  ),
})
/** What one ProxmoxCluster can take of one package. */
export type Sellable = z.infer<typeof sellable>

/** Without observedGeneration: a package is nothing that the operator brings about, and no tool has to wait for it. */
export const vmPackageStatus = z
  .object({
    sellable: z
      .array(sellable)
      .max(64)
      .exactOptional()
      .meta({
        description:
          'How many more VMs of this package each ProxmoxCluster can take, by the rules for new VMs, for an online shop. It follows changes within about a minute. Absent = the operator has not counted yet; a cluster is absent until PVE has answered once. While PVE does not answer, the last figure stays.',
        ...listMap('cluster'),
      }),
    summary: statusText(1024, 'The counts of sellable on one line, for kubectl get: "ams1 12, fra1 130".'),
  })
  .describe('What can still be sold. Written by the operator.')
export type VMPackageStatus = z.infer<typeof vmPackageStatus>

/** A reusable package. Its status says what can be sold; what is wrong with it shows at the VMs that use it. */
export interface VMPackage extends KubeObject {
  spec: VMPackageSpec
  status?: VMPackageStatus
}
