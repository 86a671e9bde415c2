/** What the guest inside a VM has taken from cloud-init, which PVE does not tell: on record only while that may differ from what PVE shows. */
import * as z from 'zod'
import { atomic, statusText, time } from './fields.ts'

export const guestSeen = z
  .object({
    since: time('When PVE was last given another value, by its own clock. Only a start from off after that hands it to the guest.'),
    node: statusText(63, 'Node of PVE the VM was on at that time.'),
    pid: z.int().exactOptional().describe('Process of the VM on that node at that time.'),
    values: z
      .array(
        z.object({
          key: z.string().max(32).describe('Key of PVE, such as ciuser.'),
          fingerprint: z
            .string()
            .max(160)
            .describe('Fingerprint of the value; of the password uid and resourceVersion of its Secret; ? = not known.'),
        }),
      )
      .max(16)
      .meta({ description: 'What the guest was given at its last start from off.', ...atomic }),
    addresses: z
      .array(z.string().max(45))
      .max(64)
      .meta({ description: 'Addresses that the guest may have from its cloud-init drive.', ...atomic }),
  })
  .describe(
    'What the guest has of cloud-init, while that may be another value than the one in PVE. Absent = it has what PVE shows. Goes with the next start from off.',
  )
