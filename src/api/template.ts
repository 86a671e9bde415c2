/** What a VM is made of: a template of PVE, or, for a new VM, the backup of another one. */
import * as z from 'zod'
import { backupRef } from './backup-ref.ts'
import { pveName, rules, vmid } from './fields.ts'

const fields = {
  name: pveName(
    253,
    'debian-13',
    'Name of the template in PVE. It may exist once per node; the copy of the chosen node is used.',
  ).exactOptional(),
  vmid: vmid('VMID of the template.').exactOptional(),
  tag: pveName(124, 'ubuntu-24.04', 'Tag of the template in PVE.').exactOptional(),
  clone: z
    .enum(['Full', 'Linked'])
    .default('Full')
    .describe('Full: the disks are copied. Linked: they stand on those of the template, which is quick and ties the VM to it.'),
  storage: pveName(100, 'local-lvm', 'Storage for the copied disks. Default: that of the template. Only with clone: Full.').exactOptional(),
}

const linkedStays = {
  rule: "!has(self.storage) || self.clone == 'Full'",
  message: 'template.storage: a linked clone stays on the storage of its template; leave storage out or write clone: Full',
}

/** What a reinstall installs. */
export const template = z.object(fields).meta({
  description:
    'The template the VM is cloned from: one of name, vmid and tag. Only guests with the template flag of PVE are cloned. Editing it later reinstalls nothing; TemplateApplied=False says so.',
  ...rules(
    {
      rule: '[has(self.name), has(self.vmid), has(self.tag)].filter(x, x).size() == 1',
      message: 'template: write exactly one of name, vmid and tag',
    },
    linkedStays,
  ),
})

/** What a new VM is made of. */
export const birthTemplate = z
  .object({
    ...fields,
    backupRef: backupRef({
      description:
        'A backup of another VM, from which this new one is made: with a VMID, a MAC address and addresses of its own, so that it can run beside the other. One of name and volume. Its disks go to the storages where they were, or all of them to storage. Needs the right to update proxmoxvms/restore. To bring a VM itself back, write spec.restore.',
      name: 'Name of a ProxmoxVMBackup in the namespace of the VM. Its VM need not exist any more.',
      volume:
        'A file of a ProxmoxVM of this namespace, as `kubectl pve backups` shows it. It must be no older than that VM, or its notes must name that VM.',
    }).exactOptional(),
  })
  .meta({
    description:
      'What the VM is made of: one of name, vmid and tag (a template of PVE that is cloned) and backupRef (a backup that is restored). Only guests with the template flag of PVE are cloned. Editing it later reinstalls nothing; TemplateApplied=False says so.',
    ...rules(
      {
        rule: '[has(self.name), has(self.vmid), has(self.tag), has(self.backupRef)].filter(x, x).size() == 1',
        message: 'template: write exactly one of name, vmid, tag and backupRef',
      },
      linkedStays,
      {
        rule: "!has(self.backupRef) || self.clone == 'Full'",
        message: 'template.clone: a VM from a backup has disks of its own; leave clone out',
      },
    ),
  })
export type BirthTemplate = z.infer<typeof birthTemplate>
