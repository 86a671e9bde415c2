import * as z from 'zod'
import { adopt } from './adopt.ts'
import {
  atomic,
  dnsName,
  duration,
  entryName,
  ipAddress,
  line,
  listMap,
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
import { restoreWish } from './restore.ts'
import { birthTemplate, template } from './template.ts'
import { notAHostName, notALogin } from './yaml-text.ts'

export type { ProxmoxVMStatus } from './proxmoxvm-status.ts'

const addressEntry = z.object({
  name: entryName('Name of the entry; it finds the address again when the list changes.'),
  poolRef: nameReference('IPPool', 'The pool the address comes from.'),
  address: ipAddress(
    'A certain address. The VM gets it or waits with the reason; it never gets another one instead. Absent = any address of the pool.',
  ).exactOptional(),
  ptr: dnsName(
    'ptr',
    'Name in the PTR record of the address, such as mail.example.com. Absent = the host name of the VM. The operator writes it where a DNSZone serves the address.',
  ).exactOptional(),
})

// PVE takes the keys percent-encoded and hands them to cloud-init line by line: one line each, in the form of authorized_keys.
const sshKey = z
  .string()
  .max(4096)
  .meta(
    rule(
      "self.matches('^(ssh-(rsa|dss|ed25519)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh[.]com) [A-Za-z0-9+/=]+( [^\\x00-\\x1f\\x7f]*)?$')",
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
        description:
          'Login the guest gets, such as admin, or Administrator on Windows. Default: that of the image; of a Windows template the ciuser it has.',
        ...rules(
          {
            rule: "self.matches('^[A-Za-z_]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?$')",
            message: 'user: write a login of letters, digits, _, - and ., such as admin or Administrator',
          },
          {
            rule: `!self.matches('${notALogin}')`,
            message: 'user: cloud-init reads this word as true, false or null; write another login',
          },
        ),
      }),
    passwordSecretRef: z
      .object({
        name: objectName('Name of the Secret, in the namespace of the VM.'),
        key: z.string().min(1).max(253).describe('Key of the Secret that holds the password; a line break at its end is not part of it.'),
      })
      .exactOptional()
      .describe('Where the password of the login is. Instead of generatePassword.'),
    generatePassword: z
      .boolean()
      .exactOptional()
      .describe(
        'true: the operator generates a password and stores it in the Secret <name>-credentials (keys username and password), which is deleted with the VM. Instead of passwordSecretRef.',
      ),
    sshAuthorizedKeys: z
      .array(sshKey)
      .max(32)
      .exactOptional()
      .meta({ description: 'Public SSH keys of the login. The guest gets their comments without accents and colons.', ...listSet }),
    nameservers: z
      .array(ipAddress('A name server.'))
      .max(8)
      .exactOptional()
      .meta({ description: 'Name servers, of either family. Default: those of the pools of the addresses.', ...atomic }),
    searchDomain: dnsName('searchDomain', 'Search domain. Default: that of the pool of the first address that has one.').exactOptional(),
  })
  .meta({
    description:
      "What cloud-init sets up inside the guest, through the template's cloud-init drive. Changes reach the guest at its next start from off; the condition RestartRequired names what waits.",
    ...rule(
      '!(has(self.passwordSecretRef) && has(self.generatePassword) && self.generatePassword)',
      'cloudInit: write either passwordSecretRef or generatePassword: true',
    ),
  })

const suspension = z.object({
  by: entryName('Who suspends the VM, such as billing, abuse or traffic. One entry for each holder; only its holder removes it.'),
  reason: line(256, 'The reason, for people: it is in the message of every refusal.'),
})

