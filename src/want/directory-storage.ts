/** Storages that keep disks as files, where only qcow2 can be snapshotted. */

/** Not btrfs: it snapshots raw files itself and takes no qcow2 (pve-storage BTRFSPlugin, `plugindata`). */
const directoryTypes: ReadonlySet<string> = new Set(['dir', 'nfs', 'cifs', 'cephfs', 'glusterfs'])

/** Whether a disk on a storage of that type (PVE's name of its plugin) must be asked for as qcow2. Undefined: the type is unknown. */
export const needsQcow2 = (pluginType: string | undefined): boolean => directoryTypes.has(pluginType ?? '')
