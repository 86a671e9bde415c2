import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import type { GuestRow, Listing } from '../../proxmox/listing.ts'
import { holds, readiness } from '../conditions.ts'
import { type GuestShown, guestStateOf, powerIn } from '../guest-state.ts'
import { readyOf } from '../guest-verdict.ts'
import { staysAsFound } from '../adopt/as-found-state.ts'
import { firewallVerdict } from '../firewall-verdict.ts'
import { outdated } from '../apply/left-undone.ts'
import { guestIsOff } from '../guest-facts.ts'
import { saidLinkDown } from '../link-down.ts'
import type { Pass } from '../pass.ts'
import { pveNowMs } from '../pve-time.ts'
import { nowIso, type Dependencies } from '../dependencies.ts'
import { judged } from '../status.ts'
import { firewallField } from '../../want/as-found.ts'
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
  readFirewall(deps, draft, cluster)
  const listing = cluster.inventory.current()
  if (!listing || cluster.inventory.unreachableSinceMs !== undefined) return false
  const listed = listing.guests.get(draft.status.vmid ?? 0)
  if (!listed) return true
  if (listed.lock === 'clone' || listed.kind !== 'qemu') return true
  const { state, row } = await stateNow(pass, cluster, listing, withLockSeen(pass, listing, listed))
  const power = powerIn(state)
  draft.change((status) => withRow(status, row, power))
  if (power === 'stopped' && draft.status.guest) draft.change(guestIsOff)
  if (state.is === 'template') return true
  readPower(pass, row, state)
  const isLocked = row.lock !== undefined && row.lock !== 'suspended'
  return (
    !isLocked &&
    (wantsOtherPower(draft, power) ||
      isPowerOfOthers(draft.status, power) ||
      mayHaveLetGo(draft.status.guestSeen, row, pveNowMs(cluster, deps)))
  )
}

/** A guest that was taken over had another power then: somebody has asked for this one, and its power is ours from now on. */
const isPowerOfOthers = ({ adoption }: ProxmoxVMStatus, power: 'running' | 'stopped' | undefined): boolean =>
  power !== undefined && (adoption?.differences ?? []).some(({ field, found }) => field === 'power' && found !== power)

/** The figures of a listing are up to a broadcast old, and clocks differ. */
const youngerByMs = 45_000

/** The guest may have been started from off since PVE was given other values, or its node has changed: a thorough look tells. */
function mayHaveLetGo(seen: ProxmoxVMStatus['guestSeen'], row: GuestRow, nowMs: number): boolean {
  if (!seen || row.status === 'unknown') return false
  if (row.status === 'stopped' || row.node !== seen.node) return true
  return nowMs - row.uptimeSeconds * 1000 > Date.parse(seen.since) + youngerByMs
}

/** A lock that was seen at the VM itself is not taken back by a listing from before. */
function withLockSeen({ draft, memory }: Omit<Pass, 'key'>, { startedAtMs }: Listing, row: GuestRow): GuestRow {
  return startedAtMs < (memory.listing.lockSeenAtMs ?? -Infinity) ? withLock(row, draft.status.remoteLock) : row
}

const withLock = ({ lock: _, ...row }: GuestRow, lock: string | undefined): GuestRow => ({ ...row, ...(lock !== undefined && { lock }) })

/** What was seen at the VM itself is not taken back by a broadcast from before: where they contradict each other, PVE is asked. */
async function stateNow(
  { deps, draft, memory }: Omit<Pass, 'key'>,
  cluster: PveCluster,
  listing: Listing,
  row: GuestRow,
): Promise<{ state: GuestShown; row: GuestRow }> {
  const node = listing.nodes.get(row.node)
  const told = guestStateOf({ row, ...(node && { node }) })
  const power = powerIn(told)
  const { remoteStatus, conditions } = draft.status
  const isOlder = memory.listing.powerSeenAtMs !== undefined && listing.startedAtMs < memory.listing.powerSeenAtMs + broadcastMs
  const isContradicted = power !== undefined && power !== remoteStatus && isOlder
  // The rows of a node that was off are from before, until it has told new ones; and some nodes tell none.
  const { isTouched = false } = memory.listing
  const isUnknown = isTouched || remoteStatus === undefined || conditionOf(conditions, 'Ready')?.reason === 'NodeOffline'
  const isOff = told.is === 'unknown' && told.why === 'node-offline'
  if (isOff || (!isContradicted && !isUnknown)) return { state: told, row }
  memory.listing.powerSeenAtMs = memory.listing.lockSeenAtMs = deps.clock.monotonicMs()
  const current = await cluster.pve.statusCurrent(row)
  delete memory.listing.isTouched
  memory.listing.isBehind = power !== undefined && current.status !== power
  return { state: guestStateOf({ row, current }), row: withLock(row, current.lock) }
}

/** Ready as the guest is. A reason that stands for the same is left alone: Suspended is the business of a thorough look. */
function readPower({ deps, draft }: Omit<Pass, 'key'>, { vmid, node }: GuestRow, state: GuestShown): void {
  const linkDown = state.is === 'running' ? saidLinkDown(draft.status) : undefined
  const ready =
    linkDown === undefined
      ? readyOf(state, { vmid, node }, { isSuspended: isSuspended(draft.vm) })
      : readiness('stalled', 'LinkDown', linkDown)
  const [said] = ready?.verdicts ?? []
  const standing = conditionOf(draft.status.conditions, 'Ready')
  if (!ready || (said?.status === standing?.status && said?.reason === standing?.reason)) return
  draft.change(judged(draft.vm, nowIso(deps.clock), ready.verdicts, ready.dropped))
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

/** The switch of the whole datacenter; what else the condition says is the business of a thorough look. */
function readFirewall(deps: Dependencies, draft: VMStatusDraft, cluster: Pick<PveCluster, 'facts'>): void {
  const isEnforced = cluster.facts()?.firewallEnabled
  if (isEnforced === undefined) return
  const said = conditionOf(draft.status.conditions, 'FirewallConfigured')
  const isWanted = draft.status.package?.firewall?.enabled === true && !staysAsFound(draft.status, firewallField('enable'))
  const now = firewallVerdict(isWanted, isEnforced)
  const isOfSwitch = said?.status === 'True' || said?.reason === 'NotEnforced'
  if (isOfSwitch && said.status !== now.status) draft.change(judged(draft.vm, nowIso(deps.clock), [now]))
}

function wantsOtherPower({ vm }: VMStatusDraft, power: 'running' | 'stopped' | undefined): boolean {
  return (
    (vm.spec.runStrategy === 'Always' && power === 'stopped' && !isSuspended(vm)) ||
    ((vm.spec.runStrategy === 'Halted' || isSuspended(vm)) && power === 'running')
  )
}

type Power = ReturnType<typeof powerIn>

/** In other states high availability does its work, and they change with each order. */
const toldHaStates: ReadonlySet<string> = new Set(['error', 'ignored'])

function withRow({ remoteLock: _, haState: __, ...status }: ProxmoxVMStatus, row: GuestRow, power: Power): ProxmoxVMStatus {
  const haState = toldHaStates.has(row.haState ?? '') ? row.haState : undefined
  return {
    ...status,
    ...(haState && { haState }),
    node: row.node,
    ...(power && { remoteStatus: power }),
    ...(row.lock && { remoteLock: row.lock }),
  }
}
