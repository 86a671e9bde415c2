import * as z from 'zod'
import { atomic, ipAddress, nameReference, objectName, rules } from './fields.ts'
import { defaultScope } from './group.ts'
import type { KubeObject } from './object.ts'

const time = (description: string) => z.string().max(64).meta({ description, format: 'date-time' })

const holder = {
  namespace: objectName('Namespace of the ProxmoxVM.'),
  name: objectName('Name of the ProxmoxVM.'),
  uid: z.string().max(64).describe('UID of the ProxmoxVM: a later object of the same name is another holder.'),
}

const claimReference = z.object({
  ...holder,
  entry: z.string().max(63).describe('Name of the entry in spec.addresses of the ProxmoxVM.'),
  since: time('When the address was taken.'),
})
export type ClaimReference = z.infer<typeof claimReference>

const inUse = z.object({
  cluster: objectName('The ProxmoxCluster whose PVE has the guest.'),
  vmid: z.int().describe('VMID of the guest.'),
  node: z.string().max(63).exactOptional().describe('Node it was on.'),
  name: z.string().max(253).exactOptional().describe('Its name in PVE.'),
  since: time('When it was first seen with the address.'),
})
export type AddressInUse = z.infer<typeof inUse>

const formerHolder = z.object({
  ...holder,
  labels: z
    .record(z.string(), z.string().max(63))
    .meta({ maxProperties: 32 })
    .exactOptional()
    .describe('Labels pve.hosting/* the ProxmoxVM had, such as the service and client of the billing system.'),
  vmid: z.int().exactOptional().describe('VMID in PVE, if there was one.'),
  from: time('When the address was taken.'),
  to: time('When the address was released.'),
})
export type FormerHolder = z.infer<typeof formerHolder>

export const poolAddressSpec = z
  .object({
    address: ipAddress('The address. Set once.'),
    poolRef: nameReference('IPPool', 'The pool the address was taken from.'),
    scope: z.string().min(1).max(63).default(defaultScope).describe('Uniqueness domain of the address, that of its pool. Set once.'),
    state: z
      .string()
      .max(32)
      .exactOptional()
      .describe(
        'Allocated: held by claimRef. Releasing: its VM no longer asks for it, and the guest may still use it, so it stays reserved until the next start from off. Orphaned: held by a VM whose object no longer exists. Cooling: released, not yet free again (reuseAfter). Released: free, kept as a record. InUse: a guest in PVE that no ProxmoxVM owns uses it (inUse), so no VM gets it; when the ProxmoxCluster of the guest no longer exists, it stays so until an admin deletes this object.',
      ),
    claimRef: claimReference.exactOptional().describe('The ProxmoxVM that holds the address. Absent = nobody does.'),
    orphaned: z
      .boolean()
      .exactOptional()
      .describe(
        'true: the object of the holder no longer exists and its VM stays in PVE, so the address stays reserved until an admin deletes this object.',
      ),
    inUse: inUse
      .exactOptional()
      .describe(
        'The guest in PVE that is configured with the address although no ProxmoxVM owns it. Removed when the guest no longer uses the address.',
      ),
    releasedAt: time('When the address was last released; reuseAfter and keepRecords of the pool count from here.').exactOptional(),
    history: z
      .array(formerHolder)
      .max(20)
      .exactOptional()
      .meta({ description: 'The last 20 former holders, oldest first. Kept for keepRecords of the pool.', ...atomic }),
  })
  .meta({
    description:
      'The address, its holder and its former holders. Written by the operator; delete the object of an orphaned address to free it.',
    ...rules(
      { rule: 'self.address == oldSelf.address', message: 'address: cannot change; create another PoolAddress' },
      { rule: 'self.scope == oldSelf.scope', message: 'scope: cannot change; create another PoolAddress' },
    ),
  })
export type PoolAddressSpec = z.infer<typeof poolAddressSpec>

/** One address. No status subresource: one write changes holder and record together. */
export interface PoolAddress extends KubeObject {
  spec: PoolAddressSpec
}
