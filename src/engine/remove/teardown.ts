import { dnsHolds } from '../../dns/vm-status.ts'
import { findLost } from './find-lost.ts'
import { claimantOf } from '../create/addresses.ts'
import { deleteCredentials } from '../create/credentials.ts'
import { dropFinalizer, hasFinalizer } from '../create/finalizer.ts'
import type { Pass } from '../pass.ts'
import { openRequests } from '../create/clone-requests.ts'
import { recordEvent } from '../dependencies.ts'
import { removals, removeFromPve } from './removal.ts'
import { type Outcome, done, wait } from '../../ladder/outcome.ts'
import { deleteCommand } from './delete-command.ts'

/**
 * The end of a VM, by deletionPolicy. An address is free only after PVE confirmed that the VM is gone; a failure keeps address, VMID and
 * finalizer, and is tried for ever. One request to PVE at a time, each decided by a look.
 */
export async function tearDown(pass: Pass): Promise<Outcome> {
  const { deps, draft } = pass
  if (!hasFinalizer(draft.vm)) return done
  if (draft.vm.spec.deletionPolicy === 'Orphan') return await orphan(pass)
  const lost = await findLost(pass)
  if (lost) return lost
  const { status } = draft
  if (openRequests(status, pass.memory).length > 0 || (status.intentAt && !pass.memory.clone.isUnasked)) {
    const cluster = deps.clusters.get(draft.vm.spec.clusterRef.name)
    if (!cluster) return wait('ClusterNotReady', `ProxmoxCluster "${draft.vm.spec.clusterRef.name}" is needed to take the VM down.`)
    const gone = await removeFromPve(pass, cluster, draft.vm.spec.deletionPolicy === 'Remove' ? removals.remove : removals.terminate)
    if (gone.is !== 'done') return gone
  }
  // Its own track takes the records out beside all this, and hands over after a minute what it cannot: they come back through the watch.
  if (dnsHolds(draft.vm)) deps.releaseDns(pass.key, draft.vm.metadata.uid ?? '')
  if (dnsHolds(draft.vm)) return wait('Synchronising', 'The VM is gone; its DNS records are being removed.')
  return await giveBack(pass)
}

async function orphan(pass: Pass): Promise<Outcome> {
  const { deps, draft } = pass
  deps.mayAct()
  const held = draft.status.addresses?.map((address) => address.address).join(', ')
  await deps.book.release(claimantOf(draft), { outcome: 'orphan' })
  recordEvent(deps, draft.vm, 'Normal', 'Orphaned', `VM ${draft.status.vmid} stays in PVE untouched`)
  if (held)
    recordEvent(deps, draft.vm, 'Normal', 'AddressOrphaned', `${held} stay held; an admin frees them by deleting the PoolAddress objects`)
  await deleteCommands(pass)
  await dropFinalizer(deps, draft)
  return done
}

/** A command is kept until its object goes, and must not reach another VM of the same name. */
async function deleteCommands({ deps, key }: Pass): Promise<void> {
  for (const command of deps.commandsOf(key)) await deleteCommand(deps.client, command)
}

/** Only now: nothing in PVE uses the addresses any more. */
async function giveBack(pass: Pass): Promise<Outcome> {
  const { deps, draft, key } = pass
  deps.mayAct()
  const { vm, status } = draft
  const addresses = deps.book.held(vm.metadata.uid ?? '').map(({ spec }) => spec.address)
  await deps.book.release(claimantOf(draft), { outcome: 'free' })
  await deleteCredentials(vm, deps.client)
  await deleteCommands(pass)
  const told = `VM ${status.vmid ?? '(never made)'} is gone${addresses.length > 0 ? `; given back: ${addresses.join(', ')}` : ''}`
  recordEvent(deps, vm, 'Normal', 'Terminated', told)
  deps.log.info({ vm: key, vmid: status.vmid }, told)
  await dropFinalizer(deps, draft)
  return done
}
