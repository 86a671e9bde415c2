import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import type { GuestRow, Listing } from '../../proxmox/listing.ts'
import { holds, readiness } from '../conditions.ts'
import { outdated } from '../apply/left-undone.ts'
import { guestIsOff } from '../guest-facts.ts'
import type { Pass } from '../pass.ts'
import { nowIso, type Dependencies } from '../dependencies.ts'
import { judged } from '../status.ts'
import { isSuspended } from '../../want/suspension.ts'
import type { VMStatusDraft } from '../status-draft.ts'
import { conditionOf } from '../../api/condition.ts'

/** The power a listing tells is what pvestatd broadcast last: up to this much older than the listing. */
export const broadcastMs = 12_000

/**
 * A settled VM costs no request: the listing that serves all VMs of the cluster tells where it is, whether it runs and whether it is locked.
 * True: something shows that only a thorough look can judge.
 */
export async function readListing(pass: Omit<Pass, 'key'>, cluster: PveCluster): Promise<boolean> {
  const { deps, draft } = pass
  readPackage(deps, draft)
  const listing = cluster.inventory.current()
  if (!listing || cluster.inventory.unreachableSinceMs !== undefined) return false
  const row = listing.guests.get(draft.status.vmid ?? 0)
  if (!row) return true
  if (row.lock === 'clone' || row.kind !== 'qemu') return true
  const power = await powerNow(pass, cluster, listing, row)
  draft.change((status) => withRow(status, row, power))
  if (power === 'stopped' && draft.status.guest) draft.change(guestIsOff)
  const pveNowMs = deps.clock.now() + cluster.clockSkewMs
  if (power && power !== draft.written.remoteStatus) {
    const ready = readiness('ready', isSuspended(draft.vm) ? 'Suspended' : power === 'running' ? 'Running' : 'Stopped', '')
    draft.change(judged(draft.vm, nowIso(deps.clock), ready.verdicts, ready.dropped))
  }
  return !row.lock && (wantsOtherPower(draft, power) || mayHaveLetGo(draft.status.guestSeen, row, pveNowMs))
}

/** The figures of a listing are up to a broadcast old, and clocks differ. */
const youngerByMs = 45_000

/** The guest may have been started from off since PVE was given other values, or its node has changed: a thorough look tells. */
function mayHaveLetGo(seen: ProxmoxVMStatus['guestSeen'], row: GuestRow, pveNowMs: number): boolean {
  if (!seen || row.status === 'unknown') return false
  if (row.status === 'stopped' || row.node !== seen.node) return true
  return pveNowMs - row.uptimeSeconds * 1000 > Date.parse(seen.since) + youngerByMs
}

/** What was seen at the VM itself is not taken back by a broadcast from before: where they contradict each other, PVE is asked. */
async function powerNow({ deps, draft, memory }: Omit<Pass, 'key'>, cluster: PveCluster, listing: Listing, row: GuestRow) {
  const told = powerOf(row)
  const isOlder = memory.listing.powerSeenAtMs !== undefined && listing.startedAtMs < memory.listing.powerSeenAtMs + broadcastMs
  if (told === undefined || told === draft.status.remoteStatus || !isOlder) return told
  memory.listing.powerSeenAtMs = deps.clock.monotonicMs()
  const { status } = await cluster.pve.statusCurrent(row)
  memory.listing.isBehind = status !== told
  return status
}

/** An edited VMPackage is shown and not taken; what else the condition says is the business of a thorough look. */
function readPackage(deps: Dependencies, draft: VMStatusDraft): void {
  const { vm } = draft
  const source = draft.status.packageSource
  const now = source && deps.packages.get(source.name)?.metadata.generation
  const said = conditionOf(draft.status.conditions, 'PackageApplied')
  if (now === undefined || said === undefined) return
  const iso = nowIso(deps.clock)
  const newer = now === source?.generation ? undefined : outdated(said, source, now)
  if (newer) draft.change(judged(vm, iso, [newer]))
  if (now === source?.generation && said.reason === 'PackageOutdated') draft.change(judged(vm, iso, [holds('PackageApplied')]))
}

function wantsOtherPower({ vm }: VMStatusDraft, power: 'running' | 'stopped' | undefined): boolean {
  return (
    (vm.spec.runStrategy === 'Always' && power === 'stopped' && !isSuspended(vm)) ||
    ((vm.spec.runStrategy === 'Halted' || isSuspended(vm)) && power === 'running')
  )
}

/** `unknown` (a fresh guest, or a node that is down) tells nothing: what was known is kept. */
function powerOf(row: GuestRow): 'running' | 'stopped' | undefined {
  if (row.status === 'unknown') return undefined
  return row.status === 'stopped' ? 'stopped' : 'running'
}

type Power = ReturnType<typeof powerOf>

function withRow({ remoteLock: _, ...status }: ProxmoxVMStatus, row: GuestRow, power: Power): ProxmoxVMStatus {
  return { ...status, node: row.node, ...(power && { remoteStatus: power }), ...(row.lock && { remoteLock: row.lock }) }
}
