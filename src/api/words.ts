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
  identity: 'The operator sets the name, owner line, tags, start at boot and protection.',
  onboot: 'The operator switches start at boot.',
  keep_disk_sizes: 'The operator corrects a pending setting of a disk that would bring back an old size.',
  start: 'The operator starts the VM.',
  stop: 'The operator switches the VM off.',
  power_off: 'The operator shuts the VM down, because it is suspended or Halted.',
  rollback: 'PVE rolls the VM back to a snapshot.',
  put_back_network: 'The operator puts back the network cards beyond net0 of the former VM.',
  put_back_firewall: 'The operator puts back the firewall entries that people had added to the former VM.',
  delete_backups: 'The operator deletes the backups of the VM before the VM itself.',
  restore: 'PVE makes the VM from a backup.',
  remove: 'PVE deletes the VM with its disks and snapshots.',
} as const
export type StepName = LocalStatus | keyof typeof stepsBeside

/** Words of local status beside the ladder: work on a VM that was ready. Not ranks: the ladder's own words are in `localStatuses`. */
export const statusesBeside = {
  reinstall: 'The operator deletes the VM and then creates it again, step by step.',
  restore: 'PVE makes the VM from a backup; the operator then runs the steps again.',
  change_package: 'The operator applies another package or other addresses to a VM that was ready.',
  set_dns_records:
    'The operator writes DNS records, or waits for their server. The VM counts as ready for Start and for the condition Ready.',
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
