import type { ProxmoxVMStatus } from '../../api/proxmoxvm-status.ts'
import { hasCloudInitDrive, isDriveKey, parseDrive, sameDrive, withThrottle } from '../../proxmox/property-string.ts'
import { isConfigStep } from '../../ladder/config-step.ts'
import { fails, readiness } from '../conditions.ts'
import type { Look } from '../look.ts'
import type { Want } from '../../ladder/machine.ts'
import type { Looking } from '../../ladder/plan.ts'
import { nowIso, recordEvent, type Dependencies } from '../dependencies.ts'
import { judged, type Change } from '../status.ts'
import type { Ladder } from '../../ladder/step.ts'
import type { VMStatusDraft } from '../status-draft.ts'
import { addressesIn, familyOf } from '../../want/guest-seen.ts'
import type { ConfigPatch } from '../../ladder/guest-writer.ts'

/** PVE never plugs these into a running VM (qemu-server vmconfig_hotplug_pending); the balloon device only appears or goes at a cold start. */
const coldKeys: ReadonlySet<string> = new Set(['cores', 'sockets', 'cpu', 'memory'])

export interface ChangePlan {
  /** One sentence per step that differs: field: old → new. */
  readonly sentences: readonly string[]
  readonly needsStop: boolean
  /** The guest gets other addresses. */
  readonly givesAddresses: boolean
  /** Pending keys of PVE that this change does not touch: they waited for a stop before. */
  readonly waits: readonly string[]
}

/** The whole difference, computed before anything is done. */
export async function planChange(ladder: Ladder, look: Looking, want: Want): Promise<ChangePlan> {
  const sentences: string[] = []
  let needsOff = false
  let givesAddresses = false
  const touched = new Set<string>()
  for (const step of ladder) {
    if (step.name === 'start' || step.name === 'stop') continue
    await look.need(step.needs)
    const verdict = step.check(look.seen, want)
    if (verdict.is === 'satisfied') continue
    sentences.push(verdict.is === 'missing' ? `${step.name}: ${verdict.message}` : `${step.name}: ${verdict.message} (refused)`)
    if (verdict.is !== 'missing' || !isConfigStep(step) || !look.seen.config) continue
    const patch = step.change(look.seen.config.values, want)
    const { values } = look.seen.config
    for (const key of [...Object.keys(patch.set), ...patch.remove]) {
      touched.add(key)
      needsOff ||= isCold(key, values, patch.set)
    }
    // Without a drive the guest learns none, whatever is restarted.
    givesAddresses ||= hasCloudInitDrive(values) && isOtherAddress(values.ipconfig0, patch.set.ipconfig0, want.leaving)
  }
  const waits = (look.seen.config?.pending ?? []).filter((key) => !touched.has(key))
  return { sentences, needsStop: needsOff || givesAddresses, givesAddresses, waits }
}

/** The spec has another address for a family; a gateway of its pool, or what somebody wrote into PVE by hand, is no edit of the spec. */
function isOtherAddress(now: string | undefined, next: string | undefined, leaving: readonly string[]): boolean {
  if (next === undefined) return false
  const [before, after] = [addressesIn(now), addressesIn(next)]
  return (['IPv4', 'IPv6'] as const).some((family) => {
    const old = before.find((address) => familyOf(address) === family)
    const fresh = after.find((address) => familyOf(address) === family)
    return old !== fresh && (old === undefined || leaving.includes(old))
  })
}

/** PVE takes it only while the VM is off. */
export function isCold(key: string, now: Readonly<Record<string, string>>, set: Readonly<Record<string, string>>): boolean {
  if (key === 'balloon') return (now.balloon === '0') !== (set.balloon === '0')
  return coldKeys.has(key) || (isDriveKey(key) && isColdDrive(now[key], set[key]))
}

/** Limits are changed live; other options of a disk that stays need a cold start. */
function isColdDrive(now: string | undefined, next: string | undefined): boolean {
  if (now === undefined || next === undefined) return false
  const [before, after] = [withThrottle(parseDrive(now), {}), withThrottle(parseDrive(next), {})]
  return before.volume === after.volume && !sameDrive(before, after)
}

/**
 * A change of package is shown and noted before it is begun: what, and whether it needs the VM off. An interrupted one goes on from there; if
 * the spec changes on the way, the newest is planned.
 */
export async function beginChange(deps: Dependencies, draft: VMStatusDraft, look: Look, plan: ChangePlan): Promise<void> {
  const { vm, status } = draft
  await look.need('power')
  const iso = nowIso(deps.clock)
  const isOn = look.seen.power === 'running'
  const { restartPolicy } = vm.spec
  const mayStop = restartPolicy !== 'Manual' || status.change?.start === true
  const message = `${plan.sentences.join('; ')}.${isOn && plan.needsStop ? (mayStop ? restarts : waitsForStart) : ''}`
  const waits = plan.waits.filter((key) => status.change === undefined || status.change.waits?.includes(key))
  const change = {
    since: status.change?.since ?? iso,
    generation: draft.generation,
    wasRunning: status.change?.wasRunning ?? false,
    ...(status.change?.start && { start: true }),
    ...((plan.givesAddresses || status.change?.addresses) && { addresses: true }),
    ...(status.change?.sent && { sent: status.change.sent }),
    ...(waits.length > 0 && { waits }),
  }
  const { verdicts, dropped } = readiness('reconciling', 'Applying', message)
  draft.change(
    (before) => ({ ...before, localStatus: 'change_package', change }),
    judged(vm, iso, [fails('PackageApplied', 'ChangingPackage', message), ...verdicts], dropped),
  )
  await draft.save()
  recordEvent(deps, vm, 'Normal', 'PackageChanging', message)
}

const restarts = ' The operator shuts the VM down for this and starts it again.'
const waitsForStart =
  ' The operator does not restart the VM for this (restartPolicy Manual): the change takes effect after ChangePackage or at the next start from off.'

/** A change that was only asked for has been planned on no generation, and is shown first. */
export const unplanned = 0
export const isNoted = ({ status, generation }: VMStatusDraft) => status.change?.generation === generation

/**
 * In status before the operator asks PVE to shut the VM down for the change, so that it starts what it has stopped itself, and leaves off what
 * the guest, an admin or an outage has switched off meanwhile.
 */
export async function noteStop(draft: VMStatusDraft, openStop: NonNullable<ProxmoxVMStatus['openStop']>): Promise<void> {
  draft.change(withStop(true), (status) => ({ ...status, openStop }))
  if (draft.written.change?.wasRunning !== true || draft.written.openStop === undefined) await draft.save()
}

/** @param wasRunning what was noted before a request that PVE has refused */
export const withStop =
  (wasRunning: boolean): Change =>
  (status) =>
    status.change ? { ...status, change: { ...status.change, wasRunning } } : status

/** Name, mark, tags and onboot are no part of a package. */
const besideThePackage: ReadonlySet<string> = new Set(['name', 'description', 'tags', 'onboot', 'protection'])
export const concernsPackage = ({ set, remove }: ConfigPatch) => [...Object.keys(set), ...remove].some((key) => !besideThePackage.has(key))

export const noteChangeFinished: Change = ({ change: _, ...status }) => status
