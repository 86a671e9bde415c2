/**
 * The words of a VM's status: local statuses, steps and phases. Reasons, events and condition types have files of their own.
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
  keep_disk_sizes: 'A pending setting of a disk is being corrected, which would bring back an old size.',
  start: 'The VM is being started.',
  stop: 'The VM is being switched off.',
  power_off: 'The VM is being shut down, since it is suspended or halted.',
  rollback: 'The VM is being rolled back to a snapshot.',
  put_back_firewall: "People's own firewall entries of the VM that was here before are being put back.",
  delete_backups: 'The VM goes, and its backups first.',
  restore: 'The VM is being made from a backup.',
  remove: 'The VM is being deleted, its disks and snapshots with it.',
} as const
export type StepName = LocalStatus | keyof typeof stepsBeside

/** Words of local status beside the ladder: work on a VM that was ready. Not ranks: the ladder's own words are in `localStatuses`. */
export const statusesBeside = {
  reinstall: 'The VM is being deleted; then it is created again, rung by rung.',
  restore: 'The VM is being made from a backup; then the ladder runs again.',
  change_package: 'Another package, or other addresses, are being applied to a VM that was ready.',
  set_dns_records: 'DNS records are being written, or wait for their server. Counts as ready for Start and for the condition Ready.',
} as const

export const phases = [
  'Pending',
  'Provisioning',
  'Running',
  'Stopped',
  'Suspended',
  'Changing',
  'Reinstalling',
  'Restoring',
  'Terminating',
  'Removed',
  'Released',
  'Missing',
  'Unknown',
] as const
export type Phase = (typeof phases)[number]
