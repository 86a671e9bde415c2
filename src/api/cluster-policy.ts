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
      'CPUs that may be promised to VMs of a node, as a multiple of its own: "4" is four for each. Absent = no limit, as in PVE; but a single VM must always fit the node.',
    ),
    memory: ratio(
      'Memory that may be promised to VMs of a node, running or not, as a multiple of its own: "1" allows exactly all of it. Absent = no limit, as in PVE; the node with the least is chosen.',
    ),
    storage: ratio(
      'Bytes that may be promised to disks on a storage, as a multiple of its size: "1.5" on a thin pool is half as much again. All disks there are counted with their full size. Absent = a disk must fit into the free space; on thin storages (lvmthin, rbd) the template must fit, and the Event StorageOvercommitted reports a larger disk.',
    ),
  })
  .describe('How much of a node or storage may be promised. Counts for new VMs, reinstalls and restores; existing VMs stay.')
/** Ratios as people write them. */
export type Overcommit = z.infer<typeof overcommit>

export const tagging = z
  .enum(['Managed', 'None'])
  .exactOptional()
  .describe(
    'Managed (default): every VM has the tag pve-operator, and no tag of its template. None: tags stay as they are, for a PVE whose tags are restricted (user-tag-access, registered-tags); the operator then reads all guests in the VMID range when it starts.',
  )

export const mode = z
  .enum(['Manage', 'Observe'])
  .exactOptional()
  .describe(
    'Manage (default). Observe: the operator reads, plans and shows everything and writes nothing to PVE: VMs that differ from their objects say what the operator would do (Stalled, reason Observing), deletions wait, commands are refused. After a change back to Manage the operator does all of it.',
  )
