/** Everything a restore needs, looked at before anything is destroyed: the VM, the file, its configuration, and room for its disks. */
import type { PveCluster } from '../../cluster/cluster.ts'
import { templateFactsOf } from '../../cluster/template-facts.ts'
import { storageOf } from '../../proxmox/property-string.ts'
import { isBackupOf } from '../../ladder/backup-mark.ts'
import { type Obstacle, isOutcome, stalled } from '../../ladder/outcome.ts'
import { capabilityOff } from '../../cluster/capabilities.ts'
import type { Backup } from '../../proxmox/answers.ts'
import { reasonForCloudInit } from '../../want/cloud-init.ts'
import { prepare } from '../apply/prepare.ts'
import { lookOf } from '../apply/ascent.ts'
import { whyNoFile } from '../create/backup-file.ts'
import { backupUnderWay } from '../backup-under-way.ts'
import { lockObstacle } from '../lock-sentence.ts'
import type { Look } from '../look.ts'
import { freshMemory } from '../memory.ts'
import type { Pass } from '../pass.ts'
import { observes, wouldDo } from '../observe.ts'
import { quorumDoubt } from '../quorum.ts'
import { madeSinceSeconds, uidsOf } from '../remove/backups.ts'
import { storageAway } from '../remove/reinstall-check.ts'
import type { BackupConfig } from './backup-config.ts'
import { foreignGuestAdvice } from '../whose-guest.ts'
import { readBackup } from './read-backup.ts'
import { closedFor, nodeForMissing } from './restore-node.ts'
import { roomFor } from './restore-room.ts'

/** What is going to be asked of PVE. */
export interface RestorePlan {
  readonly volume: string
  readonly storage: string
  readonly node: string
  readonly file: Backup
  /** Slots of the disks in the file: PVE frees what the VM has there. */
  readonly keys: readonly string[]
  /** There is a VM, whose disks PVE frees first. */
  readonly force: boolean
  readonly look: Look
}

export async function planRestore(pass: Pass, cluster: PveCluster): Promise<RestorePlan | Obstacle> {
  if (cluster.deleting) return stalled('ClusterDeleting', `ProxmoxCluster ${cluster.name} is being deleted.`)
  if (observes(cluster)) return wouldDo(cluster, `VM ${pass.draft.status.vmid} would be restored from a backup`)
  const off = capabilityOff(cluster.facts(), 'backup')
  if (off !== undefined) return stalled('PermissionDenied', off)
  const backup = backupUnderWay(pass)
  if (backup) return backup
  const named = volumeAsked(pass, cluster)
  if (typeof named !== 'string') return named
  const look = lookOf({ ...pass, memory: freshMemory() }, cluster)
  const guest = await judgeGuest(pass, cluster, look)
  if (guest !== 'there' && guest !== 'absent') return guest
  const storage = storageOf(named) ?? ''
  const node = guest === 'there' ? look.at.node : nodeForMissing(pass, cluster, storage)
  if (typeof node !== 'string') return node
  const file = await findFile(pass, cluster, { node, storage, volume: named })
  if ('is' in file) return file
  const config = await readBackup(cluster, node, named)
  if ('is' in config) return config
  // What was true ten seconds ago is not enough for what cannot be undone.
  const listing = await cluster.inventory.since(pass.deps.clock.monotonicMs())
  const closed = closedFor(pass, cluster, listing, node)
  if (closed) return closed
  const away = guest === 'there' && !pass.draft.status.restore?.running?.isDiskless ? storageAway(listing, pass.draft.status) : undefined
  const objection = objectionToConfig(pass, config, named) ?? away ?? roomFor(pass.draft, listing, node, config)
  if (objection) return objection
  // Package, addresses and password of today, as the ladder needs them right after.
  const prepared = await prepare(pass)
  if (isOutcome(prepared)) return prepared
  const doubt = await quorumDoubt(cluster)
  if (doubt) return doubt
  return { volume: named, storage, node, file, keys: config.disks.map(({ key }) => key), force: guest === 'there', look }
}

