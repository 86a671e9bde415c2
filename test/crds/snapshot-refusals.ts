/** Bad manifests of snapshots and of VMs made from backups, and of what a package allows of them; see refusals.ts. */
import type { Fields, Kind } from './manifests.ts'

const of = (kind: Kind) => (what: string, change: Fields, says: string) => ({ what, kind, change, says })
const snapshot = of('ProxmoxVMSnapshot')
const pack = of('VMPackage')
const command = of('ProxmoxVMCommand')
const vm = of('ProxmoxVM')

export const snapshotRefusals = [
  snapshot('no VM', { vmRef: null }, 'spec.vmRef: Required value'),
  snapshot('a ttl below a minute', { ttl: '30s' }, 'write a duration of at least 1m, such as 72h'),
  snapshot('a ttl in days', { ttl: '3d' }, 'write a duration of at least 1m, such as 72h'),
  snapshot('a description of two lines', { description: 'a\nb' }, 'write it on one line, without control characters'),
  command('a Rollback to nothing', { command: 'Rollback' }, 'snapshotRef: Rollback needs the name of a ProxmoxVMSnapshot'),
  command('a snapshot with Start', { snapshotRef: { name: 'a' } }, 'snapshotRef: Rollback needs the name of a ProxmoxVMSnapshot'),
  command('a Migrate to nowhere', { command: 'Migrate' }, 'node: Migrate needs the node to move to'),
  command('a node with options', { command: 'Migrate', node: 'pve2,x=1' }, 'write a name as PVE shows it, such as pve2'),
  command('local disks with Start', { withLocalDisks: true }, 'withLocalDisks: only Migrate has it; remove the field'),
  pack('a negative number of snapshots', { snapshots: { max: -1 } }, 'should be greater than or equal to 0'),
  pack('snapshots kept for no time', { snapshots: { lifetime: '0s' } }, 'write a duration of at least 1m, such as 72h'),
  vm('a template and a backup', { template: { backupRef: { name: 'b' } } }, 'template: write exactly one of name, vmid, tag and backupRef'),
  vm(
    'a backup named twice',
    { template: { name: null, backupRef: { name: 'b', volume: 'pbs:backup/vm/100/x' } } },
    'backupRef: write exactly one of name and volume',
  ),
  vm(
    'a linked clone of a backup',
    { template: { name: null, clone: 'Linked', backupRef: { name: 'b' } } },
    'a VM from a backup has disks of its own; leave clone out',
  ),
  vm(
    'a reinstall from a backup',
    { reinstall: { requestID: '1', template: { backupRef: { name: 'b' } } } },
    'unknown field "spec.reinstall.template.backupRef"',
  ),
]
