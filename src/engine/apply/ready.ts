import type { PveCluster } from '../../cluster/cluster.ts'
import type { Climbed } from './climb.ts'
import type { StatusCurrent } from '../../proxmox/answers.ts'
import type { GuestState } from '../releasing.ts'
import { addressVerdict, restartVerdict } from './at-next-start.ts'
import { noteChangeFinished } from './change.ts'
import { fails, holds, readiness, type ConditionUpdate } from '../conditions.ts'
import { firewallVerdict } from '../firewall-verdict.ts'
import { guestStateOf } from '../guest-state.ts'
import { readyOf } from '../guest-verdict.ts'
import { hasLinkDown, linkDownSentence } from '../link-down.ts'
import { noteRestoreCompleted } from '../restore/restore-state.ts'
import { noteReinstallCompleted } from '../reinstall-state.ts'
import { selectorOf } from '../create/selector.ts'
import { credentialsName } from '../create/credentials.ts'
import { staysAsFound } from '../adopt/as-found-state.ts'
import type { Resolved } from '../../want/package.ts'
import { nowIso, recordEvent, type Dependencies } from '../dependencies.ts'
import { judged, reached, resting, type Change } from '../status.ts'
import type { VMStatusDraft } from '../status-draft.ts'
import { addressesInForce } from '../../api/held-addresses.ts'
import { progressOf } from '../../api/progress.ts'
import { isBirth } from '../../want/birth.ts'
import { withoutEmptyLedger } from '../create/clone-requests.ts'
import { withTrafficRate } from '../../want/traffic.ts'
import { type Outcome, done } from '../../ladder/outcome.ts'
import { conditionOf } from '../../api/condition.ts'
import { packageVerdict } from './left-undone.ts'
import { suspensionVerdict } from './suspension-condition.ts'
import { reasonForCloudInit } from '../../want/cloud-init.ts'
import { hasCloudInitDrive } from '../../proxmox/property-string.ts'

interface Conclusion {
  readonly deps: Dependencies
  readonly draft: VMStatusDraft
  readonly cluster: PveCluster
  readonly resolved: Resolved
  readonly climbed: Climbed
  /** What the guest itself said in this look. */
  readonly current?: StatusCurrent | undefined
  readonly guest: GuestState
}

/** Nothing is missing any more: the verdict on this generation, and what was left open on purpose. */
export function markReady(conclusion: Conclusion): Outcome {
  const { deps, draft, resolved } = conclusion
  const iso = nowIso(deps.clock)
  const { node } = conclusion.climbed.seen
  const power = conclusion.climbed.seen.power ?? draft.status.remoteStatus
  const isFirst = draft.status.firstReadyAt === undefined
  const { change, reinstall, restore } = draft.status
  draft.change(isBirth(draft.status) ? reached('ready', iso, '') : backOnTop, resting, (status) => ({
    ...status,
    observedGeneration: draft.generation,
    package: resolved.merged,
    ...(resolved.source && { packageSource: resolved.source }),
    ...(power && { remoteStatus: power }),
    ...(node && { node }),
    ...(draft.vm.spec.cloudInit?.generatePassword &&
      !staysAsFound(draft.status, 'cipassword') && { credentialsSecretRef: { name: credentialsName(draft.vm) } }),
    firstReadyAt: status.firstReadyAt ?? iso,
    ...((status.firstStartedAt ?? (power === 'running' && iso)) && { firstStartedAt: status.firstStartedAt ?? iso }),
  }))
  if (reinstall?.running) draft.change(noteReinstallCompleted(reinstall.running.requestID))
  draft.change(
    noteRestoreCompleted,
    noteChangeFinished,
    withoutEmptyLedger,
    ({ possessions: _, ...status }) => status,
    (status) => withTrafficRate(status, resolved.merged.traffic),
  )
  const suspended = suspensionVerdict(draft.vm, power)
  const ready = readyNow(conclusion, power, suspended)
  draft.change(judged(draft.vm, iso, [...partsOf(conclusion), suspended, ...ready.verdicts], ready.dropped))
  if (isFirst) announce(conclusion, iso)
  if (change)
    recordEvent(
      deps,
      draft.vm,
      'Normal',
      'PackageChanged',
      conditionOf(draft.status.conditions, 'PackageApplied')?.message || 'all changes are applied',
    )
  if (reinstall?.running?.isClone)
    recordEvent(deps, draft.vm, 'Normal', 'Ready', `the command Clone made VM ${draft.status.vmid}, and it is ready`)
  else if (reinstall?.running) recordEvent(deps, draft.vm, 'Normal', 'Reinstalled', `request ${reinstall.running.requestID}`)
  if (restore?.running?.restoredAt !== undefined)
    recordEvent(deps, draft.vm, 'Normal', 'Restored', `request ${restore.running.requestID}, from ${restore.running.volume}`)
  if (draft.written.firstStartedAt === undefined && draft.status.firstStartedAt)
    recordEvent(deps, draft.vm, 'Normal', 'Started', `PVE started VM ${draft.status.vmid}`)
  tellSuspension(conclusion, suspended)
  return done
}

