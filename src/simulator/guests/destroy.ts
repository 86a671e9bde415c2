import { forgetInJobs } from '../backup/jobs.ts'
import { refuse } from '../http/refusal.ts'
import { type Call, flag } from '../routes.ts'
import { volumePath } from '../storage/path.ts'
import { factsOfName, ownName, splitVolid, type Volume } from '../storage/volume.ts'
import type { Worker } from '../tasks/worker.ts'
import type { World } from '../world/world.ts'
import { isCdrom, isCloudInit, isDriveKey, parseDrive, volumeOf } from './drive.ts'
import { checkProtection, flockPath, loadGuest } from './find.ts'
import type { Guest } from './guest.ts'
import { onlyRoot } from './options.ts'
import { isOwner } from './write.ts'

const flockMs = 10_000

/** DELETE: refused at once for protection or a running guest, then the task (PVE::API2::Qemu destroy_vm). */
export function destroy(call: Call): string {
  onlyRoot(call, 'skiplock')
  const { world, node, vmid, user } = call
  const early = () => {
    const guest = loadGuest(world, node, vmid)
    checkProtection(guest, `can't remove VM ${vmid}`)
    if (!flag(call, 'purge') && world.ha.isConfigured(vmid))
      refuse(`unable to remove VM ${vmid} - used in HA resources and purge parameter not set.`)
    const [job] = flag(call, 'purge') ? [] : replicationJobsOf(world, vmid)
    if (job !== undefined) refuse(`There is a replication job '${job}' for guest '${vmid}' - Please remove that first.`)
    if (guest.isRunning) refuse(`VM ${vmid} is running - destroy failed`)
    return guest
  }
  early()
  const task = world.tasks.start({ node, type: 'qmdestroy', id: String(vmid), user: user.id, fault: call.fault?.task }, async (worker) => {
    const release = await worker.lock(flockPath(vmid), flockMs)
    const guest = early()
    if (guest.lock !== undefined && guest.lock !== 'suspended') refuse(`VM is locked (${guest.lock})`)
    checkLinkedClones(world, guest)
    await worker.work(world.spec.durations.destroyMs)
    freeVolumes(world, guest, worker, flag(call, 'destroy-unreferenced-disks'))
    // The config is written after the disks are gone (PVE::QemuServer destroy_vm), and nothing asks for quorum before.
    if (!world.quorate) refuse(`unable to open file '/etc/pve/nodes/${node}/qemu-server/${vmid}.conf.tmp.1' - Permission denied`)
    guest.config = new Map([['lock', 'destroyed']])
    guest.snapshots.clear()
    world.access.forgetGuest(vmid)
    world.firewall.delete(vmid)
    if (flag(call, 'purge')) purge(world, vmid, worker)
    world.guests.delete(vmid)
    release()
  })
  return task.upid
}

/** PVE::ReplicationConfig check_for_existing_jobs: the IDs are `<vmid>-<number>`. */
const replicationJobsOf = ({ sections }: World, vmid: number): string[] =>
  [...(sections.get('replication')?.keys() ?? [])].filter((id) => id.startsWith(`${vmid}-`)).toSorted()

function purge(world: World, vmid: number, worker: Worker): void {
  worker.log(`purging VM ${vmid} from related configurations..`)
  for (const job of replicationJobsOf(world, vmid)) world.sections.get('replication')?.delete(job)
  forgetInJobs(world.backupJobs, vmid)
  if (!world.ha.isConfigured(vmid)) return
  world.ha.forget(`vm:${vmid}`, true)
  worker.log(`NOTE: removed VM ${vmid} from HA resource configuration.`)
}

function checkLinkedClones(world: World, guest: Guest): void {
  if (!guest.isTemplate) return
  for (const [key, text] of guest.config) {
    const volid = isDriveKey(key) ? volumeOf(parseDrive(key, text)) : undefined
    const volume = volid === undefined ? undefined : world.storage.find(volid, guest.node)
    if (volume && /base-/.test(ownName(volume.name)) && world.storage.childrenOf(volume).length > 0)
      refuse(`base volume '${volid}' is still in use by linked cloned`)
  }
}

/** Frees what the config and its snapshots name and this guest owns; what cannot be freed is a warning. */
function freeVolumes(world: World, guest: Guest, worker: Worker, all: boolean): void {
  const named = new Set<Volume>()
  for (const section of [guest.config, guest.pending, ...[...guest.snapshots.values()].map((s) => s.config)]) {
    for (const [key, text] of section) {
      const volid = key.startsWith('unused') || key === 'vmstate' ? text : isDriveKey(key) ? ownVolume(key, text) : undefined
      const volume = volid !== undefined && isOwner(world, guest.vmid, volid) ? world.storage.find(volid, guest.node) : undefined
      if (volume) named.add(volume)
      else if (volid !== undefined) logMissing(world, guest.vmid, volid, worker)
    }
  }
  for (const snapshot of guest.snapshots.values()) {
    const volume = snapshot.vmstate === undefined ? undefined : world.storage.find(snapshot.vmstate, guest.node)
    if (volume) named.add(volume)
  }
  freeAll(world, named, worker)
  if (!all) return
  // All storages that may have some are activated first; one that cannot be ends the task here (PVE::Storage vdisk_list).
  for (const { storage, content, online } of world.storage.usableOn(guest.node))
    if (!online && content.includes('images')) refuse(`storage '${storage}' is not online`)
  const left = world.storage.ownedBy(guest.vmid).filter(({ content, node }) => content === 'images' && (node ?? guest.node) === guest.node)
  freeAll(world, left, worker)
}

function freeAll(world: World, volumes: Iterable<Volume>, worker: Worker): void {
  for (const volume of volumes) {
    const storage = world.storage.definitions.get(volume.storage)
    if (storage && (storage.disabled || !storage.online))
      worker.warn(
        `Could not remove disk '${volume.storage}:${volume.name}', check manually: storage '${volume.storage}' is ${storage.disabled ? 'disabled' : 'not online'}`,
      )
    else world.storage.remove(volume)
  }
}

/** A directory storage only notes that a file is not there (recording 45). */
function logMissing(world: World, vmid: number, volid: string, worker: Worker): void {
  const parts = splitVolid(volid)
  const storage = parts === undefined ? undefined : world.storage.definitions.get(parts.storage)
  if (parts === undefined || storage === undefined || !world.storage.isFileBased(parts.storage)) return
  const facts = factsOfName(parts.name, true)
  if (facts?.vmid === vmid) worker.log(`disk image '${volumePath(storage, parts.name, facts.content)}' does not exist`)
}

function ownVolume(key: string, text: string): string | undefined {
  const drive = parseDrive(key, text)
  return drive && (!isCdrom(drive) || isCloudInit(drive)) ? volumeOf(drive) : undefined
}
