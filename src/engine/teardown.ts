import type { PveCluster } from '../proxmox/cluster.ts'
import { claimantOf } from './addresses.ts'
import { deleteBackup, nextBackup } from './backups.ts'
import { findCloneTask } from './clone-task.ts'
import { deleteCredentials } from './credentials.ts'
import { dropFinalizer, hasFinalizer } from './finalizer.ts'
import { Look } from './look.ts'
import type { Memory } from './memory.ts'
import { nowIso, tell, type Room } from './room.ts'
import { working } from './status.ts'
import { done, stalled, wait, waitForTask, type Outcome } from './step.ts'
import type { VMRecord } from './vm-record.ts'
import { markOf } from './wanted.ts'

export interface Teardown {
  readonly room: Room
  readonly key: string
  readonly record: VMRecord
  readonly memory: Memory
}

/**
 * The end of a VM, by deletionPolicy. An address is free only after PVE confirmed that the VM is gone; a failure keeps address, VMID and
 * finalizer, and is tried for ever. One request to PVE at a time, each decided by a look.
 */
export async function tearDown(it: Teardown): Promise<Outcome> {
  const { room, record } = it
  if (!hasFinalizer(record.vm)) return done
  if (record.vm.spec.deletionPolicy === 'Orphan') return await orphan(it)
  if (record.status.intentAt && !it.memory.cloneUnasked) {
    const cluster = room.clusters.get(record.vm.spec.clusterRef.name)
    if (!cluster) return wait('ClusterNotReady', `ProxmoxCluster "${record.vm.spec.clusterRef.name}" is needed to take the VM down.`)
    const gone = await removeFromPve(it, cluster)
    if (gone.is !== 'done') return gone
  }
  return await giveBack(it)
}

async function orphan({ room, record }: Teardown): Promise<Outcome> {
  const held = record.status.addresses?.map((address) => address.address).join(', ')
  await room.book.release(claimantOf(record.vm), { outcome: 'orphan' })
  tell(room, record.vm, 'Normal', 'Orphaned', `VM ${record.status.vmid} stays in PVE untouched${held ? `; held for it: ${held}` : ''}`)
  await dropFinalizer(room, record)
  return done
}

/** Only now: nothing in PVE uses the addresses any more. */
async function giveBack({ room, record, key }: Teardown): Promise<Outcome> {
  const { vm, status } = record
  const addresses = room.book.held(vm.metadata.uid ?? '').map(({ spec }) => spec.address)
  await room.book.release(claimantOf(vm), { outcome: 'free' })
  await deleteCredentials(vm, room.client)
  const told = `VM ${status.vmid ?? '(never made)'} is gone${addresses.length > 0 ? `; given back: ${addresses.join(', ')}` : ''}`
  tell(room, vm, 'Normal', 'Terminated', told)
  room.log.info({ vm: key, vmid: status.vmid }, told)
  await dropFinalizer(room, record)
  return done
}

/** Everything else (a shutdown, a resize) is overtaken by cutting the power. */
const notInterrupted: ReadonlySet<string> = new Set(['clone', 'stop', 'delete_backups', 'delete_snapshots', 'remove'])

/** `done` once the VM is proved to be gone. */
async function removeFromPve(it: Teardown, cluster: PveCluster): Promise<Outcome> {
  const { room, record, key } = it
  const { vm, status } = record
  const vmid = status.vmid ?? 0
  cluster.cloneSlots.release(key)
  const { step } = status
  if (step?.upid && notInterrupted.has(step.name) && !cluster.tasks.ended(step.upid))
    return waitForTask(step.upid, `${step.name} of VM ${vmid} is under way.`)
  const mark = markOf(vm.metadata.uid ?? '', vmid)
  const look = new Look({ cluster, vmid, mark, ...(status.node && { expectedNode: status.node }), proofSinceMs: room.clock.now() })
  await look.need('presence')
  switch (look.seen.guest) {
    case 'absent':
      return await provedAbsent(it, cluster)
    case 'unproved':
      return wait('Unreachable', `PVE cannot tell for certain whether VM ${vmid} is gone: ${look.doubt}.`, 10_000)
    case 'foreign':
      return foreign(it, look)
    case 'copying':
      return await copyingOrStuck(it, cluster, look)
    case 'ours':
      return await takeDown(it, cluster, look)
  }
}

