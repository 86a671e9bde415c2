/** A restore in the status of its VM (pure): what is asked for, what is under way, what is done. */
import type { ProxmoxVM, ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import type { RunningRestore } from '../../api/restore.ts'
import { noProgress, progressOf } from '../../api/progress.ts'
import { fileOfBirth } from '../../want/birth.ts'
import type { Change } from '../status.ts'

const mostIDs = 20
const mostFiles = 20

type RestoreFile = NonNullable<RunningRestore['formerFiles']>[number]

/** Files that are protected because of this restore and were not before: of the attempt under way, and of those before. */
export const protectedFiles = ({ formerFiles = [], unprotect, volume, node }: RunningRestore): RestoreFile[] =>
  unprotect ? [...formerFiles.filter((file) => file.volume !== volume), { volume, node }] : [...formerFiles]

/** The restore of this VM reads that file, or has it as a further copy; or this VM is being made from it. */
export const needsFile = (status: ProxmoxVMStatus, volume: string): boolean => fileOfBirth(status) === volume || isNeeded(status, volume)

const isNeeded = ({ restore }: ProxmoxVMStatus, volume: string): boolean =>
  restore?.running !== undefined && [restore.running, ...protectedFiles(restore.running)].some((file) => file.volume === volume)

/** As the attempt with this file begins. `isProtected`: PVE says so. */
export function withFile(running: RunningRestore, file: RestoreFile & { readonly isProtected: boolean }): RunningRestore {
  const { volume, node, isProtected } = file
  const before = protectedFiles(running)
  const { unprotect: _a, formerFiles: _b, ...rest } = running
  const others = before.filter((each) => each.volume !== volume).slice(-mostFiles)
  const isOurs = !isProtected || others.length < before.length
  return { ...rest, volume, node, ...(isOurs && { unprotect: true }), ...(others.length > 0 && { formerFiles: others }) }
}

/** A request that has neither been carried out nor begun. An ID that was there when the object was made counts as carried out. */
export function requestedRestore({ spec }: ProxmoxVM, { intentAt, restore }: ProxmoxVMStatus): string | undefined {
  const id = spec.restore?.requestID
  if (!id || !intentAt) return undefined
  return restore?.completedIDs.includes(id) || restore?.running?.requestID === id ? undefined : id
}

/**
 * What becomes of the request under way, now that somebody asks for another one or for none. Once PVE was asked it runs to its end; after a
 * failure that took the disks a newer request takes its place, and none at all does not.
 */
export function whatRestoreIsAsked(vm: ProxmoxVM, status: ProxmoxVMStatus): 'this' | 'none' | 'newer' {
  const { running, completedIDs = [] } = status.restore ?? {}
  if (!running || running.askedAt || running.restoredAt) return 'this'
  const id = vm.spec.restore?.requestID
  if (id === running.requestID) return 'this'
  if (id && !completedIDs.includes(id)) return 'newer'
  return running.isDiskless ? 'this' : 'none'
}

/**
 * The guest under our VMID is this object's whatever its mark says: PVE was asked to make it from a file, and has begun, or has lost its disks
 * on the way.
 */
export function isOursByRestore({ restore }: ProxmoxVMStatus): boolean {
  const { askedAt, force, upid, restoredAt, markedAt, isDiskless } = restore?.running ?? {}
  if (markedAt !== undefined) return false
  return isDiskless === true || restoredAt !== undefined || (askedAt !== undefined && (force === true || upid !== undefined))
}

/** Between the request and the whole VM there is nothing that could run, be changed or be looked after. */
export const isBeingRestored = ({ restore }: ProxmoxVMStatus): boolean => {
  const { askedAt, restoredAt, isDiskless } = restore?.running ?? {}
  return restoredAt === undefined && (askedAt !== undefined || isDiskless === true)
}

/** Nothing of the VM was deleted for it: it is kept as the spec says in everything else. */
export const isUntouchedByRestore = (status: ProxmoxVMStatus): boolean =>
  !isBeingRestored(status) && status.restore?.running?.restoredAt === undefined

export const changeRestore =
  (change: (running: RunningRestore) => RunningRestore): Change =>
  (status) => {
    const { running, completedIDs = [] } = status.restore ?? {}
    return running ? { ...status, restore: { completedIDs, running: change(running) } } : status
  }

export const noteRestoreBegun =
  (running: RunningRestore): Change =>
  (status) => ({
    ...status,
    localStatus: 'restore',
    progress: noProgress,
    restore: { completedIDs: status.restore?.completedIDs ?? [], running },
  })

/** As if it had never been asked for. */
export const noteRestoreWithdrawn: Change = ({ restore, step: _, ...status }) => ({
  ...status,
  localStatus: 'ready',
  progress: progressOf('ready'),
  restore: { completedIDs: restore?.completedIDs ?? [] },
})

export const withRestoreDone =
  (requestIDs: readonly string[]): Change =>
  ({ restore, ...status }) => ({
    ...status,
    restore: {
      ...(restore?.running && { running: restore.running }),
      completedIDs: [...(restore?.completedIDs ?? []).filter((id) => !requestIDs.includes(id)), ...requestIDs].slice(-mostIDs),
    },
  })

export const noteRestoreCompleted: Change = (status) => {
  const { running } = status.restore ?? {}
  if (running?.restoredAt === undefined) return status
  const { removedAt: _, ...rest } = withRestoreDone([running.requestID])(status)
  return { ...rest, restore: { completedIDs: rest.restore?.completedIDs ?? [] } }
}

/** The VM of the file is there: what was known of the disks before it is forgotten. `keys`: the slots it has. */
export const noteRestored =
  (nowIso: string, disks: NonNullable<ProxmoxVMStatus['disks']>): Change =>
  ({ step: _a, firstStartedAt: _b, cloudInit: _c, change: _d, removedAt: _e, ...status }) =>
    changeRestore(({ upid: _f, lastError: _g, ...running }) => ({ ...running, restoredAt: nowIso }))({
      ...status,
      disks,
      remoteStatus: 'stopped',
    })
