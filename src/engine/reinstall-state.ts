import type { ProxmoxVM, ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import { noProgress } from '../api/progress.ts'
import type { Change } from './status.ts'

const mostIDs = 20

export type Running = NonNullable<NonNullable<ProxmoxVMStatus['reinstall']>['running']>

/** A request that has neither been carried out nor begun. An ID that was there when the object was made counts as carried out. */
export function requestedReinstall({ spec }: ProxmoxVM, status: ProxmoxVMStatus): string | undefined {
  const id = spec.reinstall?.requestID
  if (!id || !status.intentAt) return undefined
  return status.reinstall?.completedIDs?.includes(id) || status.reinstall?.running?.requestID === id ? undefined : id
}

export const noteReinstallBegun =
  (running: Running): Change =>
  (status) => ({
    ...status,
    localStatus: 'reinstall',
    progress: noProgress,
    reinstall: { ...status.reinstall, completedIDs: status.reinstall?.completedIDs ?? [], running },
  })

export const noteReinstallCompleted =
  (requestID: string): Change =>
  ({ reinstall, removedAt: _, ...status }) => ({
    ...status,
    reinstall: { completedIDs: [...(reinstall?.completedIDs ?? []).filter((id) => id !== requestID), requestID].slice(-mostIDs) },
  })

/** Forgets what was about the old disk. The time of the first clone stays: backups made since are this VM's. */
export const forgetOldDisk =
  (running: Running): Change =>
  ({
    intentAt: _a,
    step: _b,
    node: _c,
    template: _d,
    disks: _e,
    firstStartedAt: _g,
    cloudInit: _h,
    change: _i,
    removedAt: _j,
    remoteStatus: _k,
    ...status
  }) => ({
    ...status,
    reinstall: { ...status.reinstall, completedIDs: status.reinstall?.completedIDs ?? [], running },
  })
