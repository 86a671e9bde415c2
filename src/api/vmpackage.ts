import * as z from 'zod'
import { allowedNamespaces } from './fields.ts'
import type { KubeObject } from './object.ts'
import { packageFields } from './package.ts'

export const vmPackageSpec = z.object({ ...packageFields, allowedNamespaces: allowedNamespaces.exactOptional() }).meta({
  description:
    'What is sold. A VM keeps the version it was made with; a newer one is taken when packageRef of the VM changes, and PackageApplied=False/PackageOutdated says so until then.',
})
export type VMPackageSpec = z.infer<typeof vmPackageSpec>

/** A reusable package. It has no status: what is wrong with it shows at the VMs that use it. */
export interface VMPackage extends KubeObject {
  spec: VMPackageSpec
}
