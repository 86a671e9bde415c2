import type { PveCluster } from '../../cluster/cluster.ts'
import { atNextStart, type Climbed } from './climb.ts'
import type { Reason } from '../../api/words.ts'
import { changed } from './change.ts'
import { fails, holds, standing, type Verdict } from '../conditions.ts'
import { completed } from '../reinstall-state.ts'
import { selectorOf } from '../create/intent.ts'
import type { Resolved } from '../../want/package.ts'
import { nowIso, tell, type Room } from '../dependencies.ts'
import { judged, reached, resting, type Change } from '../status.ts'
import type { VMRecord } from '../status-draft.ts'
import { progressOf } from '../../api/progress.ts'
import { isBirth } from '../../want/birth.ts'
import { type Outcome, done } from '../../ladder/outcome.ts'
import { conditionOf } from '../../api/condition.ts'
import { suspensionVerdict } from './suspension-condition.ts'

interface Conclusion {
  readonly room: Room
  readonly record: VMRecord
  readonly cluster: PveCluster
  readonly resolved: Resolved
  readonly climbed: Climbed
  /** Cloud-init keys that the running guest has not been given yet. */
  readonly staleCloudInit: readonly string[]
}

/** Nothing is missing any more: the verdict on this generation, and what was left open on purpose. */
export function concluded(it: Conclusion): Outcome {
  const { room, record, resolved } = it
  const iso = nowIso(room.clock)
  const { node } = it.climbed.seen
  const power = it.climbed.seen.power ?? record.status.remoteStatus
  const isFirst = record.status.firstReadyAt === undefined
  const { change, reinstall } = record.status
  record.change(isBirth(record.status) ? reached('ready', iso, '') : backOnTop, resting, (status) => ({
    ...status,
    observedGeneration: record.generation,
    package: resolved.merged,
    ...(resolved.source && { packageSource: resolved.source }),
    ...(power && { remoteStatus: power }),
    ...(node && { node }),
    ...(record.vm.spec.cloudInit?.generatePassword && { credentialsSecretRef: { name: `${record.vm.metadata.name}-credentials` } }),
    firstReadyAt: status.firstReadyAt ?? iso,
    ...((status.firstStartedAt ?? (power === 'running' && iso)) && { firstStartedAt: status.firstStartedAt ?? iso }),
  }))
  if (reinstall?.running) record.change(completed(reinstall.running.requestID))
  record.change(changed)
  const suspended = suspensionVerdict(record.vm, power)
  const ready = standing('ready', readyReason(power, suspended), '')
  record.change(judged(record.vm, iso, [...partsOf(it), suspended, ...ready.verdicts], ready.dropped))
  if (isFirst) announce(it, iso)
  if (change)
    tell(
      room,
      record.vm,
      'Normal',
      'PackageChanged',
      conditionOf(record.status.conditions, 'PackageApplied')?.message || 'everything is applied',
    )
  if (reinstall?.running) tell(room, record.vm, 'Normal', 'Reinstalled', `request ${reinstall.running.requestID}`)
  if (record.vm.status?.firstStartedAt === undefined && record.status.firstStartedAt)
    tell(room, record.vm, 'Normal', 'Started', `VM ${record.status.vmid} was started`)
  tellSuspension(it, suspended)
  return done
}

/** After an edit the ladder was not climbed anew: nothing to list. */
const backOnTop: Change = (status) => ({ ...status, localStatus: 'ready', progress: progressOf('ready') })

function readyReason(power: string | undefined, suspended: Verdict): Reason {
  if (suspended.status === 'True') return 'Suspended'
  return power === 'stopped' ? 'Stopped' : power === 'running' ? 'Running' : 'Ready'
}

function tellSuspension({ room, record }: Conclusion, now: Verdict): void {
  const was = conditionOf(record.vm.status?.conditions, 'Suspended')?.status === 'True'
  if (now.status === 'True' && !was) tell(room, record.vm, 'Normal', 'Suspended', now.message)
  if (now.status === 'False' && was) tell(room, record.vm, 'Normal', 'Unsuspended', 'the last suspension is gone')
}

function announce({ room, record, cluster }: Conclusion, iso: string): void {
  const seconds = Math.max(0, (room.clock.now() - Date.parse(record.vm.metadata.creationTimestamp ?? iso)) / 1000)
  room.observe.becameReady(cluster.name, seconds)
  room.intents.forget(record.vm.metadata.uid ?? '')
  const addresses = record.status.addresses?.map((held) => held.address).join(', ')
  tell(room, record.vm, 'Normal', 'Ready', `VM ${record.status.vmid} on ${record.status.node} is ready${addresses ? `: ${addresses}` : ''}`)
}

function partsOf(it: Conclusion): Verdict[] {
  return [
    templateVerdict(it),
    packageVerdict(it),
    holds('NetworkConfigured'),
    firewallVerdict(it),
    cloudInitVerdict(it),
    restartVerdict(it),
  ]
}

function templateVerdict({ record }: Conclusion): Verdict {
  const of = record.status.template?.selector
  const wanted = selectorOf(record.vm.spec.template)
  if (of === undefined || of === wanted) return holds('TemplateApplied')
  return fails(
    'TemplateApplied',
    'TemplateChanged',
    `The VM was cloned from ${of}; spec.template says ${wanted}. Editing it never reinstalls by itself.`,
  )
}

function packageVerdict({ climbed, resolved, record }: Conclusion): Verdict {
  const [refusal] = climbed.refusals
  if (refusal?.verdict.is === 'refused') {
    const told = climbed.refusals.flatMap(({ verdict }) => (verdict.is === 'refused' ? [verdict.what] : []))
    return fails('PackageApplied', refusal.verdict.reason, `${told.join('; ')}. Everything else is applied.`)
  }
  if (resolved.outdatedBy !== undefined) return outdated(resolved.source, resolved.outdatedBy)
  const wanted = new Set(['system', ...(resolved.merged.additionalDisks ?? []).map((disk) => disk.name)])
  const kept = (record.status.disks ?? []).filter((disk) => !wanted.has(disk.name) && disk.removalPolicy !== 'Delete')
  if (kept.length > 0)
    return fails(
      'PackageApplied',
      'DiskKept',
      `No longer in the package and kept: ${kept.map((disk) => `${disk.name} (${disk.key})`).join(', ')}.`,
    )
  return holds('PackageApplied')
}

export const outdated = (source: { name: string; generation: number } | undefined, newer: number): Verdict =>
  fails(
    'PackageApplied',
    'PackageOutdated',
    `VMPackage ${source?.name} is at generation ${newer}, this VM at ${source?.generation}; a changed packageRef takes the newer one.`,
  )

const cloudInitVerdict = ({ staleCloudInit }: Conclusion): Verdict =>
  staleCloudInit.length > 0 ? atNextStart(staleCloudInit) : holds('CloudInitConfigured')

function firewallVerdict({ climbed, cluster }: Conclusion): Verdict {
  const isWanted = climbed.want.firewall.options.enable === '1'
  if (isWanted && cluster.facts()?.firewallEnabled === false) {
    return fails(
      'FirewallConfigured',
      'NotEnforced',
      'The rules are written, but the datacenter firewall is off; an admin turns it on in PVE (Datacenter, Firewall, Options).',
    )
  }
  return holds('FirewallConfigured')
}

function restartVerdict({ climbed }: Conclusion): Verdict {
  const pending = climbed.seen.config?.pending ?? []
  if (pending.length === 0) return fails('RestartRequired', 'NoRestartRequired', '')
  return holds('RestartRequired', 'RestartRequired', `In force only after the VM was off and started again: ${pending.join(', ')}.`)
}
