/** ProxmoxCluster.status.guestList: guests of PVE that no object owns, listed when a person asks. */
import * as z from 'zod'
import { atomic, statusText, time } from './fields.ts'

/** On a ProxmoxCluster: `TOKEN FROM-TO`, a token of the caller's own and the VMIDs to list. */
export const listGuestsAnnotation = 'pve.hosting/list-guests'

/** Guests in one answer; `next` has where the following one begins. */
export const mostListed = 200

const listedGuest = z.object({
  vmid: z.int().describe('VMID of the guest.'),
  node: z.string().max(63).describe('Node it is on.'),
  running: z.boolean().describe('true: it runs.'),
  options: z
    .array(z.string().max(512))
    .max(96)
    .meta({
      description: 'Its configuration as OPTION=VALUE, without description, keys, passwords and what is longer than 512 characters.',
      ...atomic,
    }),
  addresses: z
    .array(z.string().max(45))
    .max(32)
    .meta({ description: 'Addresses in its ipconfigN and its ipfilter sets.', ...atomic }),
  fromUID: statusText(64, 'The uid in its owner line.'),
  copyOf: z.int().exactOptional().describe('VMID in its owner line, when that differs from its own.'),
  problem: statusText(256, 'Why PVE does not show it; then options are empty.'),
})
export type ListedGuest = z.infer<typeof listedGuest>

export const guestList = z
  .object({
    request: z.string().max(128).describe('The annotation that this answers.'),
    at: time('When PVE was read.'),
    guests: z
      .array(listedGuest)
      .max(mostListed)
      .meta({ description: 'Guests that no ProxmoxVM owns, without templates, by VMID.', ...atomic }),
    next: z.int().exactOptional().describe('VMID from which more would be listed. Absent = these are all.'),
  })
  .describe('Answer to the annotation pve.hosting/list-guests, which `kubectl pve adopt` writes. It goes with the annotation.')
