/** The end of an object, by deletionPolicy: its VM, its addresses, its backups, its Secret, and itself. */
import { abandonBackupsAnnotation } from '../../api/group.ts'
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import { dnsHolds } from '../../dns/vm-status.ts'
import { removals } from '../../lifecycle.ts'
import { fileOfBirth, holdsNothing } from '../../want/birth.ts'
import { findLost } from './find-lost.ts'
import { claimantOf } from '../create/addresses.ts'
import { deleteCredentials } from '../create/credentials.ts'
import { dropFinalizer, hasFinalizer } from '../create/finalizer.ts'
import { conditionOf } from '../../api/condition.ts'
import { backupUnderWay } from '../backup-under-way.ts'
import type { Pass } from '../pass.ts'
import { openRequests } from '../create/clone-requests.ts'
import { nowIso, recordEvent } from '../dependencies.ts'
import { type Outcome, done, isOutcome, wait } from '../../ladder/outcome.ts'
import { climbDown, type Removal } from './climb-down.ts'
import { deleteBackupObjects, deletesBackups } from './backup-objects.ts'
import { deleteCommand } from './delete-command.ts'
import { pauseLeft, removeFromPve } from './removal.ts'
import { RemovalLook } from './removal-look.ts'
import { readRemovalReceipt } from './removal-receipt.ts'

const never = '9999-12-31T00:00:00Z'

/**
 * An address is free only after PVE confirmed that the VM is gone, and then at once; what cannot be done keeps the object, says why and is
 * tried for ever. One request to PVE at a time, each decided by a look.
 */
export async function tearDown(pass: Pass): Promise<Outcome> {
  const { deps, draft } = pass
  if (!hasFinalizer(draft.vm)) return done
  if (draft.vm.spec.deletionPolicy === 'Orphan') return await orphan(pass)
  const lost = await findLost(pass)
  if (lost) return lost
  const { status } = draft
  const cluster = deps.clusters.get(draft.vm.spec.clusterRef.name)
  const isMade = openRequests(status, pass.memory).length > 0 || (status.intentAt !== undefined && !pass.memory.clone.isUnasked)
  if (isMade && !status.terminatedAt) {
    if (!cluster) return clusterNeeded(pass)
    const gone = await removeFromPve(pass, cluster, removalOf(pass))
    if (gone.is !== 'done') return gone
    draft.change((status) => ({ ...status, terminatedAt: nowIso(deps.clock) }))
  }
  // Its own track takes the records out beside all this, and hands over after a minute what it cannot: they come back through the watch.
  if (dnsHolds(draft.vm)) deps.releaseDns(pass.key, draft.vm.metadata.uid ?? '')
  if (dnsHolds(draft.vm)) return wait('Synchronising', 'The VM is deleted; the operator removes its DNS records.')
  await giveBack(pass)
  const left = isMade ? await removeLeftovers(pass, cluster) : done
  if (left.is !== 'done') return left
  return await finish(pass)
}

/** How its VM goes, by what the object says of it and of its backups. */
export function removalOf(pass: Pick<Pass, 'deps' | 'key' | 'draft'>): Removal {
  const { spec } = pass.draft.vm
  const errand = { kind: 'deletion' } as const
  if (deletesBackups(spec)) return { errand, before: keepsNeeded(pass), ladder: removals.terminate }
  // A backup that is kept is made to its end.
  const hindrance = async () => backupUnderWay(pass)
  const dismissal = holdsNothing(pass.draft.status) ? removals.dismissUnfinished : removals.dismiss
  return { errand, hindrance, ladder: spec.deletionPolicy === 'Remove' ? dismissal : removals.terminateWithoutBackups }
}

const clusterNeeded = ({ draft }: Pass): Outcome =>
  wait(
    'ClusterNotReady',
    `ProxmoxCluster "${draft.vm.spec.clusterRef.name}" does not exist or is not ready, so the operator cannot delete the VM; create or repair it.`,
  )

async function orphan(pass: Pass): Promise<Outcome> {
  const { deps, draft } = pass
  deps.mayAct()
  const held = draft.status.addresses?.map((address) => address.address).join(', ')
  await deps.book.release(claimantOf(draft), { outcome: 'orphan' })
  recordEvent(deps, draft.vm, 'Normal', 'Orphaned', `VM ${draft.status.vmid} stays in PVE as it is`)
  if (held)
    recordEvent(
      deps,
      draft.vm,
      'Normal',
      'AddressOrphaned',
      `${held} stay reserved; an admin can free them by deleting the PoolAddress objects`,
    )
  await deleteCommands(pass)
  await deleteBackupObjects(pass, { hasFiles: true })
  await dropFinalizer(deps, draft)
  return done
}

