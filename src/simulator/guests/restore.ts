// POST /nodes/{node}/qemu with an archive: the VM of a backup, in the order in which PVE does it (PVE::API2::Qemu, restore_vma_archive).
import { copyFirewall } from '../firewall/file.ts'
import { forbidden, paramError, refuse } from '../http/refusal.ts'
import { type Call, flag, str } from '../routes.ts'
import { volumePath } from '../storage/path.ts'
import { type Archive, splitVolid, volidOf, type Volume } from '../storage/volume.ts'
import type { Worker } from '../tasks/worker.ts'
import type { World } from '../world/world.ts'
import { allocate, checkVolumeAccess } from './disks.ts'
import { isCdrom, isCloudInit, isDriveKey, parseDrive, printDrive, volumeOf } from './drive.ts'
import { checkProtection, flockPath } from './find.ts'
import { Guest, type Section } from './guest.ts'
import { newMac, parseNet, printNet } from './net.ts'
import { checkBridges, checkMappings } from './permissions.ts'
import { startGuest } from './start.ts'
import { addUnused, isOwner } from './write.ts'

const stubMs = 5000

/** Who may allocate the VMID, or back up the guest whose place the restored one takes. */
export function mayRestore(call: Call, vmid: number): boolean {
  const { world, node, user } = call
  const isThere = world.guests.get(vmid)?.node === node
  return flag(call, 'force') && isThere && world.access.has(user, `/vms/${vmid}`, 'VM.Backup')
}

/** Checks, puts `lock: create` on the VMID and starts `qmrestore`. `settings` lay themselves over the restored configuration. */
export async function restore(call: Call, vmid: number, volid: string, settings: Record<string, string>): Promise<string> {
  const { world, node, user } = call
  for (const key of Object.keys(settings)) if (isDriveKey(key)) throw paramError({ [key]: "option conflicts with option 'archive'" })
  if (volid === '-') refuse('pipe requires cli environment')
  checkVolumeAccess({ world, user, vmid }, volid)
  const parts = splitVolid(volid)
  if (!parts || !world.storage.find(volid, node)) refuse(`volume '${volid}' does not exist`)
  await reserve(call, vmid)
  const what = { node, type: 'qmrestore', id: String(vmid), user: user.id, fault: call.fault?.task }
  return world.tasks.start(what, (worker) => work(call, worker, { vmid, volid, settings })).upid
}

interface Job {
  vmid: number
  volid: string
  settings: Readonly<Record<string, string>>
}

async function reserve(call: Call, vmid: number): Promise<void> {
  const { world, node } = call
  const emsg = `unable to restore VM ${vmid} -`
  const release = await world.flocks.take(flockPath(vmid), stubMs).catch((fault: unknown) => refuse(`${emsg} ${(fault as Error).message}`))
  try {
    const taken = world.guests.get(vmid)
    if (taken && (!flag(call, 'force') || taken.node !== node || taken.kind === 'lxc'))
      refuse(`${emsg} ${taken.kind === 'lxc' ? 'CT' : 'VM'} ${vmid} already exists on node '${taken.node}'`)
    if (taken?.lock !== undefined) refuse(`${emsg} VM is locked (${taken.lock})`)
    if (taken) taken.config.set('lock', 'create')
    else world.guests.set(vmid, new Guest(vmid, node, 'qemu', new Map([['lock', 'create']])))
  } finally {
    release()
  }
}

/** A failure leaves what it reached, where there was no guest an empty one: only the lock goes (`VM … state is NOT cleaned up`). */
async function work(call: Call, worker: Worker, job: Job): Promise<void> {
  const { world, node } = call
  const { vmid } = job
  const release = await worker.lock(flockPath(vmid), 1000)
  try {
    await run(call, worker, job)
  } catch (fault) {
    world.guests.get(vmid)?.config.delete('lock')
    worker.log(`error before or during data restore, some or all disks were not completely restored. VM ${vmid} state is NOT cleaned up.`)
    throw fault
  }
  release()
  if (!flag(call, 'start')) return
  worker.log('Execute autostart')
  await startGuest(world, node, vmid, worker)
}

