/** The text in PVE by which a backup is known as ours: the end of the first line of its notes, printed and read (pure). */

/** What the notes of a backup say. */
export interface BackupMark {
  /** uid of the ProxmoxVMBackup. */
  readonly uid: string
  /** uid of the ProxmoxVM it is of. */
  readonly vm: string
}

export const printBackupMark = ({ uid, vm }: BackupMark): string => `pve.hosting/backup uid=${uid} vm=${vm}`

const markPattern = /(?:^|\s)pve\.hosting\/backup uid=(\S+) vm=(\S+)/g

/**
 * All on one line: of several PVE lists only the first (pve-storage, Plugin.pm get_subdir_files; a backup server does the same). `text`: one
 * line without backslashes and `{{`, which mean something in a template of notes.
 */
export const printBackupNotes = (text: string, mark: BackupMark): string => `${text} ${printBackupMark(mark)}`

/** Undefined: somebody else's backup, or one that an administrator wrote other notes to. The last one counts: what people write stands before it. */
export function parseBackupMark(notes: string | undefined): BackupMark | undefined {
  const [, uid, vm] = [...(notes ?? '').matchAll(markPattern)].at(-1) ?? []
  return uid === undefined || vm === undefined ? undefined : { uid, vm }
}

/** What people wrote. */
export const withoutBackupMark = (notes: string): string => notes.replaceAll(markPattern, '').trim()

/**
 * PVE names files by VMID only, and numbers come round: a file is this VM's only if it is no older than the clone or adoption
 * (`sinceSeconds`, by PVE's clock), or carries our mark with one of its uids: its own, and that of the former object whose VM it took over.
 */
export const isBackupOf = (
  file: { readonly ctime: number; readonly notes?: string },
  vm: { readonly uids: readonly string[]; readonly sinceSeconds: number },
): boolean => file.ctime >= vm.sinceSeconds || vm.uids.includes(parseBackupMark(file.notes)?.vm ?? '')

/** Numbers come round, and so may names of files: the one of a ProxmoxVMBackup has its mark, or the time that is on record (RFC 3339). */
export function isFileOfBackup(
  { notes, ctime }: { readonly ctime: number; readonly notes?: string },
  backup: { readonly uid: string | undefined; readonly createdAt: string | undefined },
): boolean {
  const mark = parseBackupMark(notes)
  return mark ? mark.uid === backup.uid : ctime * 1000 === Date.parse(backup.createdAt ?? '')
}
