/** Condition types of each kind, in the order in which they are written. */

/** Condition types of a ProxmoxVM, in the order in which they are written. */
export const vmConditions = [
  'Ready',
  'AddressesAllocated',
  'Cloned',
  'Adoptable',
  'TemplateApplied',
  'PackageApplied',
  'NetworkConfigured',
  'FirewallConfigured',
  'CloudInitConfigured',
  'DNSSynced',
  'BackedUp',
  'TrafficWithinLimit',
  'Suspended',
  'RestartRequired',
  'GuestReady',
  'Paused',
  'Reconciling',
  'Stalled',
] as const
export type VmCondition = (typeof vmConditions)[number]

/** Condition types of an IPPool. */
export const poolConditions = ['Ready', 'Exhausted', 'Overlapping', 'Reconciling', 'Stalled'] as const
export type PoolCondition = (typeof poolConditions)[number]

/** Condition types of a ProxmoxCluster. */
export const clusterConditions = ['Ready', 'Reachable', 'Authorized', 'NodesOnline', 'FiguresFresh', 'Reconciling', 'Stalled'] as const
export type ClusterCondition = (typeof clusterConditions)[number]

/** Condition types of a ProxmoxVMCommand. */
export const commandConditions = ['Ready', 'Complete', 'Failed', 'Reconciling', 'Stalled'] as const
export type CommandCondition = (typeof commandConditions)[number]

/** Condition types of a ProxmoxVMConsole. */
export const consoleConditions = ['Ready', 'Reconciling', 'Stalled'] as const
export type ConsoleCondition = (typeof consoleConditions)[number]

/** Condition types of a ProxmoxVMSnapshot. */
export const snapshotConditions = ['Ready', 'Reconciling', 'Stalled'] as const
export type SnapshotCondition = (typeof snapshotConditions)[number]

/** Condition types of a ProxmoxVMBackup. */
export const backupConditions = ['Ready', 'Reconciling', 'Stalled'] as const
export type BackupCondition = (typeof backupConditions)[number]

/** Condition types of a DNSZone. */
export const zoneConditions = ['Ready', 'Reachable', 'Reconciling', 'Stalled'] as const
export type ZoneCondition = (typeof zoneConditions)[number]
