import { dnsHolds } from '../../dns/vm-status.ts'
import { claimantOf } from '../create/addresses.ts'
import { deleteCredentials } from '../create/credentials.ts'
import { dropFinalizer, hasFinalizer } from '../create/finalizer.ts'
import type { Pass } from '../pass.ts'
import { tell } from '../dependencies.ts'
import { removals, removeFromPve } from './removal.ts'
import { type Outcome, done, wait } from '../../ladder/outcome.ts'
import { deleteCommand } from './delete-command.ts'

/**
 * The end of a VM, by deletionPolicy. An address is free only after PVE confirmed that the VM is gone; a failure keeps address, VMID and
 * finalizer, and is tried for ever. One request to PVE at a time, each decided by a look.
 */
export async function tearDown(it: Pass): Promise<Outcome> {
  const { room, record } = it
  if (!hasFinalizer(record.vm)) return done
  if (record.vm.spec.deletionPolicy === 'Orphan') return await orphan(it)
  if (record.status.intentAt && !it.memory.cloneUnasked) {
    const cluster = room.clusters.get(record.vm.spec.clusterRef.name)
    if (!cluster) return wait('ClusterNotReady', `ProxmoxCluster "${record.vm.spec.clusterRef.name}" is needed to take the VM down.`)
    const gone = await removeFromPve(it, cluster, record.vm.spec.deletionPolicy === 'Remove' ? removals.remove : removals.terminate)
    if (gone.is !== 'done') return gone
  }
  // Its own track takes the records out beside all this, and hands over after a minute what it cannot: they come back through the watch.
  if (dnsHolds(record.vm)) return wait('Synchronising', 'The VM is gone; its DNS records are being removed.')
  return await giveBack(it)
}

async function orphan(it: Pass): Promise<Outcome> {
  const { room, record } = it
  room.mayAct()
  const held = record.status.addresses?.map((address) => address.address).join(', ')
  await room.book.release(claimantOf(record.vm), { outcome: 'orphan' })
  tell(room, record.vm, 'Normal', 'Orphaned', `VM ${record.status.vmid} stays in PVE untouched`)
  if (held) tell(room, record.vm, 'Normal', 'AddressOrphaned', `${held} stay held; an admin frees them by deleting the PoolAddress objects`)
  await deleteCommands(it)
  await dropFinalizer(room, record)
  return done
}

/** A command is kept until its object goes, and must not reach another VM of the same name. */
async function deleteCommands({ room, key }: Pass): Promise<void> {
  for (const command of room.commandsOf(key)) await deleteCommand(room.client, command)
}

/** Only now: nothing in PVE uses the addresses any more. */
async function giveBack(it: Pass): Promise<Outcome> {
  const { room, record, key } = it
  room.mayAct()
  const { vm, status } = record
  const addresses = room.book.held(vm.metadata.uid ?? '').map(({ spec }) => spec.address)
  await room.book.release(claimantOf(vm), { outcome: 'free' })
  await deleteCredentials(vm, room.client)
  await deleteCommands(it)
  const told = `VM ${status.vmid ?? '(never made)'} is gone${addresses.length > 0 ? `; given back: ${addresses.join(', ')}` : ''}`
  tell(room, vm, 'Normal', 'Terminated', told)
  room.log.info({ vm: key, vmid: status.vmid }, told)
  await dropFinalizer(room, record)
  return done
}