async function run(call: Call, worker: Worker, { vmid, volid, settings }: Job): Promise<void> {
  const { world, node } = call
  const guest = world.guests.get(vmid) ?? refuse(`Configuration file 'nodes/${node}/qemu-server/${vmid}.conf' does not exist`)
  checkProtection(guest, `unable to restore VM ${vmid} -`)
  if (guest.isRunning) refuse(`unable to restore VM ${vmid} - vm is running`)
  const archive = open(world, node, volid, worker)
  // Before anything is touched, of the configuration as it will be (PVE::QemuServer check_restore_permissions).
  const merged = [...new Map([...archive.config, ...Object.entries(settings)])]
  checkBridges(call, merged)
  checkMappings(call, merged)
  // The firewall file is there before the storages are looked at (restore_vma_archive).
  if (archive.firewall) world.firewall.set(vmid, copyFirewall(archive.firewall))
  const storages = new Map(archive.disks.map((disk) => [disk.key, targetOf(call, disk.storage)]))
  // What the backup has disks for is freed before a byte of its data is read.
  const kept = freeOld(world, guest, archive)
  guest.config = emptyConfig(world, volid)
  guest.pending.clear()
  guest.deletions.clear()
  guest.snapshots.clear()
  const made = new Map<string, Volume>()
  try {
    for (const { key, format, sizeBytes, isCloudInit: isDrive } of archive.disks.toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
      const storage = storages.get(key) ?? ''
      const isFile = world.storage.isFileBased(storage)
      const wanted = isFile ? format : 'raw'
      const name = isDrive ? (isFile ? `${vmid}/vm-${vmid}-cloudinit.${wanted}` : `vm-${vmid}-cloudinit`) : undefined
      const volume = allocate(world, { storage, node, vmid, format: wanted, bytes: sizeBytes, ...(name === undefined ? {} : { name }) })
      made.set(key, volume)
      worker.log(`new volume ID is '${volidOf(volume)}'`)
    }
    await worker.work(world.spec.durations.restoreMs ?? world.spec.durations.backupMs)
  } catch (fault) {
    for (const volume of made.values()) {
      world.storage.remove(volume)
      worker.log(`temporary volume '${volidOf(volume)}' successfully removed`)
    }
    throw fault
  }
  for (const disk of archive.disks) {
    const volume = made.get(disk.key)
    if (volume) made.set(disk.key, world.storage.change(volume, { usedBytes: Math.max(volume.usedBytes, disk.usedBytes) }))
  }
  guest.config = new Map([...restoredConfig(call, archive, made), ...Object.entries(settings)])
  guest.generated = undefined
  for (const old of kept) addUnused(guest, old)
  const pool = str(call, 'pool')
  if (pool !== undefined) world.access.pools.get(pool)?.vms.add(vmid)
  world.access.changed()
}

/** Until the data is there. Only the restore from a backup server keeps its lock in it (restore_proxmox_backup_archive, restore_vma_archive). */
function emptyConfig(world: World, volid: string): Section {
  const isServer = world.storage.definitions.get(splitVolid(volid)?.storage ?? '')?.type === 'pbs'
  return new Map([['memory', '128'], ...(isServer ? [['lock', 'create'] as const] : [])])
}

/** Reads the archive's header; a file that is none ends here, before anything is touched. */
function open(world: World, node: string, volid: string, worker: Worker): Archive {
  const volume = world.storage.find(volid, node)
  const parts = splitVolid(volid)
  const storage = world.storage.definitions.get(parts?.storage ?? '')
  const path = storage && parts ? volumePath(storage, parts.name, 'backup') : volid
  const command = `zstd -q -d -c ${path} | vma extract -v -r /var/tmp/vzdumptmp${volume?.ctime}.fifo - /var/tmp/vzdumptmp${volume?.ctime}`
  worker.log(`restore vma archive: ${command}`)
  return volume?.archive ?? refuse(`command 'set -o pipefail && ${command}' failed: exit code 1`)
}

function targetOf(call: Call, own: string): string {
  const { world, node } = call
  const storage = str(call, 'storage') ?? own
  const found = world.storage.usable(storage, node)
  if (!found.content.includes('images')) refuse(`Content type 'images' is not available on storage '${storage}'`)
  if (!world.access.has(call.user, `/storage/${storage}`, 'Datastore.AllocateSpace'))
    throw forbidden(`/storage/${storage}, Datastore.AllocateSpace`)
  return storage
}

/** Frees the old guest's disks that the backup has too; the others are returned, to be unused ones. */
function freeOld(world: World, guest: Guest, archive: Archive): string[] {
  const kept: string[] = []
  for (const [key, text] of guest.config) {
    const drive = isDriveKey(key) ? parseDrive(key, text) : undefined
    const volid = key.startsWith('unused') ? text : drive && !isCdrom(drive, true) ? volumeOf(drive) : undefined
    if (volid === undefined || !isOwner(world, guest.vmid, volid)) continue
    const volume = world.storage.find(volid, guest.node)
    if (volume && archive.disks.some((disk) => disk.key === key)) world.storage.remove(volume)
    else if (volume && !(drive && isCloudInit(drive))) kept.push(volid)
  }
  for (const { vmstate } of guest.snapshots.values()) {
    const volume = vmstate === undefined ? undefined : world.storage.find(vmstate, guest.node)
    if (volume) world.storage.remove(volume)
  }
  return kept
}

/** The archive's configuration with the new volumes, and with new MACs and a new uuid where `unique` asks for them (restore_update_config_line). */
function restoredConfig(call: Call, archive: Archive, made: ReadonlyMap<string, Volume>): Section {
  const { world } = call
  const unique = flag(call, 'unique')
  const out: Section = new Map()
  const left: string[] = []
  for (const [key, text] of archive.config) {
    if (key === 'parent' || key.startsWith('unused')) continue
    const drive = isDriveKey(key) ? parseDrive(key, text) : undefined
    const volume = made.get(key)
    if (drive && drive['backup'] === '0') left.push(`${key}: ${text}`)
    else if (drive && volume) out.set(key, printDrive({ ...drive, file: volidOf(volume) }))
    else if (/^net\d+$/.test(key) && unique) out.set(key, printNet({ ...parseNet(text), macaddr: newMac(world) }))
    else if (key === 'vmgenid' && text !== '0') out.set(key, world.random.uuid())
    else if (key === 'smbios1' && unique) out.set(key, text.replace(/uuid=[^,]*/, `uuid=${world.random.uuid()}`))
    else out.set(key, text)
  }
  if (left.length > 0) out.set('description', [out.get('description'), ...left].filter(Boolean).join('\n'))
  return out
}