/** The number has another owner: ours is gone, and the stranger is not touched. With our MAC it is our VM that lost its mark, and its address is in use. */
function foreign({ record }: Teardown, look: Look): Outcome {
  const { vmid, interfaces } = record.status
  const macAddress = interfaces?.[0]?.macAddress
  const isOurNic = macAddress !== undefined && look.seen.config?.values.net0?.toUpperCase().includes(macAddress.toUpperCase())
  if (!isOurNic) return done
  const remedy = `put the line "${markOf(record.vm.metadata.uid ?? '', vmid ?? 0)}" back into its description in PVE, or delete the VM there`
  return stalled('VMForeign', `VM ${vmid} has the MAC address of this object and not its mark; it is not touched. An admin can ${remedy}.`)
}

/** A clone whose receipt was lost may still appear. */
async function provedAbsent({ room, record }: Teardown, cluster: PveCluster): Promise<Outcome> {
  const { status } = record
  if (status.firstReadyAt || status.step?.name === 'remove') return done
  const task = await findCloneTask(cluster, status)
  if (task?.running) return waitForTask(task.upid, `The clone to VM ${status.vmid} must end first.`)
  const ageMs = room.clock.now() - Date.parse(status.intentAt ?? '')
  if (task || status.clonedAt || ageMs > 60_000) return done
  return wait('Terminating', `The answer to the clone request may have been lost; VM ${status.vmid} is given a minute to appear.`, 5_000)
}

async function copyingOrStuck({ record }: Teardown, cluster: PveCluster, look: Look): Promise<Outcome> {
  const { vmid } = record.status
  const task = await findCloneTask(cluster, record.status)
  if (task?.running) return waitForTask(task.upid, `The clone to VM ${vmid} must end first.`)
  return stalled(
    'StuckLock',
    `VM ${vmid} on ${look.seen.node} has lock "clone" and no task is running. An admin must run on that node: qm unlock ${vmid}.`,
  )
}

async function takeDown(it: Teardown, cluster: PveCluster, look: Look): Promise<Outcome> {
  const { room, record } = it
  const { vm, status } = record
  const { lock, config } = look.seen
  if (lock && lock !== 'suspended') {
    record.change((before) => ({ ...before, remoteLock: lock }))
    return wait('Locked', `PVE holds the lock "${lock}" on VM ${status.vmid}; it is taken down when the lock goes.`, 30_000)
  }
  if (config?.values.protection === '1')
    return stalled(
      'Protected',
      `VM ${status.vmid} is protected in PVE; an admin clears that (qm set ${status.vmid} --protection 0), then it is taken down.`,
    )
  await look.need('power')
  if (look.seen.power === 'running') return await cutPower(it, cluster, look)
  const isTerminated = vm.spec.deletionPolicy === 'Terminate'
  const before = isTerminated ? ((await removeBackups(it, cluster)) ?? (await removeSnapshot(it, cluster, look))) : undefined
  if (before) return before
  room.mayAct()
  const upid = await cluster.pve.destroy(look.at, { unreferencedDisks: isTerminated })
  record.change(working('remove', nowIso(room.clock), { upid }))
  await record.save()
  return waitForTask(upid, `VM ${status.vmid} is being deleted on ${look.seen.node}.`)
}

async function cutPower({ room, record }: Teardown, cluster: PveCluster, look: Look): Promise<Outcome> {
  const { vmid } = record.status
  if (record.vm.spec.deletionPolicy === 'Remove')
    return stalled(
      'VMRunning',
      `VM ${vmid} is running and deletionPolicy Remove deletes only a VM that is off; shut it down, or set deletionPolicy to Terminate.`,
    )
  room.mayAct()
  record.change(working('stop', nowIso(room.clock)))
  return waitForTask(await cluster.pve.stop(look.at, { overruleShutdown: true }), `Power of VM ${vmid} is being cut.`)
}

async function removeBackups({ room, record }: Teardown, cluster: PveCluster): Promise<Outcome | undefined> {
  const found = await nextBackup(cluster, record.status)
  if (found.is === 'none') return undefined
  if (found.is === 'unseen') return stalled('PermissionDenied', found.why)
  room.mayAct()
  record.change(working('delete_backups', nowIso(room.clock)))
  const task = await deleteBackup(cluster, found.backup)
  return task
    ? waitForTask(task, `Backup ${found.backup.volid} is being deleted.`)
    : wait('Terminating', `Backup ${found.backup.volid} was deleted.`, 0)
}

async function removeSnapshot({ room, record }: Teardown, cluster: PveCluster, look: Look): Promise<Outcome | undefined> {
  const [snapshot] = await cluster.pve.snapshots(look.at)
  if (!snapshot) return undefined
  room.mayAct()
  record.change(working('delete_snapshots', nowIso(room.clock)))
  return waitForTask(await cluster.pve.deleteSnapshot(look.at, snapshot.name), `Snapshot ${snapshot.name} is being deleted.`)
}
