/** The request that makes a VM from the backup of another one, checked right before it leaves. */
import { ownTag } from '../../ladder/mark.ts'
import { type Outcome, isOutcome, wait } from '../../ladder/outcome.ts'
import { templateFor } from '../../want/birth.ts'
import { isBareGuest } from '../bare-guest.ts'
import type { Climb } from '../climb-pass.ts'
import { findBackupFile } from './backup-file.ts'
import { chooseAgain } from './choose-again.ts'

export interface BirthRequest {
  /** Node whose slot it takes; absent: it copies nothing. */
  readonly slotOf?: string
  /** Answers with the task. */
  readonly send: () => Promise<string>
}

/**
 * Into a free number, or onto the empty guest that a failed restore of ours has left there. Our mark and a start from a reboot of the node
 * (onboot) come with the request itself: the file may be of a VM that runs, with its address, and that starts with its node.
 */
export async function restoreRequest(climb: Climb): Promise<BirthRequest | Outcome> {
  const { draft, cluster, identity, look } = climb
  const { template, node = '' } = draft.status
  const { volume = '', isLeft } = template ?? {}
  const { storage } = templateFor(draft.vm, draft.status)
  const listing = cluster.inventory.current() ?? (await cluster.inventory.since(0))
  const found = await findBackupFile(climb, cluster, listing, { volume })
  // What a failed attempt left under the number must not be lost sight of.
  if (isOutcome(found)) return isLeft || found.is !== 'stalled' ? found : chooseAgain(climb, found.message.replace(/\.$/, ''), 30_000)
  if (!found.nodes.includes(node) && isLeft)
    return wait('BackupStorage', `${node}, where a failed restore left VM ${identity.vmid}, does not reach ${volume} now.`)
  if (!found.nodes.includes(node)) return chooseAgain(climb, `${node} no longer reaches ${volume}`, 0)
  if (isLeft) await look.need('presence')
  const force = isLeft === true && look.seen.guest === 'ours' && isBareGuest(look.seen.config?.values)
  const pool = draft.status.possessions?.pool ?? cluster.spec.pvePool
  const send = async () =>
    await cluster.pve.restore(
      { node, vmid: identity.vmid },
      {
        archive: volume,
        force,
        unique: true,
        name: identity.name,
        description: identity.description,
        onboot: false,
        ...(cluster.spec.tags !== 'None' && { tags: ownTag }),
        ...(storage !== undefined && { storage }),
        ...(pool !== undefined && { pool }),
      },
    )
  return { slotOf: node, send }
}
