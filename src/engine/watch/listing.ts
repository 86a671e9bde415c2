import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import type { GuestRow, Snapshot } from '../../proxmox/snapshot.ts'
import { holds, standing } from '../conditions.ts'
import { outdated } from '../apply/ready.ts'
import type { Pass } from '../pass.ts'
import { nowIso, type Room } from '../dependencies.ts'
import { judged } from '../status.ts'
import { isSuspended } from '../../want/suspension.ts'
import type { VMRecord } from '../status-draft.ts'
import { conditionOf } from '../../api/condition.ts'

/** The power a listing tells is what pvestatd broadcast last: up to this much older than the listing. */
export const broadcastMs = 12_000

/**
 * A settled VM costs no request: the listing that serves all VMs of the cluster tells where it is, whether it runs and whether it is locked.
 * True: something shows that only a thorough look can judge.
 */
export async function readListing(it: Omit<Pass, 'key'>, cluster: PveCluster): Promise<boolean> {
  const { room, record } = it
  readPackage(room, record)
  const snapshot = cluster.inventory.current()
  if (!snapshot || cluster.inventory.unreachableSinceMs !== undefined) return false
  const row = snapshot.guests.get(record.status.vmid ?? 0)
  if (!row) return snapshot.allNodesOnline
  if (row.lock === 'clone' || row.kind !== 'qemu') return true
  const power = await powerNow(it, cluster, snapshot, row)
  record.change((status) => withRow(status, row, power))
  const mayHaveRestarted = conditionOf(record.status.conditions, 'CloudInitConfigured')?.reason === 'RestartRequired'
  const isChanged = power !== undefined && power !== record.vm.status?.remoteStatus
  if (power && power !== record.vm.status?.remoteStatus) {
    const ready = standing('ready', isSuspended(record.vm) ? 'Suspended' : power === 'running' ? 'Running' : 'Stopped', '')
    record.change(judged(record.vm, nowIso(room.clock), ready.verdicts, ready.dropped))
  }
  return !row.lock && (wantsOtherPower(record, power) || (isChanged && mayHaveRestarted))
}

/** What was seen at the VM itself is not taken back by a broadcast from before: where they contradict each other, PVE is asked. */
async function powerNow({ room, record, memory }: Omit<Pass, 'key'>, cluster: PveCluster, snapshot: Snapshot, row: GuestRow) {
  const told = powerOf(row)
  const isOlder = memory.powerSeenAtMs !== undefined && snapshot.startedAtMs < memory.powerSeenAtMs + broadcastMs
  if (told === undefined || told === record.status.remoteStatus || !isOlder) return told
  memory.powerSeenAtMs = room.clock.now()
  const { status } = await cluster.pve.statusCurrent(row)
  memory.isListingBehind = status !== told
  return status
}

/** An edited VMPackage is shown and not taken; what else the condition says is the business of a thorough look. */
function readPackage(room: Room, record: VMRecord): void {
  const { vm } = record
  const source = record.status.packageSource
  const now = source && room.packages.get(source.name)?.metadata.generation
  const said = conditionOf(record.status.conditions, 'PackageApplied')
  if (now === undefined || said === undefined) return
  const iso = nowIso(room.clock)
  if (now !== source?.generation && said.status === 'True') record.change(judged(vm, iso, [outdated(source, now)]))
  if (now === source?.generation && said.reason === 'PackageOutdated') record.change(judged(vm, iso, [holds('PackageApplied')]))
}

function wantsOtherPower({ vm }: VMRecord, power: 'running' | 'stopped' | undefined): boolean {
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
