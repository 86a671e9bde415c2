/** Disks that somebody moved to another storage or volume in PVE: the status follows, and says so once. */
import type { ProxmoxVMStatus } from '../../api/proxmoxvm-status.ts'
import { isBirth } from '../../want/birth.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
import type { Pass } from '../pass.ts'
import { noted } from '../status.ts'

type Disks = NonNullable<ProxmoxVMStatus['disks']>

/** `disk data (scsi1): local-lvm:vm-1-disk-1 → ceph:vm-1-disk-1`, for each disk in its slot whose volume is another one now. */
export function movedVolumes(noted: Disks, seen: Disks): string[] {
  return seen.flatMap(({ name, key, volume }) => {
    const before = noted.find((disk) => disk.name === name && disk.key === key)?.volume
    return before === undefined || volume === undefined || before === volume ? [] : [`disk ${name} (${key}): ${before} → ${volume}`]
  })
}

export function tellMovedVolumes({ deps, draft }: Pick<Pass, 'deps' | 'draft'>, seen: Disks): void {
  if (isBirth(draft.status)) return
  const moved = movedVolumes(draft.status.disks ?? [], seen)
  if (moved.length === 0) return
  const told = `Somebody moved a volume in PVE: ${moved.join('; ')}.`
  draft.change(noted('ready', nowIso(deps.clock), 'VolumeMoved', told))
  recordEvent(deps, draft.vm, 'Normal', 'VolumeMoved', told)
}
