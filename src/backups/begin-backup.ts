/** A backup that PVE has not been asked for: what must hold, and the one request. */
import type { ProxmoxVMBackup } from '../api/proxmoxvmbackup.ts'
import { capabilityOff } from '../cluster/capabilities.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import { lookOf } from '../engine/apply/ascent.ts'
import { isPaused } from '../engine/after-pass.ts'
import { recordEvent } from '../engine/dependencies.ts'
import { freshMemory } from '../engine/memory.ts'
import { isLockTold, lockObstacle } from '../engine/lock-sentence.ts'
import { observes, wouldDo } from '../engine/observe.ts'
import { pveTime } from '../engine/pve-time.ts'
import { silenceOf } from '../engine/references.ts'
import { printBackupNotes } from '../ladder/backup-mark.ts'
import { done, type Obstacle, type Outcome, isOutcome, stalled, wait, waitForTask } from '../ladder/outcome.ts'
import { judge } from '../proxmox/failures.ts'
import { type BackupPass, clusterOfBackup } from './backup-pass.ts'
import { fileByMark } from './backup-files.ts'
import { isFinishedBackup } from './backup-status-draft.ts'
import { finishFailed, finishMade } from './finish-backup.ts'

const modes = { Snapshot: 'snapshot', Suspend: 'suspend', Stop: 'stop' } as const

/** Everything is looked at before PVE is asked; what is asked for is on record before the request leaves. */
export async function beginBackup(pass: BackupPass): Promise<Outcome> {
  const { of, backup, deps } = pass
  if (!of)
    return finishFailed(
      pass,
      'VMNotFound',
      `There is no ProxmoxVM "${backup.backup.spec.vmRef.name}" in this namespace, or it is being deleted.`,
    )
  const refused = backup.origin === 'Schedule' ? undefined : quotaOf(pass, of.draft.status.package?.backups?.max)
  if (refused) return refused
  const hindrance = busyWith(pass)
  if (hindrance) return hindrance
  const cluster = clusterOfBackup(pass)
  if (!cluster) return wait('ClusterNotReady', 'The backup waits for the cluster.')
  if (observes(cluster)) return wouldDo(cluster, `VM ${of.draft.status.vmid} would be backed up`)
  const silence = silenceOf(cluster, deps.clock)
  if (silence) return silence
  const off = capabilityOff(cluster.facts(), 'backup')
  if (off !== undefined) return stalled('PermissionDenied', off)
  const { vmid = 0 } = of.draft.status
  // Hundreds may wait at the same time: PVE is asked about a VM once there is a slot for it.
  const listed = cluster.inventory.current()?.guests.get(vmid)?.node
  const likely = listed === undefined ? undefined : storageFor(pass, cluster, listed)
  const full =
    listed !== undefined && typeof likely === 'string' && pass.slots.queue(cluster, backup.uid, { node: listed, storage: likely })
  if (full) return queued(full)
  const look = lookOf({ ...of, memory: freshMemory() }, cluster)
  await look.need('presence')
  if (look.seen.guest !== 'ours') return wait('VMMissing', `VM ${vmid} of this object does not exist in PVE, or PVE cannot show it now.`)
  const { lock } = look.seen
  if (lock) {
    const seenBefore = isLockTold(backup.status, lock) ? lock : undefined
    return await lockObstacle({ cluster, at: look.at, lock, seenBefore, next: 'the backup begins when PVE releases the lock' })
  }
  const storage = storageFor(pass, cluster, look.at.node)
  if (isOutcome(storage)) return storage
  const queue = pass.slots.take(cluster, backup.uid, { node: look.at.node, storage })
  if (queue !== undefined) return queued(queue)
  return await ask(pass, cluster, { node: look.at.node, vmid }, storage)
}

const queued = (why: string): Obstacle => wait('Queued', `Waiting for a turn: ${why}.`, 15_000)

/** Those that have a file or are going to have one, oldest first: with `max` of them before this one it has to wait. */
function quotaOf({ deps, key, of, backup }: BackupPass, max: number | undefined): Obstacle | undefined {
  if (max === undefined || !of) return undefined
  const uid = of.draft.vm.metadata.uid
  const counts = ({ metadata, status }: ProxmoxVMBackup) =>
    !metadata.deletionTimestamp &&
    status?.phase !== 'Failed' &&
    (status?.vmUID === undefined ? isBefore(metadata, backup.backup.metadata) : status.vmUID === uid)
  const others = deps.backupsOf(key).filter((other) => other.metadata.uid !== backup.uid && counts(other))
  if (others.length < max) return undefined
  if (max === 0) return stalled('BackupQuota', 'The package of this server does not include backups.')
  return stalled(
    'BackupQuota',
    `This server may have ${max} ${max === 1 ? 'backup' : 'backups'} and has ${others.length}. Delete one first.`,
  )
}

type Meta = ProxmoxVMBackup['metadata']
const isBefore = (a: Meta, b: Meta) => `${a.creationTimestamp} ${a.name}` < `${b.creationTimestamp} ${b.name}`

