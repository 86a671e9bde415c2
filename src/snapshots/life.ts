/** How far a ProxmoxVMSnapshot has come, read from its status (pure). */
import type { ProxmoxVMSnapshot } from '../api/proxmoxvmsnapshot.ts'

/** The name in PVE: of its uid, so that a request whose answer was lost is found again and a second one is refused. */
export const snapshotName = ({ metadata }: ProxmoxVMSnapshot): string => `op-${(metadata.uid ?? '').replaceAll('-', '').slice(0, 8)}`

/** PVE was asked for it, or is about to be, and what became of that is not known. */
export const isOpen = ({ status }: ProxmoxVMSnapshot): boolean =>
  status?.upid !== undefined || (status?.intentAt !== undefined && status.createdAt === undefined && status.failedAt === undefined)

/** Still to be asked for. */
export const isPending = ({ status, metadata }: ProxmoxVMSnapshot): boolean =>
  metadata.deletionTimestamp === undefined && status?.intentAt === undefined && status?.failedAt === undefined

/** It takes its place in PVE: taken, or being taken or deleted. Counted by package.snapshots.max. */
export const takesPlace = ({ status }: ProxmoxVMSnapshot): boolean => status?.intentAt !== undefined && status.failedAt === undefined

/** Of this VM, not of a former one of its name. One that nobody has taken up yet is anybody's. */
export const isOf = ({ status }: ProxmoxVMSnapshot, vmUID: string): boolean => status?.vmUID === undefined || status.vmUID === vmUID

/** In the order in which they were made. */
export const inOrder = (snapshots: readonly ProxmoxVMSnapshot[]): ProxmoxVMSnapshot[] =>
  snapshots.toSorted((a, b) => timeOf(a).localeCompare(timeOf(b)))
const timeOf = ({ metadata }: ProxmoxVMSnapshot): string => `${metadata.creationTimestamp} ${metadata.name}`
