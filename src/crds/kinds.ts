/** Names, columns and selectable fields of every kind, around the schemas of src/api. */
import type * as z from 'zod'
import { dnsZoneSpec, dnsZoneStatus } from '../api/dnszone.ts'
import { rules } from '../api/fields.ts'
import { ipPoolSpec, ipPoolStatus } from '../api/ippool.ts'
import {
  dnsZones,
  ipPools,
  type KubeObject,
  poolAddresses,
  proxmoxClusters,
  proxmoxVMBackups,
  proxmoxVMCommands,
  proxmoxVMConsoles,
  proxmoxVMSnapshots,
  proxmoxVMs,
  type Resource,
  vmPackages,
} from '../api/meta.ts'
import { poolAddressSpec } from '../api/pooladdress.ts'
import { proxmoxClusterSpec } from '../api/proxmoxcluster.ts'
import { proxmoxClusterStatus } from '../api/proxmoxcluster-status.ts'
import { proxmoxVMSpec } from '../api/proxmoxvm.ts'
import { proxmoxVMStatus } from '../api/proxmoxvm-status.ts'
import { proxmoxVMBackupSpec, proxmoxVMBackupStatus } from '../api/proxmoxvmbackup.ts'
import { proxmoxVMCommandSpec, proxmoxVMCommandStatus } from '../api/proxmoxvmcommand.ts'
import { proxmoxVMConsoleSpec, proxmoxVMConsoleStatus } from '../api/proxmoxvmconsole.ts'
import { proxmoxVMSnapshotSpec, proxmoxVMSnapshotStatus } from '../api/proxmoxvmsnapshot.ts'
import { vmPackageSpec, vmPackageStatus } from '../api/vmpackage.ts'
import { type Column, ready, column, reason, age, wide, message, conditionColumn } from './columns.ts'

/** A kind as its CRD shows it. */
export interface Definition {
  resource: Resource<KubeObject>
  shortName: string
  description: string
  spec: z.ZodType
  status?: z.ZodType
  /** Its status reports something and says nothing of how far the spec is carried out: no observedGeneration is waited for. */
  isNeverAwaited?: true
  columns: readonly Column[]
  selectable: readonly string[]
  /** CEL rules over the whole object: the only place that sees metadata.name. */
  rules?: Record<string, unknown>
}