/** A command is kept until its object goes, and must not reach another VM of the same name. */
async function deleteCommands({ deps, key }: Pass): Promise<void> {
  for (const command of deps.commandsOf(key)) await deleteCommand(deps.client, command)
}

/** Only now: nothing in PVE uses the addresses any more. Told once, whatever the object stays for afterwards. */
async function giveBack({ deps, draft, key, memory }: Pass): Promise<void> {
  deps.mayAct()
  const { vm, status } = draft
  const addresses = deps.book.held(vm.metadata.uid ?? '').map(({ spec }) => spec.address)
  await deps.book.release(claimantOf(draft), { outcome: 'free' })
  if (memory.removal.isTold && addresses.length === 0) return
  memory.removal.isTold = true
  const told = `VM ${status.vmid ?? '(never made)'} is gone${addresses.length > 0 ? `; given back: ${addresses.join(', ')}` : ''}`
  recordEvent(deps, vm, 'Normal', 'Terminated', told)
  deps.log.info({ vm: key, vmid: status.vmid }, told)
}

/** Backups that could not go before their VM. They keep the object, and nothing else. */
async function removeLeftovers(pass: Pass, cluster: PveCluster | undefined): Promise<Outcome> {
  const { draft, memory } = pass
  // Without a number there was no VM that could have backups; an earlier one's went with it.
  if (draft.status.vmid === undefined) return done
  const wasCloned = draft.status.clonedAt !== undefined || conditionOf(draft.status.conditions, 'Cloned') !== undefined
  if (!deletesBackups(draft.vm.spec) || !wasCloned || memory.removal.hasNoBackups) return done
  const outcome = cluster ? await deleteLeftovers(pass, cluster) : clusterNeeded(pass)
  const isGivenUp = draft.vm.metadata.annotations?.[abandonBackupsAnnotation] === 'true'
  if (!isGivenUp || outcome.is === 'done' || (outcome.is === 'wait' && outcome.task !== undefined)) return outcome
  if (outcome.is === 'wait' && outcome.isQuiet) return outcome
  recordEvent(pass.deps, draft.vm, 'Warning', 'BackupsAbandoned', `The backups stay where they are: ${outcome.message}`)
  return done
}

async function deleteLeftovers(pass: Pass, cluster: PveCluster): Promise<Outcome> {
  const receipt = await readRemovalReceipt(pass, cluster, false)
  if (receipt && isOutcome(receipt)) return receipt
  const pause = pauseLeft(pass)
  if (pause) return pause
  return await climbDown(pass, cluster, await lookAtLeftovers(pass, cluster), { before: keepsNeeded(pass), ladder: removals.leftovers })
}

/** The VM is proved to be gone: files without our mark belong to whoever has the number now. Asked only where there are any. */
async function lookAtLeftovers({ deps, draft: { vm, status } }: Pass, cluster: PveCluster): Promise<RemovalLook> {
  const { uid = '' } = vm.metadata
  const look = new RemovalLook({ cluster, status, uid })
  await look.need('backups')
  if (!look.seen.backups?.found.length) return look
  const { guests } = await cluster.inventory.since(deps.clock.monotonicMs())
  return guests.has(status.vmid ?? 0) ? new RemovalLook({ cluster, status: { ...status, clonedAt: never }, uid }) : look
}

/** A new VM is being made from a backup of this one, which may be the only copy there is. The power is cut all the same. */
const keepsNeeded =
  ({ deps, draft: { vm, status } }: Pick<Pass, 'deps' | 'draft'>): NonNullable<Removal['before']> =>
  async ({ name }) => {
    if (name === 'stop') return done
    const isMadeFromIt = (other: ProxmoxVM) =>
      other.metadata.uid !== vm.metadata.uid &&
      other.spec.clusterRef.name === vm.spec.clusterRef.name &&
      other.status?.template?.vmid === status.vmid &&
      fileOfBirth(other.status ?? {}) !== undefined
    const made = deps.vms.list().find(isMadeFromIt)
    if (!made) return done
    const { namespace, name: other } = made.metadata
    return wait(
      'InUse',
      `ProxmoxVM ${namespace}/${other} is being made from a backup of this VM; the operator deletes this VM and its backups after that.`,
      15_000,
    )
  }

/** Nothing of it is left. */
async function finish(pass: Pass): Promise<Outcome> {
  const { deps, draft } = pass
  deps.mayAct()
  await deleteCredentials(draft.vm, deps.client)
  await deleteCommands(pass)
  await deleteBackupObjects(pass, {
    hasFiles: !deletesBackups(draft.vm.spec) || draft.vm.metadata.annotations?.[abandonBackupsAnnotation] === 'true',
  })
  await dropFinalizer(deps, draft)
  return done
}
