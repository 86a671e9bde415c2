/** The file that spec.template.backupRef names: whose it is, and which nodes list it. Nobody gets what is not of his namespace. */
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import type { ProxmoxVMBackup } from '../../api/proxmoxvmbackup.ts'
import type { BirthTemplate } from '../../api/template.ts'
import type { PveCluster } from '../../cluster/cluster.ts'
import { isBackupOf, isFileOfBackup } from '../../ladder/backup-mark.ts'
import { type Obstacle, isOutcome, stalled, wait } from '../../ladder/outcome.ts'
import type { Backup } from '../../proxmox/answers.ts'
import type { Listing } from '../../proxmox/listing.ts'
import { storageOf } from '../../proxmox/property-string.ts'
import type { Pass } from '../pass.ts'
import { madeSinceSeconds, uidsOf } from '../remove/backups.ts'

type BackupRef = NonNullable<BirthTemplate['backupRef']>
type From = Pick<Pass, 'deps' | 'draft'>

export interface FoundBackup {
  readonly volume: string
  /** Of the VM in it. */
  readonly vmid: number
  /** Nodes that are online and list it. */
  readonly nodes: readonly string[]
  /** The VM it is of, if it is still there. */
  readonly owner?: ProxmoxVM
}

interface Claim extends Omit<FoundBackup, 'nodes'> {
  readonly isOf: (file: Backup) => boolean
}

/** Asks each node that reaches the storage; a shared one answers for all. */
export async function findBackupFile(from: From, cluster: PveCluster, listing: Listing, ref: BackupRef): Promise<FoundBackup | Obstacle> {
  const claim = await claimOf(from, cluster, ref, listing)
  if (isOutcome(claim)) return claim
  const { isOf, ...what } = claim
  const storage = storageOf(what.volume) ?? ''
  const rows = listing.storages.filter((row) => row.storage === storage)
  const reach = rows.filter(({ node, available }) => available && listing.nodes.get(node)?.online === true)
  if (rows.length === 0) return stalled('BackupNotFound', `No node has storage "${storage}", where backup ${what.volume} is to be.`)
  if (reach.length === 0) return wait('BackupStorage', `No node that is online reaches storage "${storage}" with backup ${what.volume}.`)
  const isShared = reach.some(({ shared }) => shared)
  const nodes: string[] = []
  for (const { node } of isShared ? reach.slice(0, 1) : reach) {
    const file = (await cluster.pve.backups(node, storage, what.vmid)).find(({ volid }) => volid === what.volume)
    if (file && !isOf(file)) return stalled('BackupNotFound', `${what.volume} belongs to another guest with VMID ${what.vmid}.`)
    if (file) nodes.push(node)
  }
  if (nodes.length === 0)
    return stalled(
      'BackupNotFound',
      `PVE lists no backup ${what.volume}. It may have been deleted, or the token may not see it (Datastore.AllocateSpace on storage "${storage}", VM.Backup on /vms/${what.vmid}).`,
    )
  return { ...what, nodes: isShared ? reach.map(({ node }) => node) : nodes }
}

/** By its object, or by the VM of this namespace whose number the file has. */
async function claimOf(
  { deps, draft }: From,
  cluster: PveCluster,
  { name, volume }: BackupRef,
  listing: Listing,
): Promise<Claim | Obstacle> {
  const { namespace = '' } = draft.vm.metadata
  const objects = deps.backups.list().filter(({ metadata }) => metadata.namespace === namespace)
  const object = objects.find(({ metadata, status }) => (name === undefined ? status?.volume === volume : metadata.name === name))
  if (object) return ofObject({ deps, draft }, cluster, object)
  if (volume === undefined) return stalled('BackupNotFound', `ProxmoxVMBackup "${name}" does not exist in namespace ${namespace}.`)
  const vmid = vmidIn(volume)
  if (vmid === undefined) return stalled('BackupNotFound', `${volume} is not named as PVE names the backups of a VM.`)
  const owner = deps.vms
    .list()
    .find(
      ({ metadata, spec, status }) =>
        metadata.namespace === namespace && spec.clusterRef.name === cluster.name && status?.vmid === vmid && status.intentAt !== undefined,
    )
  if (!owner)
    return stalled(
      'BackupNotFound',
      `No ProxmoxVM of namespace ${namespace} has VMID ${vmid}, and only a backup of a VM of this namespace is restored: ${volume}.`,
    )
  const { uid = '' } = owner.metadata
  // Under the guest of somebody else the time of a file says nothing, and only the mark in it does.
  const guest = listing.guests.has(vmid) ? await cluster.guests.look(vmid) : 'none'
  const isAnothers = guest !== 'none' && guest?.mark?.uid !== uid
  const sinceSeconds = isAnothers ? Infinity : madeSinceSeconds(cluster, owner.status ?? {})
  return { volume, vmid, owner, isOf: (file) => isBackupOf(file, { uids: uidsOf(uid, owner.status ?? {}), sinceSeconds }) }
}

/** It has no file, yet or at all. */
export const whyNoFile = ({ metadata: { name }, status }: ProxmoxVMBackup): Obstacle =>
  status?.finishedAt === undefined
    ? wait('BackupRunning', `ProxmoxVMBackup ${name} is not ready yet.`, 5_000)
    : stalled('BackupNotFound', `ProxmoxVMBackup ${name} has no file: ${status.conditions?.[0]?.message ?? 'it failed'}`)

function ofObject({ deps }: From, cluster: PveCluster, backup: ProxmoxVMBackup): Claim | Obstacle {
  const { metadata, status } = backup
  const { volume, vmid, vmUID, cluster: at, createdAt } = status ?? {}
  const { name, uid } = metadata
  if (metadata.deletionTimestamp) return stalled('BackupNotFound', `ProxmoxVMBackup ${name} is being deleted.`)
  if (volume === undefined || vmid === undefined) return whyNoFile(backup)
  if (at !== cluster.name) return stalled('BackupNotFound', `ProxmoxVMBackup ${name} is in ProxmoxCluster ${at}, not in ${cluster.name}.`)
  const owner = deps.vms.list().find((vm) => vm.metadata.uid === vmUID)
  return { volume, vmid, ...(owner && { owner }), isOf: (file) => isFileOfBackup(file, { uid, createdAt }) }
}

/** `pbs:backup/vm/100/2026-…`, `local:backup/vzdump-qemu-100-2026_….vma.zst` (PVE::Storage). */
export function vmidIn(volume: string): number | undefined {
  const [, ofServer, ofFile] = /:backup\/(?:.*\/)?(?:vm\/(\d+)\/|vzdump-qemu-(\d+)-)/.exec(volume) ?? []
  const text = ofServer ?? ofFile
  return text === undefined ? undefined : Number(text)
}
