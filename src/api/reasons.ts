/** Every reason of a condition, as docs/reasons.md shows it. */
import { dnsReasons } from './dns-reasons.ts'
import { requestReasons } from './request-reasons.ts'

/** Reasons of conditions and events: what it means and who acts. `who` is `operator` when waiting is enough. */
export const reasons = {
  // converged
  Ready: { who: 'nobody', means: 'The VM matches its spec.' },
  Running: { who: 'nobody', means: 'The VM matches its spec and runs.' },
  Stopped: { who: 'nobody', means: 'The VM matches its spec and is off.' },
  Succeeded: { who: 'nobody', means: 'This part matches the spec.' },
  Hibernated: { who: 'nobody', means: 'The VM matches its spec and is off, with its memory on disk (lock suspended); a start resumes it.' },
  MustResume: {
    who: 'user',
    means: 'The VM is hibernated, and PVE refuses every change of a hibernated VM; the message says what waits until the VM is started.',
  },
  // on the way
  Provisioning: { who: 'operator', means: 'The operator creates the VM step by step; status.step names the current step.' },
  Applying: { who: 'operator', means: 'The operator applies an edit of the spec.' },
  Terminating: {
    who: 'operator',
    means: 'The operator deletes the VM; its addresses become free only when PVE confirms that the VM no longer exists.',
  },
  Queued: {
    who: 'operator',
    means: 'The VM waits for a clone slot of its node, first come first served; the message has the position in the queue.',
  },
  Locked: {
    who: 'operator',
    means: 'PVE holds a lock on the VM (during a backup, for example); the operator changes nothing until PVE releases it.',
  },
  TaskRunning: { who: 'operator', means: 'A PVE task runs; status.step.upid names it.' },
  Retrying: { who: 'operator', means: 'PVE refused or failed for a cause that may pass; the operator retries with growing pauses.' },
  NotConverging: {
    who: 'admin',
    means: 'PVE accepts a request but does not show its effect; the operator repeats the request at most every 30 s.',
  },
  Paused: { who: 'user', means: 'The object has the annotation pve.hosting/paused: the operator observes the VM and does not change it.' },
  // addresses
  AddressTaken: { who: 'user', means: 'Another VM has the address that spec.addresses asks for.' },
  AddressNotInPool: { who: 'user', means: 'The address that spec.addresses asks for is not in the ranges of its pool.' },
  AddressExcluded: {
    who: 'user',
    means: 'The address that spec.addresses asks for is excluded, reserved for another VM, or the network, broadcast or gateway address.',
  },
  AddressCooling: {
    who: 'operator',
    means: 'The address that spec.addresses asks for was released recently; it is free again after reuseAfter of its pool.',
  },
  AddressPending: { who: 'operator', means: 'The operator has not taken the address from its pool yet.' },
  PoolExhausted: { who: 'admin', means: 'No address of the pool is free; the VM gets one when an address is released or the pool grows.' },
  PoolNotFound: { who: 'user', means: 'The IPPool does not exist.' },
  PoolNotAllowed: { who: 'admin', means: 'The pool does not serve this namespace or this cluster.' },
  PoolsDisagree: {
    who: 'user',
    means: 'The pools of the addresses name different bridges or VLANs; write the right one into the package.',
  },
  PoolDeleting: { who: 'admin', means: 'The pool is being deleted and allocates no new addresses.' },
  // references
  ClusterNotFound: { who: 'user', means: 'The ProxmoxCluster does not exist.' },
  ClusterNotAllowed: { who: 'admin', means: 'The ProxmoxCluster does not serve this namespace.' },
  ClusterDeleting: { who: 'admin', means: 'The ProxmoxCluster is being deleted and accepts no new VMs.' },
  ClusterNotReady: { who: 'admin', means: 'The ProxmoxCluster is not Ready; its own conditions say why.' },
  PackageNotFound: { who: 'user', means: 'The VMPackage does not exist.' },
  PackageNotAllowed: { who: 'admin', means: 'The VMPackage does not serve this namespace.' },
  PackageInvalid: { who: 'user', means: 'The merged package is incomplete or contradicts itself; the message names the field.' },
  SecretNotFound: { who: 'user', means: 'The Secret of the cloud-init password does not exist or lacks the key.' },
  PasswordInvalid: { who: 'user', means: 'The password in the Secret contains a line break or another control character.' },
  SecretConflict: { who: 'user', means: 'A Secret named <vm>-credentials exists and does not belong to this VM.' },
  NamingInvalid: { who: 'user', means: 'A naming macro is unknown, a label it needs is missing, or the result is not a valid host name.' },
  HostnameTaken: { who: 'user', means: 'Another VM of this cluster object has the host name.' },
  // template, placement, clone
  TemplateNotFound: { who: 'user', means: 'The cluster has no template of that name, VMID or tag that the token can see.' },
  TemplateInvalid: { who: 'admin', means: 'The template boots from a disk that it does not have.' },
  TemplateAmbiguous: { who: 'user', means: 'Several different templates of that name or tag are on one node.' },
  TemplateNotTemplate: {
    who: 'admin',
    means: 'The guest that spec.template names is not a PVE template; the operator clones only templates.',
  },
  NoCapacity: {
    who: 'admin',
    means: 'No node that is online and allowed has both the template and enough capacity; the message says what is missing.',
  },
  NoCloudInitDrive: {
    who: 'admin',
    means: 'Template or VM has no cloud-init drive, through which spec.cloudInit and pool addresses reach the guest.',
  },
  VMIDTaken: { who: 'user', means: 'The VMID in spec.vmid belongs to another guest; the operator never takes it over.' },
  VMIDsExhausted: { who: 'admin', means: 'Every VMID of the range is in use.' },
  StuckLock: {
    who: 'admin',
    means: 'PVE holds a lock on the VM and no task works on it; an admin must run the command in the message on its node.',
  },
  TemplateChanged: {
    who: 'user',
    means: 'spec.template is no longer the template the VM was cloned from; an edit of spec.template does not reinstall the VM.',
  },
  // package
  PackageOutdated: {
    who: 'user',
    means: 'The VMPackage was edited after this VM took it; the command ChangePackage applies the newer one.',
  },
  DiskShrinkRefused: { who: 'user', means: 'A disk is larger than the package says, and disks only grow.' },
  RestartRequired: { who: 'user', means: 'The change takes effect only at the next start from off.' },
  NoRestartRequired: { who: 'nobody', means: 'The running VM uses every setting.' },
  DiskKept: {
    who: 'user',
    means: 'A disk is no longer in the package and was kept, because of removalPolicy Keep, protection in PVE or snapshots.',
  },
  Observing: { who: 'admin', means: 'The ProxmoxCluster is in mode Observe: the message says what the operator would do.' },
  BridgeNotFound: { who: 'user', means: 'The node has no bridge of that name that the token may use.' },
  StorageNotFound: { who: 'user', means: 'No node has the storage of a disk, or the storage does not allow disks.' },
  BridgeRequired: { who: 'user', means: 'The VM has no address from a pool, so the package must name the bridge.' },
  ChangingPackage: {
    who: 'operator',
    means: 'The operator applies another package; the message lists field: old → new, and whether the VM stops for it.',
  },
  // firewall
  SystemDiskMissing: { who: 'admin', means: 'Somebody detached or moved the disk in PVE from which the VM starts.' },
  LinkDown: { who: 'admin', means: 'Somebody disconnected the network card of the VM in PVE (link_down), so nobody can reach the VM.' },
  NotEnforced: { who: 'admin', means: 'The firewall rules are written, but the datacenter firewall of PVE is off.' },
  // PVE
  Unreachable: { who: 'admin', means: 'PVE does not answer. The VMs keep running and keep their status; the operator retries.' },
  ClusterChanged: {
    who: 'admin',
    means:
      'Another PVE than before answers at the endpoints, so the operator writes nothing there and draws no conclusion about VMs. Correct the endpoints, or confirm the new one in spec.identity of the ProxmoxCluster.',
  },
  ListingDoubtful: {
    who: 'admin',
    means:
      'PVE does not list VMs that probably exist (many are missing at once, or PVE contradicts itself), so the operator treats none of them as deleted. The message names the privilege that shows them.',
  },
  NodeOffline: {
    who: 'admin',
    means: 'The node of the VM, or a node of the cluster, is offline. The operator cannot see whether its VMs run and changes nothing.',
  },
  ClusterUnreachable: {
    who: 'admin',
    means:
      'PVE has not answered for 5 minutes, so the state of the VM is unknown. The VM keeps running; the operator shows its state when PVE answers again.',
  },
  NodesOnline: { who: 'nobody', means: 'Every node of the cluster is online.' },
  FiguresFresh: { who: 'nobody', means: 'Every node that is online reports the state of its guests.' },
  FiguresMissing: {
    who: 'admin',
    means:
      'A node is online and its pvestatd has reported nothing for 5 minutes. VMs keep their last known state; the message has the command for the node.',
  },
  GuestPaused: {
    who: 'admin',
    means: 'The VM is on, but its guest is paused; the message has the command that resumes it.',
  },
  GuestIOError: {
    who: 'admin',
    means: 'PVE stopped the guest because a disk could not be read or written, usually because a storage is full or offline.',
  },
  BecameTemplate: {
    who: 'admin',
    means:
      'Somebody turned the VM into a PVE template, which cannot start. The operator does not touch it; the message says what you can do.',
  },
  HaPending: {
    who: 'operator',
    means: "The operator asked PVE's high availability to start or stop the VM; that usually takes 10 to 30 s.",
  },
  HaError: {
    who: 'admin',
    means: "PVE's high availability holds the VM in state error and accepts no request; the message has the commands that clear it.",
  },
  PermissionDenied: { who: 'admin', means: 'The token lacks a privilege; the message names path and privilege.' },
  InvalidForPVE: { who: 'user', means: 'PVE refuses a value; the message has its reason.' },
  StorageFull: { who: 'admin', means: 'The storage is full.' },
  StorageOff: { who: 'admin', means: 'A storage with disks of the VM is disabled, or its node cannot reach it.' },
  VolumeLeft: {
    who: 'admin',
    means: 'The storage already has a volume with the VMID of this VM; the message says how an admin finds and deletes it.',
  },
  Protected: { who: 'admin', means: 'The VM is protected in PVE (its protection flag is on).' },
  Unauthorized: { who: 'admin', means: 'PVE refuses the token or its secret.' },
  NoQuorum: { who: 'admin', means: 'The PVE cluster has no quorum: reads work, writes do not.' },
  MissingPrivileges: { who: 'admin', means: 'The token lacks privileges; status.missingPrivileges lists them.' },
  CredentialsNotFound: { who: 'admin', means: 'The Secret of the ProxmoxCluster or one of its keys does not exist.' },
  TLSUntrusted: { who: 'admin', means: 'The certificate of the endpoint matches neither the CA nor a fingerprint.' },
  UnsupportedVersion: { who: 'admin', means: 'The PVE is older than 8; the message says which it is.' },
  Reachable: { who: 'nobody', means: 'PVE answers.' },
  // life
  VMMissing: {
    who: 'admin',
    means: 'The VM was ready and no longer exists in PVE; the operator does not create it again without a command.',
  },
  OwnedByFormerObject: {
    who: 'admin',
    means:
      'A guest in PVE belongs to a former object of this name, so the operator creates nothing; the message names the guest and the command that takes it over.',
  },
  AdoptMismatch: { who: 'user', means: 'The guest is not the one that spec.adopt describes; the message says what differs.' },
  AdoptNotAllowed: {
    who: 'admin',
    means:
      'The guest has no owner line of pve-operator and its VMID is not in spec.adoption.vmids of the ProxmoxCluster, so the operator may not take it over.',
  },
  AdoptReported: {
    who: 'user',
    means: 'spec.adopt asks for a report only. The condition Adoptable and `kubectl pve plan` show it; mode: Take makes the guest this VM.',
  },
  Adoptable: {
    who: 'user',
    means: 'The operator can take over the guest of spec.adopt as it is; the message says what differs from the spec.',
  },
  LookingForGuests: { who: 'operator', means: 'The operator first reads the guests in PVE with its tag: one of them may be this VM.' },
  VMForeign: { who: 'admin', means: 'The guest with the VMID of this VM belongs to somebody else; the operator does not touch it.' },
  DeletionProtected: {
    who: 'user',
    means:
      'The object was deleted although spec.deletionProtection is true (with its namespace, for example). The operator keeps the VM until the flag is false, or until `kubectl pve release`.',
  },
  CRDDeleting: {
    who: 'admin',
    means:
      'A CustomResourceDefinition of pve.hosting is being deleted, which deletes every object of its kind. The operator deletes no VM for that; docs/uninstall.md says what to do.',
  },
  Released: {
    who: 'user',
    means: 'The object was released from its VM (annotation pve.hosting/release); the guest stays as it was. Delete the object.',
  },
  ReleaseInvalid: {
    who: 'user',
    means: 'The annotation pve.hosting/release has a value the operator does not know, so it does nothing. Write keep-mark or hand-back.',
  },
  TooManyDeletions: {
    who: 'admin',
    means:
      'The cluster has reached limits.deletions, the number of VMs that may be destroyed in a time; this VM waits for its turn, or for `kubectl pve allow-deletions`.',
  },
  VMRunning: { who: 'user', means: 'The deletionPolicy Remove deletes only a VM that is off; shut the VM down.' },
  WouldBeLost: {
    who: 'admin',
    means:
      'The VM has something in PVE that a reinstall or Remove would lose for good (high availability, replication, very many firewall entries); the message says what an admin can do.',
  },
  BackupsUnseen: {
    who: 'admin',
    means:
      'The VM is deleted and its addresses are free, but its backups are on a storage or node that is offline. The message names it; the annotation pve.hosting/abandon-backups leaves the backups there.',
  },
  InUse: { who: 'user', means: 'The object cannot be deleted while something uses it; the message says what.' },
  Suspended: {
    who: 'user',
    means: 'The VM is off because spec.suspensions has an entry, or its traffic is used up; the message names the holders.',
  },
  Suspending: {
    who: 'operator',
    means: 'spec.suspensions has an entry, or the traffic of the VM is used up, and the operator shuts the VM down.',
  },
  NotSuspended: { who: 'nobody', means: 'spec.suspensions is empty, and traffic does not hold the VM off.' },
  Reinstalling: { who: 'operator', means: 'The operator reinstalls the VM, as spec.reinstall or the command Reinstall asked.' },
  Removed: { who: 'user', means: 'The command Remove deleted the VM; the commands Clone and Reinstall create it again.' },
  ...requestReasons,
  // traffic
  WithinTrafficLimit: { who: 'nobody', means: 'The VM has used less traffic than its package allows in this period.' },
  TrafficExceeded: {
    who: 'user',
    means:
      'The VM has used the traffic that its package allows in this period; the message says how much, when the period ends, and what follows. A higher limit ends it at once.',
  },
  // guests
  GuestAnswers: { who: 'nobody', means: 'The guest agent answers, and the guest has its addresses.' },
  AgentSilent: { who: 'user', means: 'The guest agent is enabled and does not answer; the VM itself matches its spec.' },
  GuestAddressMissing: {
    who: 'user',
    means: 'The guest agent answers, but the guest does not use its address; the message says which addresses it has.',
  },
  CloudInitFailed: {
    who: 'user',
    means:
      'cloud-init in the guest has noted errors in its last run; the message lists them. The guest may lack its user, keys or addresses.',
  },
  // pools
  PoolReady: { who: 'nobody', means: 'The pool can allocate addresses.' },
  Exhausted: { who: 'admin', means: 'No address is free.' },
  NotExhausted: { who: 'nobody', means: 'Addresses are free.' },
  Overlapping: {
    who: 'admin',
    means: 'Another pool of the same scope has some of the same addresses; the operator allocates none of them twice.',
  },
  NotOverlapping: { who: 'nobody', means: 'No other pool of the same scope has these addresses.' },
  PoolInvalid: { who: 'admin', means: 'The spec of the pool contradicts itself; the message names the field.' },
  ...dnsReasons,
} as const satisfies Record<string, { who: 'nobody' | 'operator' | 'user' | 'admin'; means: string }>
export type Reason = keyof typeof reasons
