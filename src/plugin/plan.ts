import type { BirthTemplate } from '../api/template.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { VMPackage } from '../api/vmpackage.ts'
import { localStatuses, type LocalStatus } from '../api/words.ts'
import { planChange } from '../engine/apply/change.ts'
import type { Seen } from '../ladder/machine.ts'
import { requestedReinstall } from '../engine/reinstall-state.ts'
import { resolvePackage } from '../want/package.ts'
import { holdersOf, isBeingUnsuspended, isSuspended } from '../want/suspension.ts'
import { provision } from '../lifecycle.ts'
import { power } from '../steps/power.ts'
import { adoptionLines, type FoundWay } from './adoption-lines.ts'
import { addressChange, machineInForce, type Pools, wantInForce, wantOfSpec } from './machine-in-force.ts'
import { templateFor } from '../want/birth.ts'
import { conditionOf, isTrue } from '../api/condition.ts'
import { isOutcome } from '../ladder/outcome.ts'

/** One thing that would be done, and why. */
export interface PlanLine {
  what: string
  because: string
  /** `now`: as soon as the operator looks. `under way`. Else what it takes: a command, or a stop. `refused`: it will not be done. */
  when: 'under way' | 'now' | 'ChangePackage' | 'Reinstall' | 'next stop' | 'refused' | 'Rollback' | FoundWay
  /** The VM is switched off for it. */
  stops: boolean
}

/** The shape of `kubectl pve plan -o json`. */
export interface PlanReport {
  name: string
  namespace: string
  generation: number
  observedGeneration: number
  phase: string
  /** Why nothing of it is done at present. */
  held?: string
  lines: PlanLine[]
}

export interface PlanInput {
  readonly vm: ProxmoxVM
  readonly pools: Pools
  /** The VMPackage the spec names. */
  readonly found: VMPackage | undefined
}

/** Pure: what the operator's own planner makes of spec and status. */
export async function planOf({ vm, pools, found }: PlanInput): Promise<PlanReport> {
  const { metadata, status = {} } = vm
  const held = heldBy(vm)
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    generation: metadata.generation ?? 0,
    observedGeneration: status.observedGeneration ?? -1,
    phase: status.phase ?? 'Pending',
    ...(held && { held }),
    lines: await linesOf({ vm, pools, found }),
  }
}

const line = (when: PlanLine['when'], what: string, because: string, stops = false): PlanLine => ({ what, because, when, stops })

function heldBy({ metadata, status }: ProxmoxVM): string | undefined {
  if (metadata.annotations?.['pve.hosting/paused'] === 'true') return 'the annotation pve.hosting/paused is set'
  if (status?.remoteLock && status.remoteLock !== 'suspended') return `PVE holds the lock "${status.remoteLock}" on the VM`
  const stalled = conditionOf(status?.conditions, 'Stalled')
  return stalled?.status === 'True' && stalled.observedGeneration === metadata.generation
    ? `${stalled.reason}: ${stalled.message}`
    : undefined
}

async function linesOf(input: PlanInput): Promise<PlanLine[]> {
  const { vm } = input
  const { spec, status = {}, metadata } = vm
  if (metadata.deletionTimestamp) return [line('under way', `terminate, by policy ${spec.deletionPolicy}`, 'the object is being deleted')]
  if (status.reinstall?.running) {
    const { requestID } = status.reinstall.running
    return [line('under way', `reinstall from ${template(templateFor(vm, status))}`, `request ${requestID}`, true)]
  }
  const asked = requestedReinstall(vm, status)
  if (asked && status.firstReadyAt && !spec.reinstall?.template && spec.template.backupRef)
    return [line('refused', 'reinstall', 'spec.template names a backup; a reinstall installs a template (spec.reinstall.template)')]
  if (asked && status.firstReadyAt)
    return [
      line('now', `reinstall from ${template(spec.reinstall?.template ?? spec.template)}`, `spec.reinstall.requestID is ${asked}`, true),
    ]
  const gone = status.removedAt
    ? 'the VM was removed by command'
    : conditionOf(status.conditions, 'Ready')?.reason === 'VMMissing' && 'the VM is missing in PVE'
  if (gone) return [line('Reinstall', 'create the VM again (command Clone or Reinstall)', gone)]
  const found = adoptionLines(vm)
  if (!status.firstReadyAt && spec.adopt) return found
  if (!status.firstReadyAt) return rungsLeft(vm)
  const changes = await changeLines(input)
  const newer = (await outdatedLines(input)).filter((one) => !changes.some((other) => other.what === one.what))
  const power = found.some(({ what }) => what.startsWith('power:')) ? [] : powerLines(input)
  return [...power, ...changes, ...newer, ...laterLines(vm), ...found]
}

const template = ({ name, vmid, tag, backupRef }: BirthTemplate) =>
  backupRef ? `backup ${backupRef.name ?? backupRef.volume}` : (name ?? (tag ? `tag ${tag}` : `VMID ${vmid}`))

