import * as z from 'zod'
import {
  atomic,
  dnsName,
  duration,
  entryName,
  ipAddress,
  listSet,
  nameReference,
  objectName,
  pveName,
  rule,
  rules,
  uniqueNames,
  vmid,
} from './fields.ts'
import type { KubeObject } from './object.ts'
import { packageSpec } from './package.ts'
import type { ProxmoxVMStatus } from './proxmoxvm-status.ts'

export type { ProxmoxVMStatus } from './proxmoxvm-status.ts'

const template = z
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

export const addressEntry = z.object({
  name: entryName('Name of the entry; it finds the address again when the list changes.'),
  poolRef: nameReference('IPPool', 'The pool the address comes from.'),
  address: ipAddress(
    'The address wanted by name. It is granted or refused with the reason, never replaced by another. Absent = any of the pool.',
  ).exactOptional(),
})
export type AddressEntry = z.infer<typeof addressEntry>

// PVE takes the keys percent-encoded and hands them to cloud-init line by line: one line each, in the form of authorized_keys.
const sshKey = z
  .string()
  .max(4096)
  .meta(
    rule(
      "self.matches('^(ssh-(rsa|dss|ed25519)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh[.]com) [A-Za-z0-9+/=]+( [ -~]*)?$')",
      'write a public key as in authorized_keys without options, on one line: ssh-ed25519 AAAA… comment',
    ),
  )

const cloudInit = z
  .object({
    user: z
      .string()
      .max(32)
      .exactOptional()
      .meta({
        description: 'Login the guest gets. Default: that of the template image.',
        ...rule("self.matches('^[a-z_][a-z0-9_-]*$')", 'user: write a Unix login such as admin'),
      }),
    passwordSecretRef: z
      .object({
        name: objectName('Name of the Secret, in the namespace of the VM.'),
        key: z.string().min(1).max(253).describe('Key of the Secret that holds the password.'),
      })
      .exactOptional()
      .describe('Where the password of the login is. Instead of generatePassword.'),
    generatePassword: z
      .boolean()
      .exactOptional()
      .describe(
        'true: a password is made up and put into the Secret <name>-credentials (keys username and password), which goes with the VM. Instead of passwordSecretRef.',
      ),
    sshAuthorizedKeys: z
      .array(sshKey)
      .max(32)
      .exactOptional()
      .meta({ description: 'Public SSH keys of the login.', ...listSet }),
    nameservers: z
      .array(ipAddress('A name server.'))
      .max(8)
      .exactOptional()
      .meta({ description: 'Name servers, of either family. Default: those of the pools of the addresses.', ...atomic }),
    searchDomain: dnsName('searchDomain', 'Search domain. Default: that of the pool of the first address that has one.').exactOptional(),
  })
  .meta({
    description:
      "What cloud-init sets up inside the guest, through the template's cloud-init drive. Changes reach the guest at its next start.",
    ...rule(
      '!(has(self.passwordSecretRef) && has(self.generatePassword) && self.generatePassword)',
      'cloudInit: write either passwordSecretRef or generatePassword: true',
    ),
  })

export const proxmoxVMSpec = z
  .object({
    clusterRef: nameReference(
      'ProxmoxCluster',
      'The PVE cluster the VM lives in. Set once.',
      rule('self == oldSelf', 'clusterRef: a VM stays in its cluster; make another ProxmoxVM for the other one'),
    ),
    placement: z
      .object({ node: pveName(63, 'pve1', 'Node of PVE the VM is created on.').exactOptional() })
      .exactOptional()
      .describe('Where the VM is created. Has no effect after the clone: a VM that moved is followed, not moved back.'),
    vmid: vmid(
      'VMID in PVE. Absent = the next free one of the range. Set once. If another guest has it the VM waits (VMIDTaken); that guest is never adopted.',
    ).exactOptional(),
    template,
    packageRef: nameReference(
      'VMPackage',
      'The VMPackage of the VM; fields of package beat it. Changing the name takes the newest version of the VMPackage named.',
    ).exactOptional(),
    package: packageSpec
      .exactOptional()
      .describe(
        'The package of the VM, or what differs from packageRef. Beats it field by field, zero included; disks and firewall rules are merged by name.',
      ),
    addresses: z
      .array(addressEntry)
      .max(8)
      .exactOptional()
      .meta({
        description:
          'Addresses from pools, in order. The first of each family is configured by cloud-init, the others are allotted and allowed. Empty or absent = DHCP, and then the package must name the bridge.',
        ...atomic,
        ...rules(uniqueNames('addresses')),
      }),
    cloudInit: cloudInit.exactOptional(),
    hostname: dnsName(
      'hostname',
      'Host name of the guest and name of the VM in PVE, short or fully qualified. Unique in the ProxmoxCluster. Default: naming.hostname of the package, else the name of the object.',
    ).exactOptional(),
    runStrategy: z
      .enum(['Once', 'Always', 'Halted'])
      .default('Once')
      .describe(
        'Once: started when it is first ready, then power is up to people. Always: started again whenever it is off. Halted: kept off.',
      ),
    shutdownTimeout: duration('60s', '90s', 'How long the guest may take to shut down when the operator asks it to, before power is cut.'),
    deletionPolicy: z
      .enum(['Terminate', 'Remove', 'Orphan'])
      .default('Terminate')
      .describe(
        'What deleting this object does in PVE. Terminate: VM, disks, snapshots and its backups are deleted and its addresses freed. Remove: only the VM is deleted, which must be off; backups stay. Orphan: nothing is touched, the addresses stay held.',
      ),
    deletionProtection: z.boolean().exactOptional().describe('true: the API server refuses to delete this object until this is false.'),
  })
  .meta({
    description: 'What is wanted. Belongs to the user: the operator never writes to it.',
    ...rules(
      { rule: 'has(self.package) || has(self.packageRef)', message: 'write packageRef, package, or both' },
      {
        rule: 'self.?vmid == oldSelf.?vmid || !oldSelf.?vmid.hasValue()',
        message: 'vmid: a VM keeps its number; make another ProxmoxVM for another one',
      },
    ),
  })
/** The spec as the API server hands it out, defaults filled in. */
export type ProxmoxVMSpec = z.infer<typeof proxmoxVMSpec>
/** The spec as people write it. */
export type ProxmoxVMSpecInput = z.input<typeof proxmoxVMSpec>

export interface ProxmoxVM extends KubeObject {
  spec: ProxmoxVMSpec
  status?: ProxmoxVMStatus
}
