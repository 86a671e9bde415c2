import { refuse } from '../http/refusal.ts'
import { ownName, splitVolid, type Volume } from '../storage/volume.ts'
import type { Worker } from '../tasks/worker.ts'
import type { World } from '../world/world.ts'
import { allocate } from './disks.ts'

const GiB = 1024 ** 3
const linkable = new Set(['dir', 'nfs', 'cifs', 'btrfs', 'lvmthin', 'zfspool', 'rbd'])

export interface CopyJob {
  world: World
  worker: Worker
  node: string
  newid: number
  volid: string
  from: Volume | undefined
  storage: string | undefined
  format: string | undefined
  bwlimitKiB: number
  /** Part of the operation's time that is over already. */
  spentMs: number
  made: Volume[]
}

/** Only base volumes, and not on every storage: plain LVM and iSCSI have no clones. */
export function supportsLinkedClone(world: World, volume: Volume): boolean {
  return /(?:^|\/)base-/.test(ownName(volume.name)) && linkable.has(world.storage.definitions.get(volume.storage)?.type ?? '')
}

/** A thin child of a base volume. */
export async function linkVolume(job: CopyJob): Promise<Volume> {
  const { world, worker, node, newid } = job
  const base = job.from
  if (!base) refuse(`volume '${job.volid}' does not exist`)
  world.storage.usable(base.storage, node)
  const own = world.storage.freeName(base.storage, node, newid, 'qcow2')
  const type = world.storage.definitions.get(base.storage)?.type
  const carriesBase = type !== 'lvmthin'
  const name = carriesBase ? `${ownName(base.name)}/${own}` : own
  worker.log(`clone ${job.volid}: ${ownName(base.name)} to ${own} (vmid ${newid})`)
  const volume = world.storage.add({
    storage: base.storage,
    node: base.node,
    name,
    format: world.storage.isFileBased(base.storage) ? 'qcow2' : 'raw',
    sizeBytes: base.sizeBytes,
    usedBytes: world.storage.isFileBased(base.storage) ? 200704 : 0,
    content: 'images',
    vmid: newid,
    parent: ownName(base.name),
  })
  job.made.push(volume)
  await worker.work(Math.max(0, world.spec.durations.cloneLinkedMs - job.spentMs))
  return volume
}

/** A volume of its own with the source's content; a cloud-init drive is only allocated. */
export async function copyVolume(job: CopyJob & { isCloudInit: boolean }): Promise<Volume> {
  const { world, worker, node, newid } = job
  const storage = job.storage ?? splitVolid(job.volid)?.storage ?? ''
  world.storage.usable(storage, node)
  if (job.isCloudInit) {
    const isFile = world.storage.isFileBased(storage)
    const format = isFile ? (job.format ?? job.from?.format ?? 'qcow2') : 'raw'
    const name = isFile ? `${newid}/vm-${newid}-cloudinit.${format}` : `vm-${newid}-cloudinit`
    const volume = allocate(world, { storage, node, vmid: newid, format, bytes: 4 * 1024 ** 2, name, log: (line) => worker.log(line) })
    job.made.push(volume)
    return volume
  }
  const { from } = job
  if (!from) refuse(`volume '${job.volid}' does not exist`)
  const format = world.storage.isFileBased(storage)
    ? (job.format ?? (world.storage.isFileBased(from.storage) ? from.format : 'raw'))
    : 'raw'
  const needed = world.storage.isThin(storage) ? from.usedBytes : from.sizeBytes
  world.storage.mustFit(storage, node, `vm-${newid}-disk-0`, needed)
  const volume = allocate(world, { storage, node, vmid: newid, format, bytes: from.sizeBytes, log: (line) => worker.log(line) })
  job.made.push(volume)
  worker.log(`allocated target volume '${storage}:${volume.name}'`)
  await transfer(job, from)
  const done = world.storage.change(volume, { usedBytes: Math.max(volume.usedBytes, from.usedBytes) })
  job.made[job.made.length - 1] = done
  return done
}

/** The copy's time: the preset's pace for the whole disk, or the limit's for what is written in it. */
async function transfer(job: CopyJob, from: Volume): Promise<void> {
  const { worker, world } = job
  const paced = (from.sizeBytes / GiB) * world.spec.durations.cloneFullMsPerGiB
  const whole = job.bwlimitKiB > 0 ? Math.max(paced, (from.usedBytes / (job.bwlimitKiB * 1024)) * 1000) : paced
  const ms = Math.max(0, whole - job.spentMs)
  const text = (part: number) => `transferred ${amount(from.sizeBytes * part)} of ${amount(from.sizeBytes)} (${(part * 100).toFixed(2)}%)`
  worker.log(text(0))
  await worker.work(ms / 2)
  if (ms > 1000) worker.log(text(0.5))
  await worker.sleep(ms / 2)
  worker.log(text(1))
}

function amount(bytes: number): string {
  if (bytes >= GiB) return `${(bytes / GiB).toFixed(1)} GiB`
  if (bytes >= 1024 ** 2) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`
  return `${bytes.toFixed(1)} B`
}
