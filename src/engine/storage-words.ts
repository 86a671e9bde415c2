/** How it is said that a storage cannot be used (pure). */
import type { StorageRow } from '../proxmox/listing.ts'

/** PVE lists no row for a storage that is disabled (pve-manager, API2::Cluster resources). Completes "Storage x is …". */
export const notThere = (row: StorageRow | undefined, storage: string, node: string): string =>
  row
    ? `not available on node ${node}`
    : `disabled, not for node ${node}, or hidden from the token (Datastore.Audit on /storage/${storage})`
