/**
 * Every word that leaves the process as a local status, phase, condition type, reason or event.
 * `docs/reasons.md` is held to these tables by a test, so a word's description is written for the person who reads it at 3 a.m.
 */

/** The incumbent's local statuses, in the order of its manual. */
export const localStatuses = [
  'creation',
  'clone',
  'set_cpu_ram',
  'set_system_disk_size',
  'set_system_disk_bandwidth',
  'set_created_additional_disk',
  'set_additional_disk_size',
  'set_additional_disk_bandwidth',
  'set_network',
  'set_firewall',
  'set_cloudinit',
  'ready',
] as const
export type LocalStatus = (typeof localStatuses)[number]

/** Steps that are no rung of their own: shown in status.step.name, in history and as a label of a metric. */
const stepsBeside = {
  identity: 'Name, mark, tags, start at boot and protection are being set.',
  onboot: 'Start at boot is being switched.',
  start: 'The VM is being started.',
  stop: 'The VM is being switched off.',
  power_off: 'The VM is being shut down, since it is suspended or halted.',
  delete_backups: 'The VM goes, and its backups first.',
  delete_snapshots: 'The VM goes, and its snapshots first.',
  remove: 'The VM is being deleted.',
} as const
export type StepName = LocalStatus | keyof typeof stepsBeside

/** Words of local status beside the ladder: work on a VM that was ready. Not ranks: the ladder's own words are in `localStatuses`. */
export const statusesBeside = {
  reinstall: 'The VM is being deleted, to be made anew; then the ladder runs again.',
  change_package: 'Another package, or other addresses, are being applied to a VM that was ready.',
  set_dns_records: 'DNS records are being written. Counts as ready for Start and for the condition Ready.',
} as const

export const phases = [
  'Pending',
  'Provisioning',
  'Running',
  'Stopped',
  'Suspended',
  'Changing',
  'Reinstalling',
  'Terminating',
  'Removed',
  'Released',
  'Missing',
  'Unknown',
] as const
export type Phase = (typeof phases)[number]

/** States of a PoolAddress, written into its spec together with the change of holder. */
export const addressStates = {
  Allocated: 'Held by the ProxmoxVM in claimRef.',
  Orphaned: 'Held by a VM whose object is gone (deletionPolicy Orphan); delete the PoolAddress to free the address.',
  InUse: 'A guest in PVE that no ProxmoxVM owns is configured with it (inUse); given to nobody until the guest lets go of it.',
  Cooling: 'Released; it is free again when reuseAfter of the pool has passed.',
  Released: 'Free; the object is kept for its record of former holders.',
} as const
/** Condition types of a ProxmoxVM, in the order in which they are written. */
export const vmConditions = [
  'Ready',
  'AddressesAllocated',
  'Cloned',
  'TemplateApplied',
  'PackageApplied',
  'NetworkConfigured',
  'FirewallConfigured',
  'CloudInitConfigured',
  'DNSSynced',
  'Suspended',
  'RestartRequired',
  'Paused',
  'Reconciling',
  'Stalled',
] as const
export type VmCondition = (typeof vmConditions)[number]

/** Condition types of an IPPool. */
export const poolConditions = ['Ready', 'Exhausted', 'Overlapping', 'Reconciling', 'Stalled'] as const
export type PoolCondition = (typeof poolConditions)[number]

/** Condition types of a ProxmoxCluster. */
export const clusterConditions = ['Ready', 'Reachable', 'Authorized', 'Reconciling', 'Stalled'] as const
export type ClusterCondition = (typeof clusterConditions)[number]

/** Phases of a ProxmoxVMCommand. */
export const commandPhases = {
  Pending: 'Nothing was done yet.',
  Running: 'It is being carried out.',
  Succeeded: 'Done, or it was so already.',
  Failed: 'Refused or failed; the message says why. It is not tried again.',
} as const

/** Condition types of a ProxmoxVMCommand. */
export const commandConditions = ['Ready', 'Complete', 'Failed', 'Reconciling', 'Stalled'] as const
export type CommandCondition = (typeof commandConditions)[number]

/** Condition types of a DNSZone. */
export const zoneConditions = ['Ready', 'Reachable', 'Reconciling', 'Stalled'] as const
export type ZoneCondition = (typeof zoneConditions)[number]
