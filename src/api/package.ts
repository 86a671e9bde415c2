/**
 * What is sold: the part of a server that a VMPackage and a ProxmoxVM both can say.
 * Nothing here has a default: a default would beat the VMPackage when the two are merged. Defaults are applied after the merge.
 */
import * as z from 'zod'
import { entryName, limit, listMap, longerThan, pveName, rule, rules, size, vlan, vmidRange } from './fields.ts'
import { packageBackups } from './backups.ts'
import { firewall } from './firewall.ts'
import { packageTraffic } from './traffic.ts'

const burst = (base: string): { rule: string; message: string } => ({
  rule: `!has(self.${base}Burst) || self.${base}Burst == 0 || (has(self.${base}) && self.${base} > 0)`,
  message: `${base}Burst: a burst needs its base; write ${base} beside it, or leave the burst out`,
})
const rate = (what: string) => limit(1_000_000, `${what} in MiB/s. 0 or absent = unlimited. Applied to a running VM at once.`)
const operations = (what: string) =>
  limit(100_000_000, `${what} in operations per second. 0 or absent = unlimited. Applied to a running VM at once.`)

const bandwidth = z
  .object({
    readMiBps: rate('Sustained reading'),
    writeMiBps: rate('Sustained writing'),
    readIOPS: operations('Sustained reading'),
    writeIOPS: operations('Sustained writing'),
    readMiBpsBurst: rate('Reading in a burst above readMiBps, which must be set beside it,'),
    writeMiBpsBurst: rate('Writing in a burst above writeMiBps, which must be set beside it,'),
    readIOPSBurst: operations('Reading in a burst above readIOPS, which must be set beside it,'),
    writeIOPSBurst: operations('Writing in a burst above writeIOPS, which must be set beside it,'),
  })
  .meta({
    description: 'Limits of the disk. Each is independent; absent or 0 = unlimited.',
    ...rules(burst('readMiBps'), burst('writeMiBps'), burst('readIOPS'), burst('writeIOPS')),
  })
const cpu = z
  .object({
    cores: z
      .int()
      .min(1)
      .max(512)
      .exactOptional()
      .describe('Cores per socket. Default 1. A change takes effect at the next start from off.'),
    sockets: z
      .int()
      .min(1)
      .max(16)
      .exactOptional()
      .describe('CPU sockets; the VM has cores × sockets CPUs. Default 1. A change takes effect at the next start from off.'),
    type: pveName(
      64,
      'x86-64-v2-AES or host',
      'CPU model the guest sees. Default: that of the template. A change takes effect at the next start from off.',
    ).exactOptional(),
    limit: z
      .union([z.int(), z.string()])
      .exactOptional()
      .meta({
        description:
          'Host CPU time the VM may use, in cores: "1.5" is one and a half. 0 or absent = unlimited. At most 128. Applied to a running VM at once.',
        maxLength: 32,
        'x-kubernetes-int-or-string': true,
        ...rule(
          "type(self) == int ? (self >= 0 && self <= 128) : (isQuantity(self) && quantity(self).compareTo(quantity('0')) >= 0 && quantity(self).compareTo(quantity('128')) <= 0)",
          'limit: write cores of host time from 0 (unlimited) to 128, such as "1.5"',
        ),
      }),
    units: limit(
      10_000,
      'Weight against other VMs when the host is busy, 1 to 10000. 0 or absent = the default of PVE (100). Applied to a running VM at once.',
    ),
  })
  .describe('Processors.')

const memory = z
  .object({
    size: size(
      '16Mi',
      '4Gi',
      'Memory, 0 or whole MiB from 16Mi. 0 or absent = as the template has it. A change takes effect at the next start from off.',
    ).exactOptional(),
    minimum: size(
      '16Mi',
      '2Gi',
      'Ballooning: the memory the VM keeps when the host is short of memory, at most size. 0 = the balloon device is off. Absent = equal to size.',
    ).exactOptional(),
  })
  .meta({
    description: 'Main memory.',
    ...rule(
      '!has(self.size) || !has(self.minimum) || type(self.size) == int || type(self.minimum) == int || ' +
        "quantity(self.size).compareTo(quantity('0')) == 0 || quantity(self.minimum).compareTo(quantity(self.size)) <= 0",
      'minimum: write at most the size',
    ),
  })

const diskSize = (description: string) => size('1Gi', '20Gi', description).exactOptional()

const coldOption = 'A change takes effect at the next start from off.'
const diskOptions = z
  .object({
    discard: z
      .boolean()
      .exactOptional()
      .describe(`Whether space that the guest frees returns to the storage (thin pools, qcow2, Ceph). ${coldOption}`),
    ssd: z.boolean().exactOptional().describe(`Whether the guest sees an SSD. Not for disks on the bus virtio. ${coldOption}`),
    ioThread: z
      .boolean()
      .exactOptional()
      .describe(
        `Whether the disk has a thread of its own on the host. On the bus virtio, and on scsi with the controller virtio-scsi-single of the template. ${coldOption}`,
      ),
    cache: z
      .enum(['none', 'writethrough', 'writeback', 'unsafe', 'directsync'])
      .exactOptional()
      .describe(`How the host caches the disk, with PVE's names. unsafe loses data when the host stops. ${coldOption}`),
  })
  .describe(
    'How PVE attaches the disk. Each is independent. Absent = as the template has its system disk; for an additional disk, as the system disk has it when the disk is made.',
  )