/** After an edit the ladder was not climbed anew: nothing to list. */
const backOnTop: Change = (status) => ({ ...status, localStatus: 'ready', progress: progressOf('ready') })

/** As the guest is, if it was asked; a VM that is off because of us says so. */
function readyNow({ draft, current, climbed }: Conclusion, power: string | undefined, suspended: ConditionUpdate) {
  const { vmid = 0, node = '' } = draft.status
  const state = current && readyOf(guestStateOf({ current }), { vmid, node }, { isSuspended: suspended.status === 'True' })
  const reason = suspended.status === 'True' ? 'Suspended' : power === 'stopped' ? 'Stopped' : power === 'running' ? 'Running' : 'Ready'
  const isOn = (state ? state.verdicts[0]?.reason : reason) === 'Running'
  if (isOn && hasLinkDown(climbed.seen.config?.values ?? {})) return readiness('stalled', 'LinkDown', linkDownSentence(draft.status))
  return state ?? readiness('ready', reason, '')
}

function tellSuspension({ deps, draft }: Conclusion, now: ConditionUpdate): void {
  const was = conditionOf(draft.written.conditions, 'Suspended')?.status === 'True'
  if (now.status === 'True' && !was) recordEvent(deps, draft.vm, 'Normal', 'Suspended', now.message)
  if (now.status === 'False' && was) recordEvent(deps, draft.vm, 'Normal', 'Unsuspended', 'the last suspension was removed')
}

function announce({ deps, draft, cluster }: Conclusion, iso: string): void {
  const seconds = Math.max(0, (deps.clock.now() - Date.parse(draft.vm.metadata.creationTimestamp ?? iso)) / 1000)
  deps.observe.becameReady(cluster.name, seconds)
  deps.inFlight.forget(draft.vm.metadata.uid ?? '')
  const addresses = addressesInForce(draft.status).join(', ')
  recordEvent(
    deps,
    draft.vm,
    'Normal',
    'Ready',
    `VM ${draft.status.vmid} on ${draft.status.node} is ready${addresses ? `: ${addresses}` : ''}`,
  )
}

function partsOf(conclusion: Conclusion): ConditionUpdate[] {
  const { climbed, cluster } = conclusion
  return [
    addressVerdict(conclusion.guest),
    templateVerdict(conclusion),
    packageVerdict({ ...conclusion, pending: climbed.seen.config?.pending ?? [] }),
    networkVerdict(conclusion),
    firewallVerdict(climbed.want.firewall.options.enable === '1', cluster.facts()?.firewallEnabled),
    cloudInitVerdict(conclusion),
    restartVerdict(climbed.seen.config?.pending ?? [], conclusion.guest),
  ]
}

function networkVerdict({ draft, climbed }: Conclusion): ConditionUpdate {
  if (!hasLinkDown(climbed.seen.config?.values ?? {})) return holds('NetworkConfigured')
  return fails('NetworkConfigured', 'LinkDown', linkDownSentence(draft.status))
}

function templateVerdict({ draft }: Conclusion): ConditionUpdate {
  const of = draft.status.template?.selector
  const wanted = selectorOf(draft.vm.spec.template)
  if (of === undefined || of === wanted) return holds('TemplateApplied')
  return fails(
    'TemplateApplied',
    'TemplateChanged',
    `The VM was made from ${of}; spec.template says ${wanted}. An edit of spec.template does not reinstall the VM; run the command Reinstall for that.`,
  )
}

function cloudInitVerdict({ guest, draft, climbed }: Conclusion): ConditionUpdate {
  const why = reasonForCloudInit(draft.vm, draft.status.addresses ?? [])
  if (why !== undefined && !hasCloudInitDrive(climbed.seen.config?.values ?? {})) {
    const { vmid, node } = draft.status
    const remedy = `An admin must add a drive on ${node}: qm set ${vmid} --ide2 STORAGE:cloudinit`
    return fails('CloudInitConfigured', 'NoCloudInitDrive', `VM ${vmid} has no cloud-init drive, and ${why}. ${remedy}.`)
  }
  if (guest.behind.length === 0) return holds('CloudInitConfigured')
  return holds(
    'CloudInitConfigured',
    'RestartRequired',
    `The guest gets these only at its next start from off: ${guest.behind.join(', ')}.`,
  )
}