/** The file that spec.restore names. */
function volumeAsked({ deps, draft }: Pass, cluster: PveCluster): string | Obstacle {
  const { name, volume } = draft.vm.spec.restore?.backupRef ?? {}
  const running = draft.status.restore?.running
  if (name === undefined) return volume ?? running?.volume ?? stalled('BackupNotFound', 'spec.restore.backupRef names no backup.')
  const { namespace, uid } = draft.vm.metadata
  const backup = deps.backups.get(`${namespace}/${name}`)
  if (!backup) return stalled('BackupNotFound', `ProxmoxVMBackup "${name}" does not exist in namespace ${namespace}.`)
  const { vmUID, volume: made, cluster: at } = backup.status ?? {}
  if (made === undefined) return whyNoFile(backup)
  if (vmUID !== uid || at !== cluster.name)
    return stalled('BackupNotFound', `ProxmoxVMBackup ${name} belongs to another VM; a restore needs a backup of this VM.`)
  return made
}

/** Off, not protected, ours; or none at all. */
async function judgeGuest({ draft }: Pass, cluster: PveCluster, look: Look): Promise<'there' | 'absent' | Obstacle> {
  const { vmid } = draft.status
  await look.need('presence')
  const { guest, lock, config } = look.seen
  if (guest === 'absent') return 'absent'
  if (guest === 'unproved') return look.unproved(`The operator cannot confirm whether VM ${vmid} exists`)
  if (guest === 'foreign')
    return stalled(
      'VMForeign',
      `VM ${vmid} in PVE does not belong to this object (its description lacks the owner line); the operator does not touch it. ${foreignGuestAdvice(draft.vm, vmid ?? 0)}`,
    )
  if (guest === 'copying' || lock) {
    const seenBefore = draft.written.remoteLock
    draft.change((status) => ({ ...status, remoteLock: lock ?? 'clone' }))
    return await lockObstacle({
      cluster,
      at: look.at,
      lock: lock ?? 'clone',
      seenBefore,
      next: 'the restore begins when PVE releases the lock',
    })
  }
  draft.change(({ remoteLock: _, ...status }) => status)
  if (config?.values.protection === '1')
    return stalled(
      'Protected',
      `VM ${vmid} is protected in PVE. An admin must run: qm set ${vmid} --protection 0. The operator restores the VM after that.`,
    )
  await look.need('power')
  if (look.seen.power === 'stopped') return 'there'
  const how = draft.vm.spec.runStrategy === 'Always' ? 'write runStrategy: Halted' : 'shut it down'
  return stalled(
    'VMRunning',
    `VM ${vmid} runs, and a restore deletes its disks: ${how} first. The restore begins as soon as the VM is off.`,
  )
}

async function findFile(
  { draft }: Pass,
  cluster: PveCluster,
  { node, storage, volume }: { node: string; storage: string; volume: string },
): Promise<Backup | Obstacle> {
  const { status, vm } = draft
  const files = await cluster.pve.backups(node, storage, status.vmid ?? 0)
  const file = files.find(({ volid }) => volid === volume)
  if (!file)
    return stalled(
      'BackupNotFound',
      `Node ${node}, where VM ${status.vmid} is, lists no backup ${volume} of it. Run kubectl pve backups ${vm.metadata.name} to see its backups.`,
    )
  if (isBackupOf(file, { uids: uidsOf(vm.metadata.uid ?? '', status), sinceSeconds: madeSinceSeconds(cluster, status) })) return file
  return stalled('BackupNotFound', `${volume} is older than this VM: it belongs to an earlier guest with VMID ${status.vmid}.`)
}

function objectionToConfig({ draft }: Pass, { values, disks }: BackupConfig, volume: string): Obstacle | undefined {
  const facts = templateFactsOf({ node: '', vmid: 0 }, values)
  if (!facts.systemDisk || disks.length === 0) return stalled('BackupUnreadable', `${volume} has no disk to start from.`)
  const why = reasonForCloudInit(draft.vm, draft.status.addresses ?? [])
  if (why === undefined || facts.cloudInitKey !== undefined) return undefined
  return stalled('NoCloudInitDrive', `The VM in ${volume} has no cloud-init drive, and ${why}.`)
}
