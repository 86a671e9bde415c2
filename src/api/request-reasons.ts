/** The reasons of what somebody asks for once: consoles, commands, snapshots, backups and restores. */

export const requestReasons = {
  // consoles
  ConsoleWaiting: { who: 'user', means: 'The URL of the console is in its Secret and can be opened once.' },
  ConsoleOpen: { who: 'nobody', means: 'Somebody opened the URL; the session runs.' },
  ConsoleEnded: { who: 'nobody', means: 'The console has ended; the message says why. To look again, create another ProxmoxVMConsole.' },
  ConsolesOff: { who: 'admin', means: 'The ProxmoxCluster has no spec.console, so its VMs have no consoles.' },
  ConsoleDenied: { who: 'admin', means: 'The credentials for consoles lack VM.Console on the VM, or do not work with this display.' },
  NoSerialPort: { who: 'user', means: 'The VM has no serial port serial0; the display Serial needs one.' },
  // commands
  CommandRunning: { who: 'operator', means: 'The operator carries out the command.' },
  CommandFailed: { who: 'user', means: 'The command began and failed; the message has the reason of PVE. The operator does not retry it.' },
  PreconditionFailed: { who: 'user', means: 'The VM is not in the state the command needs; the message says which. Nothing was done.' },
  CommandTimedOut: { who: 'user', means: 'The command had not begun when its spec.timeout was over. Nothing was done.' },
  AnotherCommand: { who: 'user', means: 'Another command on the VM runs; write a new one when that has ended.' },
  VMLocked: { who: 'user', means: 'PVE holds a lock on the VM; write a new command when PVE has released it.' },
  VMNotFound: { who: 'user', means: 'The ProxmoxVM does not exist in the namespace of the command.' },
  // snapshots
  SnapshotTaken: { who: 'nobody', means: 'The snapshot exists in PVE.' },
  SnapshotPending: { who: 'operator', means: 'The operator has not asked PVE for the snapshot yet; the message says what it waits for.' },
  TakingSnapshot: { who: 'operator', means: 'PVE takes the snapshot.' },
  DeletingSnapshot: { who: 'operator', means: 'PVE deletes the snapshot; the operator deletes the object with it.' },
  QuotaExceeded: {
    who: 'user',
    means: 'The package of the VM allows no further snapshot, or none with such a long ttl; the message can be shown to the customer.',
  },
  SnapshotUnsupported: {
    who: 'admin',
    means: 'PVE cannot take a snapshot of the VM: the message names the disks whose storage or format does not allow it.',
  },
  SnapshotFailed: {
    who: 'user',
    means: 'PVE failed to take the snapshot; the message has the reason. The operator does not retry it: create another ProxmoxVMSnapshot.',
  },
  SnapshotGone: {
    who: 'user',
    means: 'The snapshot no longer exists in PVE: the VM was created again, or somebody deleted the snapshot. Delete the object.',
  },
  // backups
  BackupRunning: { who: 'operator', means: 'PVE makes the backup, or the operator looks for its result.' },
  BackupFailed: {
    who: 'user',
    means: 'The backup failed, and no file is left of it; the message has the reason of PVE. Create another one.',
  },
  BackupQuota: {
    who: 'user',
    means: 'The VM has as many backups as its package allows (backups.max); the backup begins when another one is deleted.',
  },
  BackupMissed: {
    who: 'admin',
    means: 'The schedule asked for a backup and none was made; the object of the backup, if it exists, says why.',
  },
  BackupPending: { who: 'operator', means: 'The package has a schedule, and its first backup is not due yet.' },
  BackupStorage: {
    who: 'user',
    means: 'No storage for the backup is named, or the named one cannot be used; the message names those of the node.',
  },
  RollingBack: { who: 'operator', means: 'PVE rolls the VM back to a snapshot, as the command Rollback asked.' },
  BackupNotFound: {
    who: 'user',
    means: 'The backup to restore from does not exist, belongs to another VM, or has no file; the message says which.',
  },
  BackupUnreadable: {
    who: 'user',
    means: 'PVE cannot read the configuration in the backup, or it has no disk. Nothing was deleted; name another backup.',
  },
  Restoring: { who: 'operator', means: 'PVE makes the VM from a backup, as spec.restore asked.' },
  RestoreFailed: {
    who: 'user',
    means: 'A restore failed; the message says whether the disks of the VM are lost, and which file is the only copy.',
  },
} as const
