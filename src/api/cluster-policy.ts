/** How far a ProxmoxCluster is used: what is given away beyond what is there, whether VMs are tagged, and whether anything is written at all. */
import * as z from 'zod'
import { rule } from './fields.ts'

const ratio = (description: string) =>
  z
    .union([z.int(), z.string()])
    .exactOptional()
    .meta({
      description,
      maxLength: 32,
      'x-kubernetes-int-or-string': true,
      ...rule(
        "type(self) == int ? (self >= 1 && self <= 100) : (isQuantity(self) && quantity(self).compareTo(quantity('100m')) >= 0 && quantity(self).compareTo(quantity('100')) <= 0)",
        'write a ratio from "0.1" to 100, such as "1.5"',
      ),
    })

export const overcommit = z
  .object({
    cpu: ratio(
      'CPUs that may be promised to VMs of a node, as a multiple of its own: "4" is four for each. Absent = no limit, as in PVE; a VM alone must fit the node in any case.',
    ),
    memory: ratio(
      'Memory that may be promised to VMs of a node, running or not, as a multiple of its own: "1" is all of it and no more. Absent = no limit, as in PVE; the node with the least is chosen.',
    ),
    storage: ratio(
      'Bytes that may be promised to disks on a storage, as a multiple of its size: "1.5" on a thin pool is half as much again. All disks there are counted with their full size. Absent = a disk must fit into the free room; on thin storages (lvmthin, rbd) a template must fit, and a larger disk is told by the Event StorageOvercommitted.',
    ),
  })
  .describe('How much may be promised of what a node or a storage has. For new VMs, reinstalls and restores; what exists stays.')
/** Ratios as people write them. */
export type Overcommit = z.infer<typeof overcommit>

export const tagging = z
  .enum(['Managed', 'None'])
  .exactOptional()
  .describe(
    'Managed (default): every VM has the tag pve-operator, and no tag of its template. None: tags are left as they are, for a PVE whose tags are restricted (user-tag-access, registered-tags); then all guests in the VMID range are read when the operator starts.',
  )

export const mode = z
  .enum(['Manage', 'Observe'])
  .exactOptional()
  .describe(
    'Manage (default). Observe: everything is looked at, planned and shown, and nothing is written to PVE: VMs that differ from their objects say what would be done (Stalled, reason Observing), deletions wait, commands are refused. Back to Manage, all of it is done.',
  )