/** Nothing is backed up while the VM is being made, changed or made again: what comes out would be neither the old nor the new one. */
function busyWith({ of, deps, key, backup, slots }: BackupPass): Obstacle | undefined {
  const { vm, status } = of?.draft ?? {}
  if (!vm || !status) return undefined
  if (isPaused(vm))
    return wait(
      'Paused',
      'Reconciliation of the VM is paused; the backup begins when the annotation pve.hosting/paused is removed.',
      60_000,
    )
  if (status.released) return stalled('Released', 'The object was released from its VM (annotation pve.hosting/release).')
  if (status.removedAt) return stalled('Removed', 'The command Remove deleted the VM, so there is nothing to back up.')
  if (!status.firstReadyAt) return wait('Provisioning', 'The operator creates the VM; the backup begins when the VM is ready.', 15_000)
  if (status.reinstall?.running)
    return wait('Reinstalling', 'The operator reinstalls the VM; the backup begins when the VM is ready.', 15_000)
  if (status.restore?.running) return wait('Restoring', 'The operator restores the VM; the backup begins when the VM is ready.', 15_000)
  if (status.change) return wait('ChangingPackage', 'The operator applies another package; the backup begins after that.', 15_000)
  const running = deps
    .backupsOf(key)
    .find(
      (other) =>
        other.metadata.uid !== backup.uid &&
        other.status?.requestedAt &&
        !isFinishedBackup(other) &&
        !slots.isOverdue(other.metadata.uid ?? ''),
    )
  return running && wait('Queued', `Waiting until backup ${running.metadata.name} of this VM has ended.`, 15_000)
}

/** Named, or the only one of the node that takes backups. */
function storageFor({ of, backup }: BackupPass, cluster: PveCluster, node: string): string | Obstacle {
  const rows = (cluster.inventory.current()?.storages ?? []).filter((row) => row.node === node && row.content.includes('backup'))
  const own = backup.backup.spec.storage
  const named = own ?? of?.draft.status.package?.backups?.storage
  const [field, act] =
    own === undefined
      ? ['backups.storage of the package', 'name one that does']
      : ['spec.storage', 'create another ProxmoxVMBackup with one that does']
  const all = rows.map(({ storage }) => storage).join(', ')
  const there = all === '' ? `Node ${node} has no storage that allows backups.` : `Node ${node} has ${all}.`
  if (named === undefined)
    return rows.length === 1 && rows[0]
      ? usable(rows[0])
      : stalled('BackupStorage', `Write a storage for the backup (spec.storage, or backups.storage of the package). ${there}`)
  const row = rows.find(({ storage }) => storage === named)
  const fault = `Storage "${named}" (${field}) does not allow backups on node ${node}`
  return row ? usable(row) : stalled('BackupStorage', `${fault}. Allow them in PVE, or ${act}. ${there}`)
}

const usable = ({ storage, available, node }: { storage: string; available: boolean; node: string }): string | Obstacle =>
  available
    ? storage
    : wait('BackupStorage', `Storage "${storage}" is not available on node ${node}; the backup begins when the storage is back.`)

async function ask(pass: BackupPass, cluster: PveCluster, at: { node: string; vmid: number }, storage: string): Promise<Outcome> {
  const { backup, deps, of, memory } = pass
  const { vm, status } = of?.draft ?? {}
  if (!vm || !status) return done
  const asked = status.package?.backups
  const { spec } = backup.backup
  // Only what was asked for before has a finalizer: its status may have been lost since. While PVE works on it the VM has a lock.
  const made = backup.hasFinalizer ? await fileByMark(cluster, { ...at, storage }, backup.uid) : undefined
  await backup.ensureFinalizer()
  backup.change({ cluster: cluster.name, ...at, storage, vmUID: vm.metadata.uid ?? '', requestedAt: pveTime(cluster, deps) })
  if (made) return finishMade(pass, made)
  backup.waits(
    'reconciling',
    'BackupRunning',
    `The operator asks PVE for a backup of VM ${at.vmid} to ${storage} next.`,
    new Date(deps.clock.now()).toISOString(),
  )
  await backup.save()
  deps.mayAct()
  memory.requestedMs = deps.clock.monotonicMs()
  const notes = spec.notes ?? asked?.notes ?? status.vmName ?? vm.metadata.name
  try {
    const upid = await cluster.pve.vzdump(at, {
      storage,
      mode: modes[spec.mode ?? asked?.mode ?? 'Snapshot'],
      'notes-template': printBackupNotes(notes, { uid: backup.uid, vm: vm.metadata.uid ?? '' }),
      protected: spec.protected === true,
    })
    if (upid !== undefined) backup.change({ upid })
    else backup.forgetRequest()
    await backup.save()
    if (upid === undefined)
      return wait('Retrying', `VM ${at.vmid} has just left node ${at.node}; the operator asks for the backup on the new node.`, 2_000)
    deps.log.info({ vm: pass.key, vmid: at.vmid, backup: backup.backup.metadata.name }, `backup to ${storage}`)
    return waitForTask(upid, `PVE backs up VM ${at.vmid} to ${storage}.`)
  } catch (fault) {
    const failure = judge(fault)
    if (failure.kind === 'unknown-outcome' || failure.kind === 'other') throw fault
    backup.forgetRequest()
    pass.slots.release(backup.uid)
    if (!failure.terminal) throw fault
    recordEvent(deps, vm, 'Warning', 'BackupFailed', `${backup.backup.metadata.name}: ${failure.message}`)
    return finishFailed(pass, failure.reason, failure.message)
  }
}