/** All kinds, in the order of the documentation. */
export const kinds: readonly Definition[] = [
  {
    resource: proxmoxVMs,
    shortName: 'pvm',
    description:
      'One virtual server on Proxmox VE: created, configured and started as its spec says; deleting the object deletes the server and frees its addresses.',
    spec: proxmoxVMSpec,
    status: proxmoxVMStatus,
    columns: [
      ready,
      column('Phase', '.status.phase', 'The VM in one word.'),
      column('Local-Status', '.status.localStatus', 'Last finished step of the creation.'),
      column('Power', '.status.remoteStatus', 'Power of the VM in PVE.'),
      column('IP', '.status.addresses[0].address', 'First address.'),
      column('Node', '.status.node', 'Node of PVE.'),
      column('VMID', '.status.vmid', 'VMID in PVE.', 'integer'),
      reason,
      age,
      wide(column('Hostname', '.status.hostname', 'Host name of the guest.')),
      wide(column('Guest-IP', '.status.guest.addresses[0]', 'First address that the guest agent reports; with DHCP the only one.')),
      wide(column('Package', '.spec.packageRef.name', 'The VMPackage.')),
      wide(
        column(
          'Traffic-Percent',
          '.status.usage.percent',
          'How much of the traffic limit of this period is used, as last written.',
          'integer',
        ),
      ),
      wide(column('Cluster', '.spec.clusterRef.name', 'The ProxmoxCluster.')),
      wide(column('Template', '.status.template.name', 'The template it was cloned from.')),
      wide(column('Step', '.status.step.name', 'What the operator works on.')),
      wide(column('Remarks', '.status.remarks', 'What you should know although the VM is Ready.')),
      message,
    ],
    selectable: ['.spec.clusterRef.name', '.spec.packageRef.name', '.status.phase', '.status.node', '.status.localStatus'],
    rules: rules({
      rule: 'self.metadata.name.size() <= 63',
      message: 'metadata.name: write at most 63 characters; it becomes the host name when nothing else names the VM',
    }),
  },
  {
    resource: ipPools,
    shortName: 'ipp',
    description: 'Addresses of one family and their network settings: prefix, gateway, name servers, bridge, VLAN.',
    spec: ipPoolSpec,
    status: ipPoolStatus,
    columns: [
      ready,
      column('Total', '.status.total', 'Addresses the pool may allocate.'),
      column('Allocated', '.status.allocated', 'Addresses held.'),
      column('Free', '.status.free', 'Addresses the next VM could get.'),
      reason,
      age,
      wide(column('Cooling', '.status.cooling', 'Released addresses that wait for reuseAfter.')),
      wide(column('Reserved', '.status.reserved', 'Addresses reserved for one VM each.')),
      wide(column('Gateway', '.spec.gateway', 'Default route of the guests.')),
      wide(column('Bridge', '.spec.network.bridge', 'Bridge of PVE.')),
      wide(column('VLAN', '.spec.network.vlan', 'VLAN tag.', 'integer')),
      message,
    ],
    selectable: ['.spec.scope'],
  },
  {
    resource: poolAddresses,
    shortName: 'paddr',
    description:
      'One address: who holds it, and who held it before. Named after the address: 203.0.113.10, or for IPv6 its eight full groups joined by "-".',
    spec: poolAddressSpec,
    columns: [
      column('State', '.spec.state', 'Allocated, Orphaned, Cooling or Released.'),
      column('Address', '.spec.address', 'The address.'),
      column('Pool', '.spec.poolRef.name', 'The pool it was taken from.'),
      column('Namespace', '.spec.claimRef.namespace', 'Namespace of the holder.'),
      column('VM', '.spec.claimRef.name', 'Name of the holder.'),
      column('Since', '.spec.claimRef.since', 'How long it has been held.', 'date'),
      age,
      wide(column('Scope', '.spec.scope', 'Uniqueness domain.')),
      wide(column('Released', '.spec.releasedAt', 'How long ago it was released.', 'date')),
    ],
    selectable: [
      '.spec.address',
      '.spec.poolRef.name',
      '.spec.state',
      '.spec.scope',
      '.spec.claimRef.namespace',
      '.spec.claimRef.name',
      '.spec.claimRef.uid',
    ],
    rules: rules({
      rule: "self.spec.address.contains(':') || self.metadata.name == self.spec.address + (self.spec.scope == 'default' ? '' : '.' + self.spec.scope)",
      message: 'metadata.name: name the object after its address, with .<scope> behind it in other scopes than default',
    }),
  },
  {
    resource: vmPackages,
    shortName: 'vmpkg',
    description: 'A package that is sold: processors, memory, disks, network, firewall and names, for many ProxmoxVMs.',
    spec: vmPackageSpec,
    status: vmPackageStatus,
    isNeverAwaited: true,
    columns: [
      column('Cores', '.spec.cpu.cores', 'Cores per socket.', 'integer'),
      column('Memory', '.spec.memory.size', 'Memory.'),
      column('Disk', '.spec.systemDisk.size', 'System disk.'),
      column('Rate-Mbit', '.spec.network.rateMbit', 'Network speed in Mbit/s.', 'integer'),
      column('Sellable', '.status.summary', 'How many more VMs of it each cluster can take now.'),
      age,
      wide(column('Sockets', '.spec.cpu.sockets', 'CPU sockets.', 'integer')),
      wide(column('CPU-Limit', '.spec.cpu.limit', 'Host CPU time in cores.')),
      wide(column('More-Disks', '.spec.additionalDisks[*].name', 'Names of the additional disks.')),
    ],
    selectable: [],
  },
  {
    resource: proxmoxClusters,
    shortName: 'pvecl',
    description: 'One Proxmox VE cluster: where its API is, with which token and trust, and which VMIDs the operator may use.',
    spec: proxmoxClusterSpec,
    status: proxmoxClusterStatus,
    columns: [
      ready,
      conditionColumn('Reachable', 'Reachable', 'status', 'Whether PVE answers.'),
      conditionColumn('Authorized', 'Authorized', 'status', 'Whether the token has every privilege.'),
      column('Nodes', '.status.nodesOnline', 'Nodes that are online, of all.'),
      column('Version', '.status.version', 'Version of PVE.'),
      reason,
      age,
      wide(column('Endpoint', '.spec.endpoints[0]', 'First endpoint.')),
      wide(column('VMIDs-From', '.spec.vmids.from', 'First VMID.', 'integer')),
      wide(column('VMIDs-To', '.spec.vmids.to', 'Last VMID.', 'integer')),
      message,
    ],
    selectable: [],
  },
  {
    resource: proxmoxVMCommands,
    shortName: 'pvcmd',
    description: 'One command on one ProxmoxVM, run once, with its result.',
    spec: proxmoxVMCommandSpec,
    status: proxmoxVMCommandStatus,
    columns: [
      column('VM', '.spec.vmRef.name', 'The VM.'),
      column('Command', '.spec.command', 'What to do.'),
      column('Phase', '.status.phase', 'The result, in one word.'),
      column('Message', '.status.message', 'The same as a sentence.'),
      age,
    ],
    selectable: ['.spec.vmRef.name'],
  },
  {
    resource: proxmoxVMConsoles,
    shortName: 'pvcons',
    description: 'One console session of one ProxmoxVM in a browser, with a URL that works once.',
    spec: proxmoxVMConsoleSpec,
    status: proxmoxVMConsoleStatus,
    columns: [
      column('VM', '.spec.vmRef.name', 'The VM.'),
      column('Phase', '.status.phase', 'The console in one word.'),
      column('Opened', '.status.openedAt', 'How long ago the URL was opened.', 'date'),
      column('By', '.status.openedBy', 'From which IP address.'),
      column('Message', '.status.message', 'The same as a sentence.'),
      age,
      wide(column('Display', '.spec.display', 'What is shown.')),
      wide(column('Ends', '.status.endsAt', 'When the session ends at the latest.')),
      wide(column('Secret', '.status.secretRef.name', 'The Secret with the URL.')),
    ],
    selectable: ['.spec.vmRef.name'],
  },
  {
    resource: proxmoxVMSnapshots,
    shortName: 'pvsnap',
    description: 'One snapshot of one ProxmoxVM, taken once; deleting the object deletes the snapshot.',
    spec: proxmoxVMSnapshotSpec,
    status: proxmoxVMSnapshotStatus,
    columns: [
      ready,
      column('VM', '.spec.vmRef.name', 'The VM.'),
      column('Snapshot', '.status.name', 'Name of the snapshot in PVE.'),
      column('Memory', '.status.withMemory', 'Whether the memory of the guest is in it.', 'boolean'),
      column('Created', '.status.createdAt', 'How long ago it was taken.', 'date'),
      column('Expires', '.status.expiresAt', 'When it is deleted by itself.'),
      reason,
      age,
      wide(column('Description', '.spec.description', 'What it is for.')),
      message,
    ],
    selectable: ['.spec.vmRef.name'],
  },
  {
    resource: proxmoxVMBackups,
    shortName: 'pvbak',
    description: 'One backup of one ProxmoxVM, made once, and the file it is in.',
    spec: proxmoxVMBackupSpec,
    status: proxmoxVMBackupStatus,
    columns: [
      column('VM', '.spec.vmRef.name', 'The VM.'),
      ready,
      column('Phase', '.status.phase', 'The result, in one word.'),
      column('Storage', '.status.storage', 'Storage it is on.'),
      column('Size', '.status.size', 'Size of the file.'),
      column('Created', '.status.createdAt', 'How long ago PVE began to make it.', 'date'),
      column('Protected', '.status.protected', 'Whether PVE protects the file.', 'string'),
      reason,
      age,
      wide(column('Origin', '.status.origin', 'Who asked for it.')),
      wide(column('Verified', '.status.verified', 'What the last verification found.')),
      wide(column('Expires', '.status.expiresAt', 'When retention deletes it.', 'date')),
      wide(column('Volume', '.status.volume', 'The file in PVE.')),
      message,
    ],
    selectable: ['.spec.vmRef.name'],
  },
  {
    resource: dnsZones,
    shortName: 'dnsz',
    description: 'A forward or reverse DNS zone and its server; the operator keeps the records of VMs in it.',
    spec: dnsZoneSpec,
    status: dnsZoneStatus,
    columns: [
      ready,
      column('Zone', '.spec.zone', 'Name of the zone.'),
      column('Provider', '.status.provider', 'Who serves it.'),
      column('Records', '.status.records', 'Record sets of VMs in it.', 'integer'),
      reason,
      age,
      wide(column('Serial', '.status.serial', 'Serial at the last check.', 'integer')),
      wide(column('Orphans', '.status.orphans[*].vm', 'Deleted VMs whose records the operator still removes.')),
      message,
    ],
    selectable: ['.spec.zone'],
  },
]