const systemDisk = z
  .object({
    size: diskSize(
      "Size of the first disk of the template's boot order, 0 or whole MiB from 1Gi. 0 or absent = as the template has it. Disks only grow: a smaller size is reported and not applied.",
    ),
    bandwidth: bandwidth.exactOptional(),
    options: diskOptions.exactOptional(),
  })
  .describe('The disk the guest boots from. Other disks of the template stay as they are.')

const additionalDisk = z.object({
  name: entryName('Name of the disk in this VM; the operator finds the disk by it when the package changes. "system" is reserved.'),
  size: diskSize(
    'Size of the disk, whole MiB from 1Gi. Disks only grow: a smaller size is reported and not applied. Needed after the merge with the VMPackage.',
  ),
  storage: pveName(
    100,
    'local-lvm',
    'Storage of PVE for the disk. Default: template.storage, else that of the system disk. Has no effect on a disk that exists.',
  ).exactOptional(),
  bandwidth: bandwidth.exactOptional(),
  options: diskOptions.exactOptional(),
  removalPolicy: z
    .enum(['Keep', 'Delete'])
    .exactOptional()
    .describe(
      'What happens when the disk leaves the package. Keep (default): it stays attached and is reported. Delete: it is detached and its data deleted.',
    ),
})

const network = z
  .object({
    bridge: pveName(
      15,
      'vmbr0',
      'Bridge or VNet of PVE. Default: that of the pool of the first address, else that of the template. Applied to a running VM at once.',
    ).exactOptional(),
    vlan: vlan(
      'VLAN tag, 1 to 4094; 0 = untagged. Default: that of the pool of the first address, else that of the template. Applied to a running VM at once.',
    ).exactOptional(),
    rateMbit: limit(
      1_000_000,
      'Speed of the network card in Mbit/s (PVE counts in MB/s: an eighth of it). 0 or absent = unlimited. Applied to a running VM at once.',
    ),
    model: z
      .enum(['virtio', 'e1000', 'e1000e', 'rtl8139', 'vmxnet3'])
      .exactOptional()
      .describe(
        'Network card the guest sees. Absent = as the template has it (virtio if it has none). A change takes effect at the next start from off.',
      ),
    mtu: limit(
      65_520,
      'MTU of the network card, with model virtio only; 1 = that of the bridge, 0 = not set. Absent = as the template has it. A change takes effect at the next start from off.',
    ),
    firewall: z
      .boolean()
      .exactOptional()
      .describe(
        'Whether the traffic of the network card passes the PVE firewall. Default: as firewall.enabled. Applied to a running VM at once.',
      ),
  })
  .meta({
    description:
      'The network card net0. The operator removes other network cards of the template when it makes the VM: they belong to the network of the template.',
    ...rule("!has(self.mtu) || self.mtu == 0 || !has(self.model) || self.model == 'virtio'", 'mtu: write model: virtio, or remove mtu'),
  })

const namePattern = (which: string, description: string) =>
  z
    .string()
    .min(1)
    .max(253)
    .exactOptional()
    .meta({
      description,
      ...rule("self.matches('^[A-Za-z0-9{}_.-]+$')", `${which}: write letters, digits, - and . around macros such as {random6}`),
    })

const naming = z
  .object({
    hostname: namePattern(
      'hostname',
      'Host name of the guest, with macros: {namespace} {name} {vmid} {client_id} {service_id} {random6} {random_digit_6} {random_letter_6} {unixtime} {year} {month} {day} {hour} {minute} {second}. Evaluated once. Used when the VM has no hostname of its own.',
    ),
    vmName: namePattern(
      'vmName',
      'Name of the VM in PVE, with the same macros. PVE gives its name to the guest as host name, so it is used only when neither hostname nor naming.hostname is there.',
    ),
  })
  .describe('How VMs of this package are named. With neither, both names are that of the object.')

const snapshots = z
  .object({
    max: z
      .int()
      .min(0)
      .max(64)
      .exactOptional()
      .describe(
        'How many ProxmoxVMSnapshots the VM may have at a time. 0 = none. Absent = no limit. Those made in PVE by hand do not count.',
      ),
    lifetime: longerThan(
      '1m',
      '72h',
      'How long a ProxmoxVMSnapshot of the VM is kept at most; then it is deleted. Absent = until it is deleted, or its own ttl is over.',
    ).exactOptional(),
  })
  .describe('How many snapshots the customer may keep, and for how long. Asked when a ProxmoxVMSnapshot is made.')

/** The fields of a package, shared by VMPackage.spec and ProxmoxVM.spec.package. */
export const packageFields = {
  cpu: cpu.exactOptional(),
  memory: memory.exactOptional(),
  systemDisk: systemDisk.exactOptional(),
  additionalDisks: z
    .array(additionalDisk)
    .max(15)
    .exactOptional()
    .meta({
      description: 'Further disks. Merged by name and field by field. removalPolicy says what happens to a disk that leaves the list.',
      ...listMap('name'),
      ...rule("self.all(d, d.name != 'system')", 'additionalDisks: "system" is the system disk; choose another name'),
    }),
  network: network.exactOptional(),
  firewall: firewall.exactOptional(),
  naming: naming.exactOptional(),
  snapshots: snapshots.exactOptional(),
  backups: packageBackups.exactOptional(),
  traffic: packageTraffic.exactOptional(),
  vmids: vmidRange(
    "VMIDs for VMs of this package, inside the cluster's own range. Absent = the cluster's range. Has no effect on a VM that has its VMID.",
  ).exactOptional(),
}

export const packageSpec = z.object(packageFields)
/** A package; every field may be missing. Zero is a value, absence is not. */
export type Package = z.infer<typeof packageSpec>
