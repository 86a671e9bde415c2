/** The backups of a VM that its schedule has asked for (pure). */
import { originLabel, slotAnnotation } from '../api/group.ts'
import type { ProxmoxVMBackup } from '../api/proxmoxvmbackup.ts'
import { isFinishedBackup } from './backup-status-draft.ts'

/** Of this VM, or not begun yet; without those that are being deleted. */
export const scheduledOf = (backups: readonly ProxmoxVMBackup[], vmUID: string): ProxmoxVMBackup[] =>
  backups.filter(
    ({ metadata, status }) =>
      metadata.labels?.[originLabel] === 'Schedule' && !metadata.deletionTimestamp && (status?.vmUID ?? vmUID) === vmUID,
  )

/** The time of the schedule it is for, ms since the epoch. */
export const slotOf = ({ metadata }: ProxmoxVMBackup): number =>
  Date.parse(metadata.annotations?.[slotAnnotation] ?? metadata.creationTimestamp ?? '')

export const madeOf = (backups: readonly ProxmoxVMBackup[]): ProxmoxVMBackup[] =>
  backups.filter(({ status }) => status?.phase === 'Succeeded')

/** When PVE began to make it, ms since the epoch. */
export const madeAtMs = ({ status }: ProxmoxVMBackup): number => Date.parse(status?.createdAt ?? '')

export const isUnfinished = (backup: ProxmoxVMBackup): boolean => !isFinishedBackup(backup)
