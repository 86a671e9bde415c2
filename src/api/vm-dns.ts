import * as z from 'zod'
import { atomic } from './fields.ts'

const vmRecord = z.object({
  zone: z.string().max(253).describe('Name of the DNSZone.'),
  name: z.string().max(253).describe('Name of the record, without final dot.'),
  type: z.string().max(8).describe('A, AAAA or PTR.'),
  values: z
    .array(z.string().max(253))
    .max(16)
    .meta({ description: 'Its values.', ...atomic }),
  ttl: z.int().describe('Time to live, in seconds.'),
  synced: z
    .boolean()
    .describe('false: written down before the server is asked, or in the way of being removed; the server may or may not have it.'),
})
/** One record set of a VM. It is written down here before the server is asked, so that nothing there is ever forgotten. */
export type VMRecordNote = z.infer<typeof vmRecord>

/** As many as status.dns holds, and so as many as a deleted VM can leave in a zone. */
export const mostRecords = 64

/** status.dns of a ProxmoxVM. */
export const vmDns = z
  .object({
    records: z
      .array(vmRecord)
      .max(mostRecords)
      .meta({ description: 'The records of the VM, wanted or still to be removed.', ...atomic }),
  })
  .describe('What the VM has in DNS; the condition DNSSynced judges it.')
