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

export const phases = ['Pending', 'Provisioning', 'Running', 'Stopped', 'Terminating', 'Missing', 'Unknown'] as const
export type Phase = (typeof phases)[number]

/** States of a PoolAddress, written into its spec together with the change of holder. */
export const addressStates = {
  Allocated: 'Held by the ProxmoxVM in claimRef.',
  Orphaned: 'Held by a VM whose object is gone (deletionPolicy Orphan); delete the PoolAddress to free the address.',
  Cooling: 'Released; it is free again when reuseAfter of the pool has passed.',
  Released: 'Free; the object is kept for its record of former holders.',
} as const
export type AddressState = keyof typeof addressStates

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

/** Reasons of conditions and events: what it means and who acts. `who` is `operator` when waiting is enough. */
export const reasons = {
  // converged
  Ready: { who: 'nobody', means: 'The VM is as declared.' },
  Running: { who: 'nobody', means: 'The VM is as declared and running.' },
  Stopped: { who: 'nobody', means: 'The VM is as declared and off.' },
  Succeeded: { who: 'nobody', means: 'This part is as declared.' },
  // on the way
  Provisioning: { who: 'operator', means: 'The ladder is being climbed; status.step names the rung.' },
  Applying: { who: 'operator', means: 'An edit of the spec is being applied.' },
  Terminating: { who: 'operator', means: 'The VM is being taken down; its address is freed only when PVE confirms that it is gone.' },
  Queued: { who: 'operator', means: 'Waits for a clone slot of its node, first come first served; the message says the position.' },
  Locked: { who: 'operator', means: 'PVE holds a lock on the VM (a backup, for instance); nothing is changed until it goes.' },
  TaskRunning: { who: 'operator', means: 'A PVE task is under way; status.step.upid names it.' },
  Retrying: { who: 'operator', means: 'PVE refused or failed for a cause that may pass; it is tried again with growing pauses.' },
  NotConverging: { who: 'admin', means: 'PVE accepts a change and does not show it afterwards; the message names the setting.' },
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
  SecretConflict: { who: 'user', means: 'A Secret named <vm>-credentials exists and is not ours.' },
  NamingInvalid: { who: 'user', means: 'A naming macro is unknown, a label it needs is missing, or the result is no host name.' },
  HostnameTaken: { who: 'user', means: 'Another VM of this cluster object has the host name.' },
  // template, placement, clone
  TemplateNotFound: { who: 'user', means: 'No template of that name, VMID or tag is visible.' },
  TemplateAmbiguous: { who: 'user', means: 'Several different templates of that name or tag are on one node.' },
  TemplateNotTemplate: { who: 'admin', means: 'The guest found lacks the template flag in PVE; only templates are cloned.' },
  NoCapacity: { who: 'admin', means: 'No allowed, online node has the template and room; the message says what is short.' },
  NoCloudInitDrive: { who: 'admin', means: 'Cloud-init is wanted and the template has no cloud-init drive.' },
  VMIDTaken: { who: 'user', means: 'The pinned VMID belongs to a guest that is not ours; it is never adopted.' },
  VMIDsExhausted: { who: 'admin', means: 'Every VMID of the range is in use.' },
  StuckLock: { who: 'admin', means: 'The VM has lock clone and no task is running; an admin must run the qm unlock the message gives.' },
  TemplateChanged: { who: 'user', means: 'spec.template is no longer the template of the clone; editing it never reinstalls by itself.' },
  // package
  PackageOutdated: { who: 'user', means: 'The VMPackage is newer than the one in force for this VM; a changed packageRef takes it.' },
  DiskShrinkRefused: { who: 'user', means: 'A disk is larger than the package says; disks only grow.' },
  RestartRequired: { who: 'user', means: 'PVE takes the change only at the next cold start.' },
  NoRestartRequired: { who: 'nobody', means: 'Everything is in force in the running VM.' },
  DiskKept: { who: 'user', means: 'A disk that left the package stays attached (removalPolicy Keep).' },
  BridgeRequired: { who: 'user', means: 'Without an address from a pool the package must name the bridge.' },
  // firewall
  NotEnforced: { who: 'admin', means: 'The rules are written, but the datacenter firewall of PVE is off.' },
  // PVE
  Unreachable: { who: 'admin', means: 'PVE does not answer; nothing is concluded from that and nothing is lost.' },
  NodeOffline: { who: 'admin', means: 'The node of the VM is offline.' },
  PermissionDenied: { who: 'admin', means: 'The token lacks a privilege; the message names path and privilege.' },
  InvalidForPVE: { who: 'user', means: 'PVE refuses a value; the message has its words.' },
  StorageFull: { who: 'admin', means: 'The storage has no room.' },
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
  VMForeign: { who: 'admin', means: 'The guest under our VMID does not carry our mark; it is not touched.' },
  VMRunning: { who: 'user', means: 'Policy Remove deletes only a VM that is off.' },
  TeardownFailed: {
    who: 'admin',
    means: 'Taking down did not succeed yet; address, VMID and finalizer are kept and it is tried for ever.',
  },
  InUse: { who: 'user', means: 'It cannot go while something uses it; the message says what.' },
  // pools
  PoolReady: { who: 'nobody', means: 'The pool gives addresses.' },
  Exhausted: { who: 'admin', means: 'No address is free.' },
  NotExhausted: { who: 'nobody', means: 'Addresses are free.' },
  Overlapping: { who: 'admin', means: 'Another pool of the same scope has some of the same addresses; none is issued twice.' },
  NotOverlapping: { who: 'nobody', means: 'No other pool of the scope has these addresses.' },
  PoolInvalid: { who: 'admin', means: 'The pool contradicts itself in a way the API server could not see; the message names the field.' },
} as const satisfies Record<string, { who: 'nobody' | 'operator' | 'user' | 'admin'; means: string }>
export type Reason = keyof typeof reasons

/** Events: one when a wait begins, one for each finished step, one for what is worth knowing later. */
export const events = {
  StepFinished: 'A rung of the ladder was reached.',
  WaitBegan: 'The VM waits; the message says for what.',
  AddressAllocated: 'An address was taken from its pool.',
  AddressReleased: 'An address went back to its pool.',
  AddressOrphaned: 'An address stays held although its object is gone.',
  CloneStarted: 'The clone was asked for.',
  Ready: 'The VM became ready.',
  Started: 'The VM was started.',
  Terminated: 'The VM was taken down; the message notes date, VMID and addresses.',
  Orphaned: 'The object is gone, the VM stays in PVE untouched.',
  DriftRepaired: 'Somebody changed the VM in PVE; the message shows the difference that was put back.',
  TaskWarnings: 'A PVE task ended with warnings.',
  Missing: 'The VM vanished from PVE.',
  Failed: 'PVE refused or failed; the message has its words.',
} as const
export type EventReason = keyof typeof events
