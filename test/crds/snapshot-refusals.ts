/** Bad manifests of snapshots, and of what a package allows of them; see refusals.ts. */
import type { Fields, Kind } from './manifests.ts'

const of = (kind: Kind) => (what: string, change: Fields, says: string) => ({ what, kind, change, says })
const snapshot = of('ProxmoxVMSnapshot')
const pack = of('VMPackage')
const command = of('ProxmoxVMCommand')

export const snapshotRefusals = [
  snapshot('no VM', { vmRef: null }, 'spec.vmRef: Required value'),
  snapshot('a ttl below a minute', { ttl: '30s' }, 'write a duration of at least 1m, such as 72h'),
  snapshot('a ttl in days', { ttl: '3d' }, 'write a duration of at least 1m, such as 72h'),
  snapshot('a description of two lines', { description: 'a\nb' }, 'write it on one line, without control characters'),
  command('a Rollback to nothing', { command: 'Rollback' }, 'snapshotRef: Rollback needs the name of a ProxmoxVMSnapshot'),
  command('a snapshot with Start', { snapshotRef: { name: 'a' } }, 'snapshotRef: Rollback needs the name of a ProxmoxVMSnapshot'),
  command('a Migrate to nowhere', { command: 'Migrate' }, 'node: Migrate needs the node to move to'),
  command('a node with options', { command: 'Migrate', node: 'pve2,x=1' }, 'write a name as PVE shows it, such as pve2'),
  command('local disks with Start', { withLocalDisks: true }, 'withLocalDisks: only Migrate takes it; leave it out'),
  pack('a negative number of snapshots', { snapshots: { max: -1 } }, 'should be greater than or equal to 0'),
  pack('snapshots kept for no time', { snapshots: { lifetime: '0s' } }, 'write a duration of at least 1m, such as 72h'),
]
