/** Every reason of a condition, as docs/reasons.md shows it. */
import { dnsReasons } from './dns-reasons.ts'

/** Reasons of conditions and events: what it means and who acts. `who` is `operator` when waiting is enough. */
export const reasons = {
  // converged
  Ready: { who: 'nobody', means: 'The VM is as declared.' },
  Running: { who: 'nobody', means: 'The VM is as declared and running.' },
  Stopped: { who: 'nobody', means: 'The VM is as declared and off.' },
  Succeeded: { who: 'nobody', means: 'This part is as declared.' },
  Hibernated: { who: 'nobody', means: 'The VM is as declared and off, with its memory on disk (lock suspended); a start resumes it.' },
  MustResume: {
    who: 'user',
    means: 'The VM is hibernated, and PVE changes nothing of it until it is started; the message names what waits.',
  },
  // on the way
  Provisioning: { who: 'operator', means: 'The ladder is being climbed; status.step names the rung.' },
  Applying: { who: 'operator', means: 'An edit of the spec is being applied.' },
  Terminating: { who: 'operator', means: 'The VM is being taken down; its address is freed only when PVE confirms that it is gone.' },
  Queued: { who: 'operator', means: 'Waits for a clone slot of its node, first come first served; the message says the position.' },
  Locked: { who: 'operator', means: 'PVE holds a lock on the VM (a backup, for instance); nothing is changed until it goes.' },
  TaskRunning: { who: 'operator', means: 'A PVE task is under way; status.step.upid names it.' },
  Retrying: { who: 'operator', means: 'PVE refused or failed for a cause that may pass; it is tried again with growing pauses.' },
  NotConverging: { who: 'admin', means: 'PVE accepts a request and does not show its effect; it is repeated, at most every 30 s.' },
  Paused: { who: 'user', means: 'The annotation pve.hosting/paused is on the object; it is observed, not changed.' },
  // addresses
  AddressTaken: { who: 'user', means: 'The address asked for by name is held by another VM.' },
  AddressNotInPool: { who: 'user', means: 'The address asked for by name is not in the ranges of its pool.' },
  AddressExcluded: {
    who: 'user',
    means: 'The address asked for by name is excluded, reserved for somebody else, or the network, broadcast or gateway address.',
  },
  AddressCooling: {
    who: 'operator',
    means: 'The address asked for by name was released lately; it is free again after reuseAfter of its pool.',
  },
  AddressPending: { who: 'operator', means: 'The address is not taken from its pool yet.' },
  PoolExhausted: { who: 'admin', means: 'No address of the pool is free; the VM is served when one is released or the pool grows.' },
  PoolNotFound: { who: 'user', means: 'There is no IPPool of that name.' },
  PoolNotAllowed: { who: 'admin', means: 'The pool does not serve this namespace or this cluster.' },
  PoolsDisagree: { who: 'user', means: 'The pools of the addresses name different bridges or VLANs; the package must say which.' },
  PoolDeleting: { who: 'admin', means: 'The pool is being deleted and gives no new addresses.' },
  // references
  ClusterNotFound: { who: 'user', means: 'There is no ProxmoxCluster of that name.' },
  ClusterNotAllowed: { who: 'admin', means: 'The ProxmoxCluster does not serve this namespace.' },
  ClusterDeleting: { who: 'admin', means: 'The ProxmoxCluster is being deleted and takes no new VMs.' },
  ClusterNotReady: { who: 'admin', means: 'The ProxmoxCluster is not Ready; its own conditions say why.' },
  PackageNotFound: { who: 'user', means: 'There is no VMPackage of that name.' },
  PackageNotAllowed: { who: 'admin', means: 'The VMPackage does not serve this namespace.' },
  PackageInvalid: { who: 'user', means: 'The merged package is incomplete or contradicts itself; the message names the field.' },
  SecretNotFound: { who: 'user', means: 'The Secret or key of the cloud-init password does not exist.' },
  PasswordInvalid: { who: 'user', means: 'The password in the Secret has a line break or another control character inside.' },
  SecretConflict: { who: 'user', means: 'A Secret named <vm>-credentials exists and is not ours.' },
  NamingInvalid: { who: 'user', means: 'A naming macro is unknown, a label it needs is missing, or the result is not a valid host name.' },
  HostnameTaken: { who: 'user', means: 'Another VM of this cluster object has the host name.' },
  // template, placement, clone
  TemplateNotFound: { who: 'user', means: 'No template of that name, VMID or tag is visible.' },
  TemplateInvalid: { who: 'admin', means: 'The template boots from a disk that it does not have.' },
  TemplateAmbiguous: { who: 'user', means: 'Several different templates of that name or tag are on one node.' },
  TemplateNotTemplate: { who: 'admin', means: 'The guest found lacks the template flag in PVE; only templates are cloned.' },
  NoCapacity: { who: 'admin', means: 'No allowed, online node has the template and room; the message says what is short.' },
  NoCloudInitDrive: {
    who: 'admin',
    means: 'Template or VM has no cloud-init drive, through which spec.cloudInit and pool addresses reach the guest.',
  },
  VMIDTaken: { who: 'user', means: 'The pinned VMID belongs to a guest that is not ours; it is never adopted.' },
  VMIDsExhausted: { who: 'admin', means: 'Every VMID of the range is in use.' },
  StuckLock: {
    who: 'admin',
    means: 'PVE holds a lock on the VM and no task works on it; an admin must run on its node what the message says.',
  },
  TemplateChanged: { who: 'user', means: 'spec.template is no longer the template of the clone; editing it never reinstalls by itself.' },
  // package
  PackageOutdated: { who: 'user', means: 'The VMPackage was edited since this VM took it; the command ChangePackage takes the newer one.' },
  DiskShrinkRefused: { who: 'user', means: 'A disk is larger than the package says; disks only grow.' },
  RestartRequired: { who: 'user', means: 'PVE takes the change only at the next cold start.' },
  NoRestartRequired: { who: 'nobody', means: 'Everything is in force in the running VM.' },
  DiskKept: {
    who: 'user',
    means: 'A disk that left the package is kept: by its removalPolicy Keep, as the VM is protected in PVE, or as it has snapshots.',
  },
  Observing: { who: 'admin', means: 'The ProxmoxCluster is in mode Observe: the message says what would be done.' },
  BridgeNotFound: { who: 'user', means: 'The node has no bridge of that name that the token may use.' },
  StorageNotFound: { who: 'user', means: 'No node has the storage that a disk is to be on, or the storage takes no disks.' },
  BridgeRequired: { who: 'user', means: 'Without an address from a pool the package must name the bridge.' },
  ChangingPackage: {
    who: 'operator',
    means: 'Another package is being applied; the message lists field: old → new, and whether the VM is stopped for it.',
  },
  // firewall
  NotEnforced: { who: 'admin', means: 'The rules are written, but the datacenter firewall of PVE is off.' },
  // PVE
  Unreachable: { who: 'admin', means: 'PVE does not answer; nothing is concluded from that and nothing is lost.' },
  ClusterChanged: {
    who: 'admin',
    means:
      'Another PVE than the one on record answers at the endpoints: nothing is written there and nothing is concluded about VMs. Put the endpoints right, or confirm the new one in spec.identity of the ProxmoxCluster.',
  },
  ListingDoubtful: {
    who: 'admin',
    means:
      'PVE does not list VMs that may well be there, many at once or against what it says elsewhere; none is taken for gone. The message names the privilege that shows them.',
  },
  NodeOffline: {
    who: 'admin',
    means: 'The node of the VM, or a node of the cluster, is offline; nothing is known of the power of its VMs and nothing is concluded.',
  },
  ClusterUnreachable: {
    who: 'admin',
    means: 'PVE has not answered for 5 minutes, so nobody knows how the VM is. Nothing is lost: the next listing shows it.',
  },
  NodesOnline: { who: 'nobody', means: 'Every node of the cluster is online.' },
  FiguresFresh: { who: 'nobody', means: 'Every node that is online tells the state of its guests.' },
  FiguresMissing: {
    who: 'admin',
    means:
      'A node is online and its pvestatd has told nothing for 5 minutes. VMs keep their state; the message has the command for the node.',
  },
  GuestPaused: {
    who: 'admin',
    means: 'The VM has power and its guest stands still (paused); the message has the command that resumes it.',
  },
  GuestIOError: {
    who: 'admin',
    means: 'PVE stopped the guest because a disk could not be read or written, usually a storage that is full or away.',
  },
  BecameTemplate: {
    who: 'admin',
    means: 'Somebody turned the VM into a template of PVE, which cannot be started. It is not touched; the message says the ways out.',
  },
  HaPending: {
    who: 'operator',
    means: 'High availability was asked to start or stop the VM and does so in its own time, 10 to 30 s as a rule.',
  },
  HaError: {
    who: 'admin',
    means: 'High availability holds the VM in state error and takes no order; the message has the commands that clear it.',
  },
  PermissionDenied: { who: 'admin', means: 'The token lacks a privilege; the message names path and privilege.' },
  InvalidForPVE: { who: 'user', means: 'PVE refuses a value; the message has its words.' },
  StorageFull: { who: 'admin', means: 'The storage has no room.' },
  StorageOff: { who: 'admin', means: 'A storage with disks of the VM is off, or its node does not reach it.' },
  VolumeLeft: {
    who: 'admin',
    means:
      'A volume with the VMID of this VM is on the storage already and in the way; the message says how an admin finds and deletes it.',
  },
  Protected: { who: 'admin', means: 'Protection is set in PVE.' },
  Unauthorized: { who: 'admin', means: 'PVE does not know the token or its secret.' },
  NoQuorum: { who: 'admin', means: 'The PVE cluster has no quorum: reads work, writes do not.' },
  MissingPrivileges: { who: 'admin', means: 'The token lacks privileges; status.missingPrivileges lists them.' },
  CredentialsNotFound: { who: 'admin', means: 'The Secret of the ProxmoxCluster or one of its keys does not exist.' },
  TLSUntrusted: { who: 'admin', means: 'The certificate of the endpoint matches neither the CA nor a fingerprint.' },
  UnsupportedVersion: { who: 'admin', means: 'The PVE is older than 8; the message says which it is.' },
  Reachable: { who: 'nobody', means: 'PVE answers.' },
  // life
  VMMissing: { who: 'admin', means: 'The VM was ready and is gone from PVE; it is never cloned again by itself.' },
  OwnedByFormerObject: {
    who: 'admin',
    means:
      'A guest in PVE belongs to a former object of this name. Nothing is created beside it; the message names the guest and the command that takes it over.',
  },
  AdoptMismatch: { who: 'user', means: 'The guest is not the one that spec.adopt describes; the message says what differs.' },
  AdoptNotAllowed: {
    who: 'admin',
    means:
      'The guest carries no mark of ours and its VMID is not in spec.adoption.vmids of the ProxmoxCluster, so it must not be taken over.',
  },
  AdoptReported: {
    who: 'user',
    means: 'spec.adopt asks for a report only. The condition Adoptable and `kubectl pve plan` have it; mode: Take makes the guest this VM.',
  },
  Adoptable: { who: 'user', means: 'The guest of spec.adopt can be taken over as it is; the message says what differs from the spec.' },
  LookingForGuests: { who: 'operator', means: 'Guests in PVE with our tag are read first: one of them may be this VM.' },
  VMForeign: { who: 'admin', means: 'The guest under our VMID does not carry our mark; it is not touched.' },
  DeletionProtected: {
    who: 'user',
    means:
      'The object was deleted although spec.deletionProtection is true, with its namespace for instance; the VM is kept until the flag is off, or until `kubectl pve release`.',
  },
  CRDDeleting: {
    who: 'admin',
    means:
      'A CustomResourceDefinition of pve.hosting is being deleted, which deletes every object of its kind; no VM is taken down for that. docs/uninstall.md says how to go on.',
  },
  Released: {
    who: 'user',
    means: 'The object has let go of its VM for good (annotation pve.hosting/release); the guest is as it was. Delete the object.',
  },
  ReleaseInvalid: { who: 'user', means: 'The annotation pve.hosting/release has a value the operator does not know; nothing is done.' },
  TooManyDeletions: {
    who: 'admin',
    means:
      'As many VMs of the cluster were destroyed lately as limits.deletions allows; this one waits for its turn, or for `kubectl pve allow-deletions`.',
  },
  VMRunning: { who: 'user', means: 'Policy Remove deletes only a VM that is off.' },
  WouldBeLost: {
    who: 'admin',
    means:
      'The VM has something in PVE that a reinstall or Remove would lose and cannot put back (high availability, replication, very many firewall entries); the message says what an admin can do.',
  },
  BackupsUnseen: {
    who: 'admin',
    means:
      'The VM is gone and its addresses are free; its backups are on a storage or node that is off. The message names it; the annotation pve.hosting/abandon-backups gives them up.',
  },
  InUse: { who: 'user', means: 'It cannot go while something uses it; the message says what.' },
  Suspended: { who: 'user', means: 'The VM is off because spec.suspensions has an entry; the message names its holders.' },
  Suspending: { who: 'operator', means: 'spec.suspensions has an entry and the VM is being shut down.' },
  NotSuspended: { who: 'nobody', means: 'spec.suspensions is empty.' },
  Reinstalling: { who: 'operator', means: 'The VM is being reinstalled, as spec.reinstall or the command Reinstall asked.' },
  Removed: { who: 'user', means: 'The command Remove deleted the VM; the commands Clone and Reinstall bring it back.' },
  // consoles
  ConsoleWaiting: { who: 'user', means: 'The URL of the console is in its Secret and can be opened, once.' },
  ConsoleOpen: { who: 'nobody', means: 'The URL was opened; the session is under way.' },
  ConsoleEnded: { who: 'nobody', means: 'The console is over; the message says why. For another look make another ProxmoxVMConsole.' },
  ConsolesOff: { who: 'admin', means: 'The ProxmoxCluster has no spec.console, so there are no consoles of its VMs.' },
  ConsoleDenied: { who: 'admin', means: 'The credentials for consoles lack VM.Console on the VM, or are not what this display takes.' },
  NoSerialPort: { who: 'user', means: 'The VM has no serial port serial0; the display Serial needs one.' },
  // commands
  CommandRunning: { who: 'operator', means: 'The command is being carried out.' },
  CommandFailed: { who: 'user', means: 'The command was begun and failed; the message has the words of PVE. It is not tried again.' },
  PreconditionFailed: { who: 'user', means: 'The VM is not in the state the command needs; the message says which. Nothing was done.' },
  CommandTimedOut: { who: 'user', means: 'The command had not begun when its spec.timeout was over. Nothing was done.' },
  AnotherCommand: { who: 'user', means: 'Another command on the VM is under way; write a new one when it has finished.' },
  VMLocked: { who: 'user', means: 'PVE holds a lock on the VM; write a new command when it is gone.' },
  VMNotFound: { who: 'user', means: 'There is no ProxmoxVM of that name in the namespace of the command.' },
  // snapshots
  SnapshotTaken: { who: 'nobody', means: 'The snapshot is in PVE.' },
  SnapshotPending: { who: 'operator', means: 'The snapshot is not asked for yet; the message says what it waits for.' },
  TakingSnapshot: { who: 'operator', means: 'PVE takes the snapshot.' },
  DeletingSnapshot: { who: 'operator', means: 'PVE deletes the snapshot; the object goes with it.' },
  QuotaExceeded: {
    who: 'user',
    means: 'The package of the VM allows no further snapshot, or none that is kept so long; the message can be shown to the customer.',
  },
  SnapshotUnsupported: {
    who: 'admin',
    means: 'PVE can take no snapshot of the VM: the message names the disks whose storage or format does not allow it.',
  },
  SnapshotFailed: {
    who: 'user',
    means: 'PVE failed to take the snapshot; the message has its words. It is not tried again: make another ProxmoxVMSnapshot.',
  },
  SnapshotGone: {
    who: 'user',
    means: 'The snapshot is no longer in PVE: the VM was made again, or somebody deleted it. Delete the object.',
  },
  // backups
  BackupRunning: { who: 'operator', means: 'PVE makes the backup, or the operator finds out what became of it.' },
  BackupFailed: { who: 'user', means: 'The backup failed, and no file is left of it; the message has the words of PVE. Make another one.' },
  BackupQuota: {
    who: 'user',
    means: 'The VM has as many backups as its package allows (backups.max); it goes on when another one is deleted.',
  },
  BackupMissed: {
    who: 'admin',
    means: 'The time of a backup by the schedule has passed, and none was made; the object of the backup, if there is one, says why.',
  },
  BackupPending: { who: 'operator', means: 'The package has a schedule, and its first backup is not due yet.' },
  BackupStorage: { who: 'user', means: 'No storage for the backup, or more than one; the message names those of the node.' },
  RollingBack: { who: 'operator', means: 'The VM is being rolled back to a snapshot, as the command Rollback asked.' },
  BackupNotFound: {
    who: 'user',
    means: 'The backup to restore from is not there, is of another VM, or has no file; the message says which.',
  },
  BackupUnreadable: {
    who: 'user',
    means: 'PVE cannot read the configuration in the backup, or it has no disk. Nothing was deleted; name another backup.',
  },
  Restoring: { who: 'operator', means: 'The VM is being made from a backup, as spec.restore asked.' },
  RestoreFailed: {
    who: 'user',
    means: 'A restore failed; the message says whether the disks of the VM are gone, and which file is the only copy.',
  },
  // guests
  GuestAnswers: { who: 'nobody', means: 'The agent in the guest answers, and the guest has its addresses.' },
  AgentSilent: { who: 'user', means: 'The guest agent is enabled and does not answer; the VM itself is as declared.' },
  GuestAddressMissing: {
    who: 'user',
    means: 'The agent answers, and the guest has not brought up its address; the message says which it has.',
  },
  // pools
  PoolReady: { who: 'nobody', means: 'The pool gives addresses.' },
  Exhausted: { who: 'admin', means: 'No address is free.' },
  NotExhausted: { who: 'nobody', means: 'Addresses are free.' },
  Overlapping: { who: 'admin', means: 'Another pool of the same scope has some of the same addresses; none is issued twice.' },
  NotOverlapping: { who: 'nobody', means: 'No other pool of the scope has these addresses.' },
  PoolInvalid: { who: 'admin', means: 'The pool contradicts itself in a way the API server could not see; the message names the field.' },
  ...dnsReasons,
} as const satisfies Record<string, { who: 'nobody' | 'operator' | 'user' | 'admin'; means: string }>
export type Reason = keyof typeof reasons
