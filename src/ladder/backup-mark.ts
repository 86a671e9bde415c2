/** The text in PVE by which a backup is known as ours: a line of its notes, printed and read (pure). */

/** What the notes of a backup say. */
export interface BackupMark {
  /** uid of the ProxmoxVMBackup. */
  readonly uid: string
  /** uid of the ProxmoxVM it is of. */
  readonly vm: string
}

export const printBackupMark = ({ uid, vm }: BackupMark): string => `pve.hosting/backup uid=${uid} vm=${vm}`

/** Undefined: somebody else's backup, or one that an administrator wrote other notes to. The last one counts: what people write stands before it. */
export function parseBackupMark(notes: string | undefined): BackupMark | undefined {
  const [, uid, vm] = [...(notes ?? '').matchAll(/(?:^|\s)pve\.hosting\/backup uid=(\S+) vm=(\S+)/g)].at(-1) ?? []
  return uid === undefined || vm === undefined ? undefined : { uid, vm }
}

/**
 * PVE names files by VMID only, and numbers come round: a file is this VM's only if it is no older than the clone or adoption
 * (`sinceSeconds`, by PVE's clock), or carries our mark with the uid of this VM.
 */
export const isBackupOf = (
  file: { readonly ctime: number; readonly notes?: string },
  vm: { readonly uid: string; readonly sinceSeconds: number },
): boolean => file.ctime >= vm.sinceSeconds || parseBackupMark(file.notes)?.vm === vm.uid

/** Numbers come round, and so may names of files: the one of a ProxmoxVMBackup has its mark, or the time that is on record (RFC 3339). */
export function isFileOfBackup(
  { notes, ctime }: { readonly ctime: number; readonly notes?: string },
  backup: { readonly uid: string | undefined; readonly createdAt: string | undefined },
): boolean {
  const mark = parseBackupMark(notes)
  return mark ? mark.uid === backup.uid : ctime * 1000 === Date.parse(backup.createdAt ?? '')
}
