/** spec.adopt and status.adoption of a ProxmoxVM: an existing guest that becomes this VM. */
import * as z from 'zod'
import { atomic, entryName, line, listMap, rule, statusText, time, vmid } from './fields.ts'

const adoptedDisk = z.object({
  name: entryName('Name of the disk in the package (additionalDisks).'),
  key: z
    .string()
    .max(16)
    .meta({
      description: 'Slot of the disk in PVE, such as scsi1.',
      ...rule(
        "self.matches('^(scsi([12]?[0-9]|30)|virtio([0-9]|1[0-5])|sata[0-5]|ide[0-3])$')",
        'key: write the slot of a disk such as scsi1, virtio1, sata1 or ide1',
      ),
    }),
})

/** spec.adopt. */
export const adopt = z
  .object({
    vmid: vmid('VMID of the guest that becomes this VM.'),
    macAddress: z
      .string()
      .max(17)
      .exactOptional()
      .meta({
        description: 'MAC address of its net0, so that no other guest is taken over by mistake. Take needs it.',
        ...rule(
          "self.matches('^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$')",
          'macAddress: write six pairs of hexadecimal digits such as BC:24:11:2E:8A:01',
        ),
      }),
    mode: z
      .enum(['Report', 'Take'])
      .describe(
        'Report: the condition Adoptable and `kubectl pve plan` show what differs between guest and spec and what is missing; the operator writes nothing to PVE. Take: the operator writes the owner line and tag of this object to the guest and changes nothing else.',
      ),
    fromUID: line(
      64,
      'The uid in its owner line: of the former ProxmoxVM that owned it. Absent = the guest has no owner line.',
    ).exactOptional(),
    disks: z
      .array(adoptedDisk)
      .max(16)
      .exactOptional()
      .meta({
        description:
          'Which disks of the guest are the additional disks of the package. Disks that are not named here stay as they are; the system disk is the first of the boot order.',
        ...listMap('name'),
      }),
    backups: z
      .enum(['Leave', 'Own'])
      .exactOptional()
      .describe(
        'Which backups of the guest count as those of this VM and go with it. Leave: those made after the takeover. Own: all made since the guest was created in PVE. Absent: Leave; of a VM of a former object (fromUID) also those that the operator made of it.',
      ),
  })
  .meta(rule("self.mode == 'Report' || has(self.macAddress)", 'adopt: mode Take needs macAddress, the MAC address of net0 of the guest'))
export type Adopt = z.infer<typeof adopt>

/** As many as a status holds; a guest that differs in more is not taken. */
export const mostDifferences = 96

const difference = z.object({
  field: z.string().max(128).describe('Option of PVE, such as cores, net0.rate, scsi0.size or firewall.rules.'),
  found: statusText(256, 'Value in the guest. Absent = not set.'),
  wanted: statusText(256, 'Value by the spec. Absent = not set.'),
  applies: z
    .string()
    .max(16)
    .describe('How a change would reach the guest: Live = while it runs, Restart = it must be off once, Never = it will not be done.'),
})
/** One thing in which a guest is not as its spec says. */
export type FoundDifference = z.infer<typeof difference>

/** status.adoption. */
export const adoption = z.object({
  vmid: z.int().describe('VMID of the guest.'),
  node: statusText(63, 'Node it is on.'),
  macAddress: statusText(17, 'MAC address of its net0.'),
  fromUID: statusText(64, 'The uid in its owner line: of the former object that owned it.'),
  installation: statusText(64, 'The Kubernetes cluster in its owner line, when that is another one.'),
  backups: statusText(16, 'What spec.adopt.backups said at the takeover.'),
  takenAt: time('When it became this VM. Absent = not yet.').exactOptional(),
  differences: z
    .array(difference)
    .max(mostDifferences)
    .exactOptional()
    .meta({
      description:
        'What differs between the guest and the spec. Of a guest that was taken over: what stays as it was found. When the spec changes a field after the takeover, or with a Set… command, the operator applies the field and removes its entry.',
      ...atomic,
    }),
  remarks: z
    .array(z.string().max(512))
    .max(64)
    .exactOptional()
    .meta({ description: 'What else a Report found: what is missing, and what would stay as it is.', ...atomic }),
  packageAskedAt: time('When ChangePackage was first asked for after the takeover; the next one applies all that differs.').exactOptional(),
})