const reinstall = z.object({
  requestID: line(
    128,
    'An ID of your own, such as a date. A new one reinstalls once; one among the last 20 done (status.reinstall.completedIDs) never runs again, an empty one does nothing, and one that exists when the object is created counts as done.',
  ),
  template: template
    .exactOptional()
    .describe('The template to install instead of spec.template, for this request only. Absent = spec.template.'),
})
export const proxmoxVMSpec = z
  .object({
    clusterRef: nameReference(
      'ProxmoxCluster',
      'The PVE cluster the VM lives in. Set once.',
      rule('self == oldSelf', 'clusterRef: a VM stays in its cluster; create another ProxmoxVM for the other one'),
    ),
    placement: z
      .object({ node: pveName(63, 'pve1', 'Node of PVE the VM is created on.').exactOptional() })
      .exactOptional()
      .describe('Where the VM is created. Has no effect after the clone: the operator follows a VM that moved and does not move it back.'),
    vmid: vmid(
      'VMID in PVE. Absent = the next free one of the range. Set once. If another guest has it, the VM waits (VMIDTaken); the operator never takes that guest over.',
    ).exactOptional(),
    template: birthTemplate,
    packageRef: nameReference(
      'VMPackage',
      'The VMPackage of the VM; fields of package replace its fields. When you change the name, the VM gets the newest version of that VMPackage.',
    ).exactOptional(),
    package: packageSpec
      .exactOptional()
      .describe(
        'The package of the VM, or what differs from packageRef. Each field here replaces that of packageRef, zero included; disks and firewall rules are merged by name.',
      ),
    addresses: z
      .array(addressEntry)
      .max(8)
      .exactOptional()
      .meta({
        description:
          'Addresses from pools, in order. The first of each family is configured by cloud-init, the others are reserved for the VM and allowed. Empty or absent = DHCP; the package must then name the bridge.',
        ...atomic,
        ...rules(uniqueNames('addresses')),
      }),
    cloudInit: cloudInit.exactOptional(),
    hostname: dnsName(
      'hostname',
      'Host name of the guest and name of the VM in PVE, short or fully qualified. Unique in the ProxmoxCluster. Default: naming.hostname of the package, else the name of the object.',
      {
        rule: `!self.matches('${notAHostName}')`,
        message: 'hostname: cloud-init reads this as a number, date or word; write a name with letters in front, such as web-1',
      },
    ).exactOptional(),
    runStrategy: z
      .enum(['Once', 'Always', 'Halted'])
      .default('Once')
      .describe(
        'Once: the operator starts the VM when it is first ready, then people control the power. Always: it starts the VM whenever it is off. Halted: it keeps the VM off.',
      ),
    suspensions: z
      .array(suspension)
      .max(16)
      .exactOptional()
      .meta({
        description:
          'Who suspends the VM. While there is an entry the operator shuts the VM down and keeps it off, and nobody can start it; when the last entry is removed the operator starts it, unless it is Halted. Each holder writes its own entry by server-side apply; a manifest for client-side kubectl apply must not name this list. A change needs the right to update proxmoxvms/suspend.',
        ...listMap('by'),
      }),
    reinstall: reinstall
      .exactOptional()
      .describe(
        'Asks for a new installation: the VM, its snapshots and all its disks are deleted and it is created again with the same VMID, MAC and addresses; backups stay. A change needs the right to update proxmoxvms/reinstall.',
      ),
    restore: restoreWish
      .exactOptional()
      .describe(
        'Asks for the VM as it was in a backup, with the VMID, MAC and addresses it has; then the package of today is applied. The VM must be off. Its present disks are deleted before the backup is read. A change needs the right to update proxmoxvms/restore.',
      ),
    adopt: adopt
      .exactOptional()
      .describe(
        'An existing guest of PVE that becomes this VM, as it is: running or off, with its addresses. Has an effect only while the object has no VM. Needs the right to update proxmoxvms/adopt. `kubectl pve adopt` prints it.',
      ),
    shutdownTimeout: duration('60s', '90s', 'How long the guest may take to shut down when the operator asks it to, before power is cut.'),
    restartPolicy: z
      .enum(['WhenNeeded', 'Manual'])
      .default('WhenNeeded')
      .describe(
        'Whether an edit of this object may restart the VM. WhenNeeded: an edit that gives the guest other addresses, or changes what PVE cannot change in a running VM (CPU, memory), shuts the VM down and starts it again. Manual: that waits for the command ChangePackage or the next start from off (condition RestartRequired). Host name, user, password, keys, name servers, and what changes in an IPPool, VMPackage or Secret never restart a VM.',
      ),
    deletionPolicy: z
      .enum(['Terminate', 'Remove', 'Orphan'])
      .default('Terminate')
      .describe(
        'What deleting this object does in PVE. Terminate: VM, disks, snapshots and its backups are deleted and its addresses freed. Remove: only the VM is deleted, which must be off; backups stay, and disks that its configuration does not name, unless the VM was never ready. Orphan: VM and backups stay as they are, the addresses stay reserved.',
      ),
    backupsOnDelete: z
      .enum(['Delete', 'Keep'])
      .exactOptional()
      .describe(
        'What deletionPolicy Terminate does with the backups of the VM in PVE. Delete (default): they are deleted with it, also protected ones. Keep: they stay, and so do their ProxmoxVMBackup objects. Not allowed with another deletionPolicy, which never deletes backups.',
      ),
    deletionProtection: z.boolean().exactOptional().describe('true: the API server refuses to delete this object until this is false.'),
  })
  .meta({
    description: 'What you want. Only users write it; the operator never does.',
    ...rules(
      {
        rule: "!has(self.backupsOnDelete) || self.deletionPolicy == 'Terminate'",
        message:
          'backupsOnDelete: only deletionPolicy Terminate deletes backups; remove backupsOnDelete, or write deletionPolicy: Terminate',
      },
      { rule: 'has(self.package) || has(self.packageRef)', message: 'write packageRef, package, or both' },
      {
        rule: 'self.?vmid == oldSelf.?vmid || !oldSelf.?vmid.hasValue()',
        message: 'vmid: a VM keeps its VMID; create another ProxmoxVM for another one',
      },
    ),
  })
/** The spec as the API server hands it out, defaults filled in. */
export type ProxmoxVMSpec = z.infer<typeof proxmoxVMSpec>

export interface ProxmoxVM extends KubeObject {
  spec: ProxmoxVMSpec
  status?: ProxmoxVMStatus
}
