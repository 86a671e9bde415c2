import * as z from 'zod'
import { pveName, rules, vmid } from './fields.ts'

export const template = z
  .object({
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
    storage: pveName(
      100,
      'local-lvm',
      'Storage for the copied disks. Default: that of the template. Only with clone: Full.',
    ).exactOptional(),
  })
  .meta({
    description:
      'The template the VM is cloned from: one of name, vmid and tag. Only guests with the template flag of PVE are cloned. Editing it later reinstalls nothing; TemplateApplied=False says so.',
    ...rules(
      {
        rule: '[has(self.name), has(self.vmid), has(self.tag)].filter(x, x).size() == 1',
        message: 'template: write exactly one of name, vmid and tag',
      },
      {
        rule: "!has(self.storage) || self.clone == 'Full'",
        message: 'template.storage: a linked clone stays on the storage of its template; leave storage out or write clone: Full',
      },
    ),
  })
