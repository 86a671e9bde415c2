import type { ProxmoxVM, ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import { noProgress, progressOf } from '../api/progress.ts'
import { nothingSeen } from '../want/guest-seen.ts'
import type { Change } from './status.ts'

const mostIDs = 20

export type Running = NonNullable<NonNullable<ProxmoxVMStatus['reinstall']>['running']>

/** A request that has neither been carried out nor begun. An ID that was there when the object was made counts as carried out. */
export function requestedReinstall({ spec }: ProxmoxVM, status: ProxmoxVMStatus): string | undefined {
  const id = spec.reinstall?.requestID
  if (!id || !status.intentAt || status.restore?.running) return undefined
  return status.reinstall?.completedIDs?.includes(id) || status.reinstall?.running?.requestID === id ? undefined : id
}

/**
 * What becomes of the request under way, now that somebody asks for another one or for none. Once something is deleted it is finished; while
 * the new VM has no place yet, a newer request takes it over, since it may name a template that exists. `commandUIDs`: of the commands
 * that are there and have not ended.
 */
export function whatIsAsked(vm: ProxmoxVM, status: ProxmoxVMStatus, commandUIDs: readonly string[]): 'this' | 'none' | { newer: string } {
  const { running, completedIDs } = status.reinstall ?? {}
  if (!running || (running.removed && status.intentAt)) return 'this'
  const bySpec = vm.spec.reinstall?.requestID
  const newer = bySpec && bySpec !== running.requestID && !completedIDs?.includes(bySpec) ? bySpec : undefined
  if (running.destroyAt) return running.removed && newer ? { newer } : 'this'
  const byCommand = /^command\/(.*)$/.exec(running.requestID)?.[1]
  const isAsked = byCommand === undefined ? bySpec === running.requestID : commandUIDs.includes(byCommand)
  return isAsked ? 'this' : 'none'
}

/** A reinstall by command ends with it: neither has PVE been asked to delete the old VM, nor has the new one a place. */
export const mayBeWithdrawn = ({ reinstall, intentAt }: ProxmoxVMStatus): boolean =>
  reinstall?.running !== undefined && !reinstall.running.destroyAt && !(reinstall.running.removed && intentAt)

/** As if it had never been asked for: what ran is started again, what had been removed by command stays removed. */
export const noteReinstallWithdrawn =
  (nowIso: string): Change =>
  ({ reinstall, firstStartedAt, step: _, ...status }) => {
    const { running, completedIDs = [] } = reinstall ?? {}
    return {
      ...status,
      localStatus: 'ready',
      progress: progressOf('ready'),
      reinstall: { completedIDs },
      ...(running?.removed && { removedAt: nowIso }),
      ...(firstStartedAt && !running?.wasRunning && { firstStartedAt }),
    }
  }

/** One that is among those carried out is not under way: the status had come back from a time before its end. */
export const noteReinstallKnown: Change = ({ reinstall, possessions: _a, step: _b, ...status }) => ({
  ...status,
  localStatus: 'ready',
  progress: progressOf('ready'),
  reinstall: { completedIDs: reinstall?.completedIDs ?? [] },
})

export const changeRunning =
  (more: Partial<Running>): Change =>
  (status) => {
    const { running, ...rest } = status.reinstall ?? { completedIDs: [] }
    return running ? { ...status, reinstall: { ...rest, running: { ...running, ...more } } } : status
  }

/** The destruction was refused before it began. */
export const noteNothingDestroyed: Change = (status) => {
  const { running, ...rest } = status.reinstall ?? { completedIDs: [] }
  if (!running) return status
  const { destroyAt: _, ...kept } = running
  return { ...status, reinstall: { ...rest, running: kept } }
}

/** The old VM is whole: it is kept as the spec says in everything else. */
export const isUntouched = ({ reinstall }: ProxmoxVMStatus): boolean => !reinstall?.running?.destroyAt && !reinstall?.running?.removed

export const noteReinstallBegun =
  (running: Running): Change =>
  (status) => ({
    ...status,
    localStatus: running.isClone ? 'creation' : 'reinstall',
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
    guestSeen,
    ...status
  }) => ({
    ...status,
    // What was being released leaves once the new VM is there.
    ...(guestSeen && { guestSeen: nothingSeen(guestSeen) }),
    reinstall: { ...status.reinstall, completedIDs: status.reinstall?.completedIDs ?? [], running },
  })
