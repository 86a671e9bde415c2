/** The API group of every kind, and the names we leave on objects: labels, annotations and finalizers. */

export const group = 'pve.hosting'
export const version = 'v1alpha1'
export const apiVersion = `${group}/${version}` as const

/** Labels the billing bridge writes; naming macros and the record of former holders read them. */
export const clientIdLabel = 'pve.hosting/client-id'
export const serviceIdLabel = 'pve.hosting/service-id'

/** `"true"` on a ProxmoxVM: observe, change nothing. */
export const pausedAnnotation = 'pve.hosting/paused'

/** On a ProxmoxVM: a new value makes the operator look now; status.lookedFor has the value that was answered last. */
export const lookAnnotation = 'pve.hosting/look'

/** `"true"` on a ProxmoxVM that is being deleted: backups that cannot be looked at or deleted stay in PVE, and the object goes. */
export const abandonBackupsAnnotation = 'pve.hosting/abandon-backups'

/** On a ProxmoxVM: a new value makes the operator list its backup files now; status.backups.listedFor has the value that was answered last. */
export const listBackupsAnnotation = 'pve.hosting/list-backups'

/** On a ProxmoxVM: a new value makes the operator measure it now; status.figures.measuredFor has the value that was answered last. */
export const measureAnnotation = 'pve.hosting/measure'

/** On a ProxmoxVMBackup that the schedule made: `Schedule`. */
export const originLabel = 'pve.hosting/backup-origin'

/** On a ProxmoxVMBackup that the schedule made: the time of the schedule it is for. */
export const slotAnnotation = 'pve.hosting/backup-slot'

/** On a ProxmoxVM: the operator lets go of its VM for good and leaves the guest as it is. Values: the keys of `releaseModes`. */
export const letGoAnnotation = 'pve.hosting/release'
export const releaseModes = {
  'keep-mark': 'the guest keeps our mark, so that another object can adopt it',
  'hand-back': 'our mark and tag are taken off the guest',
} as const
export type ReleaseMode = keyof typeof releaseModes

/** On one of our CRDs: without it the API server refuses to delete the CRD. */
export const allowDeleteAnnotation = 'pve.hosting/allow-delete'

/** On a ProxmoxVM from before the first side effect until everything is given back. */
export const teardownFinalizer = 'pve.hosting/teardown'
/** On a ProxmoxVMSnapshot from before the request until the snapshot is gone from PVE, or its VM is. */
export const snapshotFinalizer = 'pve.hosting/snapshot'
/** On a PoolAddress that is held, and on an IPPool while an address of it is. */
export const heldFinalizer = 'pve.hosting/held'
/** On a ProxmoxVMBackup while PVE may be making its file, or has one that goes with the object. */
export const backupFinalizer = 'pve.hosting/backup-file'
/** On a ProxmoxCluster and its credentials Secret while a ProxmoxVM names it: without them nothing could be taken down. */
export const inUseFinalizer = 'pve.hosting/in-use'

/** `"true"` on a DNSZone that is being deleted: its records stay where they are and nobody looks after them any more. */
export const releaseAnnotation = 'pve.hosting/release-records'

/** On a ProxmoxCluster, RFC 3339: until then limits.deletions holds nobody back. A person writes it (`kubectl pve allow-deletions`). */
export const allowDeletionsAnnotation = 'pve.hosting/allow-deletions-until'

/** The uniqueness domain of pools that name none; its PoolAddresses carry no scope suffix in their name. */
export const defaultScope = 'default'
