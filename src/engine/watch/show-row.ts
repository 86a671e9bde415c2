/** Power and lock in the status of a VM that is being worked on: what was looked at last, else what the listing says. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { conditionOf, isTrue } from '../../api/condition.ts'
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import { showingLock } from '../note-look.ts'
import type { Pass } from '../pass.ts'
import type { Change } from '../status.ts'
import { guestStateOf, powerIn } from '../guest-state.ts'
import { broadcastMs } from './listing.ts'

/** Called at the end of a pass, before its status is written. */
export function showRow({ draft, memory }: Pick<Pass, 'draft' | 'memory'>, cluster: PveCluster | undefined): void {
  if (isGone(draft.status)) draft.change(withoutRow)
  const listing = cluster?.inventory.current()
  if (!cluster || !listing || cluster.inventory.unreachableSinceMs !== undefined || cluster.identity.other !== undefined) return
  const row = listing.guests.get(draft.status.vmid ?? 0)
  const node = row && listing.nodes.get(row.node)
  if (!row || row.kind !== 'qemu' || node?.online !== true || !draft.status.intentAt || isGone(draft.status)) return
  // Before the clone is known to be ours, only its lock is told: the guest under that number may be anybody's.
  const isCloned = isTrue(draft.status.conditions, 'Cloned')
  const { powerSeenAtMs = -Infinity, lockSeenAtMs = -Infinity } = memory.listing
  const isCopying = row.lock === 'clone' && draft.status.step?.name === 'clone'
  if (listing.startedAtMs > lockSeenAtMs && (isCloned || isCopying)) draft.change(showingLock(row.lock))
  if (!isCloned || conditionOf(draft.status.conditions, 'Ready')?.reason === 'VMForeign') return
  const power = powerIn(guestStateOf({ row, node }))
  if (power === undefined || power === draft.status.remoteStatus) return
  if (listing.startedAtMs >= powerSeenAtMs + broadcastMs) draft.change((status) => ({ ...status, remoteStatus: power }))
  // Whatever is true, a listing after the next broadcast tells it.
  else memory.listing.isBehind = true
}

const isGone = ({ removedAt, terminatedAt, conditions }: ProxmoxVMStatus): boolean =>
  removedAt !== undefined || terminatedAt !== undefined || conditionOf(conditions, 'Ready')?.reason === 'VMMissing'

const withoutRow: Change = ({ remoteStatus: _, remoteLock: __, ...status }) => status
