/** How a backup ends, and what is said of it. */
import type { Reason } from '../api/reasons.ts'
import { nowIso, recordEvent } from '../engine/dependencies.ts'
import { done, type Outcome } from '../ladder/outcome.ts'
import type { Backup } from '../proxmox/answers.ts'
import { fileStatus } from './backup-files.ts'
import type { BackupPass } from './backup-pass.ts'

export function finishFailed({ backup, deps, slots }: BackupPass, reason: Reason, message: string): Outcome {
  backup.finish('Failed', reason, message, nowIso(deps.clock))
  slots.release(backup.uid)
  return done
}

/** The task ended badly and no file is there. */
export function finishBroken(pass: BackupPass, exitstatus: string): Outcome {
  const { backup, deps, of } = pass
  const message = `PVE failed to back up VM ${backup.status.vmid} to ${backup.status.storage}: ${exitstatus.trim()}`
  if (of) recordEvent(deps, of.draft.vm, 'Warning', 'BackupFailed', `${backup.backup.metadata.name}: ${message}`)
  return finishFailed(pass, 'BackupFailed', message)
}

export function finishMade({ backup, deps, of, slots, census }: BackupPass, file: Backup): Outcome {
  census.add(backup.status, file)
  const { finishedAt } = backup.status
  backup.change(fileStatus(file))
  const told = `${file.volid}, ${backup.status.size ?? 'size unknown'}`
  backup.finish('Succeeded', 'Succeeded', told, nowIso(deps.clock))
  slots.release(backup.uid)
  if (finishedAt === undefined && of) recordEvent(deps, of.draft.vm, 'Normal', 'BackupMade', `${backup.backup.metadata.name}: ${told}`)
  return done
}