/** A birth has all rungs before it that it has not reached. */
function rungsLeft({ status }: ProxmoxVM): PlanLine[] {
  const at = localStatuses.indexOf((status?.localStatus ?? 'creation') as LocalStatus)
  return localStatuses.slice(Math.max(at, 0)).map((rung, index) => {
    const isCurrent = index === 0 && status?.step !== undefined
    return line(isCurrent ? 'under way' : 'now', rung, isCurrent ? `step ${status?.step?.name}` : 'the VM was never ready before')
  })
}

function powerLines({ vm, pools }: PlanInput): PlanLine[] {
  const want = wantInForce(vm, pools)
  const because = isSuspended(vm)
    ? `suspended by ${holdersOf(vm)}`
    : isBeingUnsuspended(vm, vm.status ?? {})
      ? 'the last suspension was removed'
      : `runStrategy is ${vm.spec.runStrategy}`
  const verdict = power.check(machineInForce(vm, pools), want)
  return verdict.is === 'missing' ? [line('now', verdict.message, because, want.power === 'stopped')] : []
}

/** What an edit of the spec changes: addresses, wire and package, each line as the engine would write it. */
async function changeLines({ vm, pools, found }: PlanInput): Promise<PlanLine[]> {
  const resolved = resolvePackage(vm, vm.status ?? {}, found, true)
  if (isOutcome(resolved)) return [line('refused', 'apply the package', resolved.message)]
  const { lacking, surplus, kept } = addressChange(vm, pools)
  const isEdit = (vm.status?.observedGeneration ?? -1) < (vm.metadata.generation ?? 0)
  const because = vm.status?.change ? 'a change of package is under way' : isEdit ? 'the spec was edited' : 'spec and status differ'
  const when = vm.status?.change ? 'under way' : 'now'
  const take = lacking.map(({ name, pool, address }) =>
    line('now', `take ${address ?? 'an address'} from pool ${pool} for ${name}`, because),
  )
  const differences = await differencesOf(vm, resolved.merged, kept, machineInForce(vm, pools), { when, because })
  const free = surplus.map(({ address, pool }) => line('now', `free ${address} of pool ${pool} when the guest no longer uses it`, because))
  return [...take, ...differences, ...free]
}

type Reasoned = Pick<PlanLine, 'when' | 'because'>

/** Each rung by itself through the planner of the engine, so that each says whether it needs the VM off. */
async function differencesOf(
  vm: ProxmoxVM,
  merged: Parameters<typeof wantOfSpec>[1],
  grants: Parameters<typeof wantOfSpec>[2],
  seen: Seen,
  { when, because }: Reasoned,
): Promise<PlanLine[]> {
  const want = wantOfSpec(vm, merged, grants, seen)
  if (isOutcome(want)) return [line('refused', 'apply the package', want.message)]
  const lines: PlanLine[] = []
  for (const step of provision) {
    const { sentences, needsStop } = await planChange([step], { seen, need: () => Promise.resolve() }, want)
    const stops = needsStop && seen.power === 'running'
    // By its policy only a command or a person restarts the VM.
    const waits = stops && vm.spec.restartPolicy === 'Manual' && when !== 'ChangePackage' && !vm.status?.change?.start
    const at = waits ? 'next stop' : when
    lines.push(...sentences.map((what) => (what.endsWith('(refused)') ? line('refused', what, because) : line(at, what, because, stops))))
  }
  return lines
}

/** What the command ChangePackage would bring from a newer VMPackage. */
async function outdatedLines({ vm, pools, found }: PlanInput): Promise<PlanLine[]> {
  const { packageSource: source, ...status } = vm.status ?? {}
  const isOutdated = source && found && source.name === found.metadata.name && source.generation !== found.metadata.generation
  const newest = isOutdated ? resolvePackage(vm, status, found, true) : undefined
  if (!newest || isOutcome(newest)) return []
  const because = `VMPackage ${source?.name} is at generation ${found?.metadata.generation}, this VM at ${source?.generation}`
  return await differencesOf(vm, newest.merged, addressChange(vm, pools).kept, machineInForce(vm, pools), {
    when: 'ChangePackage',
    because,
  })
}

/** What is open on purpose and waits for somebody's word. */
function laterLines({ status, spec }: ProxmoxVM): PlanLine[] {
  const lines: PlanLine[] = []
  const restart = conditionOf(status?.conditions, 'RestartRequired')
  if (restart && isTrue(status?.conditions, 'RestartRequired')) lines.push(line('next stop', restart.message, 'RestartRequired', true))
  const applied = conditionOf(status?.conditions, 'TemplateApplied')
  if (applied?.status === 'False') lines.push(line('Reinstall', `install from ${template(spec.template)}`, applied.message, true))
  return lines
}
