// What the status of a VM holds of a change of package.
import * as z from 'zod'
import { atomic, time } from './fields.ts'

/** A shutdown whose answer is not known. */
export const openStopStatus = z.object({
  askedAt: time('When PVE was about to be asked, or when the VM was started since.'),
  tasks: z
    .array(z.string().max(256))
    .max(8)
    .meta({ description: 'PVE tasks of other shutdowns (UPIDs): none of them is the one of this request.', ...atomic }),
})

/** The change of package under way. */
export const changeStatus = z.object({
  since: time('When it began.'),
  generation: z.int().describe('metadata.generation of the spec it was planned on; a newer spec is planned again.'),
  wasRunning: z
    .boolean()
    .exactOptional()
    .describe('true: the VM was on, and the operator shuts it down for the change and starts it after it.'),
  start: z.boolean().exactOptional().describe('true: asked for by the command ChangePackage, which starts the VM in any case.'),
  addresses: z.boolean().exactOptional().describe('true: it gives the guest other addresses.'),
  sent: z
    .object({
      digest: z.string().max(64).describe('PVE carries the request out only while the configuration of the VM has this digest.'),
      askedAt: time('When PVE was about to be asked.'),
    })
    .exactOptional()
    .describe('The last request for other settings, until its answer is known.'),
  waits: z
    .array(z.string().max(32))
    .max(256)
    .exactOptional()
    .meta({ description: 'Keys of PVE that waited for a start from off before; the VM is not stopped for them.', ...atomic }),
})
