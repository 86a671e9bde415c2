/** What hangs on a VM in PVE and is not ours, as a status keeps it while the VM is made again. */
import * as z from 'zod'
import { atomic, statusText } from './fields.ts'

const comment = statusText(512, 'Comment.')
const firewallName = z.string().max(64).describe('Its name.')

const rule = z.object({
  type: z.string().max(16).describe('in, out or group.'),
  action: z.string().max(64).describe('ACCEPT, DROP, REJECT, or a security group.'),
  enable: z.string().max(4).describe('1: active.'),
  macro: statusText(64, 'Macro of PVE.'),
  proto: statusText(64, 'Protocol.'),
  icmpType: statusText(64, 'Type of ICMP.'),
  source: statusText(512, 'From where.'),
  dest: statusText(512, 'To where.'),
  sport: statusText(512, 'Source ports.'),
  dport: statusText(512, 'Destination ports.'),
  iface: statusText(16, 'Network card.'),
  log: statusText(16, 'Log level.'),
  comment,
})

const setEntry = z.object({
  cidr: z.string().max(64).describe('Address, network or alias.'),
  nomatch: z.boolean().exactOptional().describe('true: excluded from the set.'),
  comment,
})

export const possessions = z
  .object({
    pool: statusText(256, 'Pool of PVE the VM was in.'),
    networkCards: z
      .array(
        z.object({
          key: z.string().max(8).describe('Its key in PVE: net1 and up.'),
          value: z.string().max(512).describe('Its value in PVE, with its MAC address.'),
        }),
      )
      .max(31)
      .exactOptional()
      .meta({ description: 'Network cards beyond net0.', ...atomic }),
    rules: z
      .array(rule)
      .max(128)
      .exactOptional()
      .meta({ description: "People's own firewall rules, in order.", ...atomic }),
    aliases: z
      .array(z.object({ name: firewallName, cidr: z.string().max(64).describe('Address or network it stands for.'), comment }))
      .max(64)
      .exactOptional()
      .meta({ description: 'Aliases of its firewall.', ...atomic }),
    sets: z
      .array(
        z.object({
          name: firewallName,
          comment,
          entries: z
            .array(setEntry)
            .max(256)
            .meta({ description: 'What is in it.', ...atomic }),
        }),
      )
      .max(32)
      .exactOptional()
      .meta({ description: 'IP sets of its firewall.', ...atomic }),
  })
  .describe('What people added to the VM in PVE, recorded before the VM was deleted: the new VM gets it back. Absent = nothing.')
