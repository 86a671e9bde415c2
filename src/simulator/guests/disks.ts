import type { Identity } from '../access/identity.ts'
import { paramError, PveRefusal, refuse } from '../http/refusal.ts'
import { factsOfName, splitVolid, type Volume, volidOf } from '../storage/volume.ts'
import type { World } from '../world/world.ts'
import { type Drive, isCdrom, isCloudInit, isDriveKey, newDisk, parseDrive, printDrive } from './drive.ts'
import type { Guest } from './guest.ts'
import { formatSize } from './size.ts'

const GiB = 1024 ** 3
const cloudInitBytes = 4 * 1024 ** 2
/** ext4's limit; above it qemu-img refuses a raw file (recording 17). */
const largestFileBytes = 16 * 1024 * GiB

/** Who allocates, where, and for whom. */
export interface Allocation {
  world: World
  user: Identity
  node: string
  vmid: number
  log: (line: string) => void
  defaultStorage?: string | undefined
  /** Waits for the copy of an import; bytes. */
  copy?: (bytes: number) => Promise<void>
}

/** Makes one volume, or refuses as the storage does. */
export function allocate(
  world: World,
  o: { storage: string; node: string; vmid: number; format: string; bytes: number; name?: string; log?: (line: string) => void },
): Volume {
  const storage = world.storage.usable(o.storage, o.node)
  if (!storage.online) refuse(`storage '${o.storage}' is not online`)
  const name = o.name ?? world.storage.freeName(o.storage, o.node, o.vmid, o.format)
  const volid = `${o.storage}:${name}`
  const path = `${storage.properties['path'] ?? '/var/lib/vz'}/images/${name}`
  const isFile = world.storage.isFileBased(o.storage)
  if (world.storage.find(volid, o.node))
    refuse(
      isFile ? `disk image '${path}' already exists` : `lvcreate '${o.storage}/${name}' error:   Logical Volume "${name}" already exists`,
    )
  if (isFile && o.bytes > largestFileBytes)
    refuse(`unable to create image: qemu-img.orig: ${path}: The image size is too large for file format '${o.format}'`)
  const bytes = world.storage.rounded(o.storage, o.bytes)
  world.storage.mustFit(o.storage, o.node, name, world.storage.isThin(o.storage) && storage.type !== 'dir' ? 0 : isFile ? 0 : bytes)
  if (isFile) {
    const detail =
      o.format === 'qcow2'
        ? ` cluster_size=65536 extended_l2=off preallocation=metadata compression_type=zlib size=${bytes} lazy_refcounts=off refcount_bits=16`
        : ` size=${bytes} preallocation=off`
    o.log?.(`Formatting '${path}', fmt=${o.format}${detail}`)
  } else o.log?.(`  Logical volume "${name}" created.`)
  const used = isFile && o.format === 'qcow2' ? 266240 : 0
  return world.storage.add({
    storage: o.storage,
    node: storage.shared ? undefined : o.node,
    name,
    format: o.format,
    sizeBytes: bytes,
    usedBytes: used,
    content: 'images',
    vmid: o.vmid,
  })
}

/** AllocateSpace and the content type for every drive that makes or uses a volume (PVE::API2::Qemu check_storage_access). */
export function checkStorageAccess(
  a: Pick<Allocation, 'world' | 'user' | 'node' | 'vmid' | 'defaultStorage'>,
  settings: Readonly<Record<string, string>>,
): void {
  for (const [key, text] of Object.entries(settings)) {
    if (!isDriveKey(key)) continue
    const drive = parseDrive(key, text)
    const file = drive?.['file'] ?? 'none'
    if (!drive || file === 'none') continue
    if (file === 'cdrom') {
      a.world.access.check(a.user, '/', ['Sys.Console'])
      continue
    }
    const fresh = newDisk.exec(file)
    const storage = fresh ? (fresh[2] ?? a.defaultStorage) : splitVolid(file)?.storage
    if (fresh || (drive && isCloudInit(drive) && file.endsWith(':cloudinit'))) {
      if (storage === undefined) refuse('no storage ID specified (and no default storage)')
      a.world.access.check(a.user, `/storage/${storage}`, ['Datastore.AllocateSpace'])
      if (!fresh) continue
      const found = a.world.storage.usable(storage, a.node)
      if (!found.content.includes('images')) throw paramError({ storage: `storage '${storage}' does not support vm images` })
      if (drive['import-from'] !== undefined) checkImportSource(a, key, drive)
    } else checkVolumeAccess(a, file)
  }
}

function checkImportSource(a: Pick<Allocation, 'world' | 'user' | 'node' | 'vmid'>, key: string, drive: Drive): void {
  const source = drive['import-from'] ?? ''
  if (!(drive['file'] ?? '').endsWith(':0'))
    throw paramError({ [key]: "'import-from' requires special syntax - use <storage ID>:0,import-from=<source>" })
  if (source.startsWith('/')) {
    if (!a.user.isRoot)
      throw new PveRefusal(500, 'Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 651.')
    return
  }
  const parts = splitVolid(source)
  const facts = parts && factsOfName(parts.name, a.world.storage.isFileBased(parts.storage))
  if (facts?.vmid !== undefined) a.world.access.check(a.user, `/vms/${facts.vmid}`, ['VM.Clone'])
  else checkVolumeAccess(a, source)
}

/** PVE::Storage check_volume_access. */
export function checkVolumeAccess(a: Pick<Allocation, 'world' | 'user' | 'vmid'>, volid: string): void {
  const parts = splitVolid(volid)
  if (!parts) {
    if (!a.user.isRoot)
      throw new PveRefusal(500, 'Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 651.')
    return
  }
  if (!a.world.storage.definitions.has(parts.storage)) refuse(`storage '${parts.storage}' does not exist`)
  const isFile = a.world.storage.isFileBased(parts.storage)
  const facts = factsOfName(parts.name, isFile)
  if (!facts) refuse(isFile ? `unable to parse directory volume name '${parts.name}'` : `unable to parse lvm volume name '${parts.name}'`)
  const path = `/storage/${parts.storage}`
  const { access } = a.world
  if (access.has(a.user, path, 'Datastore.Allocate') || (facts.vmid !== undefined && facts.vmid === a.vmid)) return
  if (['iso', 'vztmpl', 'snippets', 'import'].includes(facts.content))
    access.check(a.user, path, ['Datastore.Audit', 'Datastore.AllocateSpace'], true)
  else if (facts.vmid === undefined) access.check(a.user, path, ['Datastore.Allocate'])
  else if (facts.content === 'backup') {
    access.check(a.user, path, ['Datastore.AllocateSpace'])
    access.check(a.user, `/vms/${facts.vmid}`, ['VM.Backup'])
  } else {
    access.check(a.user, path, ['Datastore.Audit'])
    access.check(a.user, `/vms/${facts.vmid}`, ['VM.Config.Disk'])
  }
}

/** Makes or looks up the volumes of drives; returns their stored text. Frees what it made when one fails (create_disks). */
export async function createDisks(
  a: Allocation,
  guest: Pick<Guest, 'config' | 'pending'>,
  settings: Readonly<Record<string, string>>,
): Promise<{ made: Volume[]; result: Record<string, string> }> {
  const made: Volume[] = []
  const result: Record<string, string> = {}
  try {
    for (const [key, text] of Object.entries(settings).toSorted(([x], [y]) => (x < y ? -1 : 1))) {
      const drive = parseDrive(key, text)
      if (!drive) throw paramError({ [key]: 'unable to parse drive options' })
      result[key] = await createDisk(a, { guest, result, made }, key, drive)
    }
  } catch (fault) {
    for (const volume of made) a.world.storage.remove(volume)
    throw fault
  }
  return { made, result }
}

interface Progress {
  guest: Pick<Guest, 'config' | 'pending'>
  result: Readonly<Record<string, string>>
  made: Volume[]
}

async function createDisk(a: Allocation, at: Progress, key: string, drive: Drive): Promise<string> {
  const file = drive['file'] ?? 'none'
  if (file === 'none' || file === 'cdrom') {
    delete drive['size']
    return printDrive(drive)
  }
  const fresh = newDisk.exec(file)
  if (!file.endsWith(':cloudinit') && !fresh) return useVolume(a, key, drive)
  const storage = fresh ? (fresh[2] ?? a.defaultStorage) : splitVolid(file)?.storage
  if (storage === undefined) refuse('no storage ID specified (and no default storage)')
  if (fresh) return newVolume(a, at, key, drive, { storage, GiB: Number(fresh[3]) })
  return newCloudInit(a, at, key, drive, storage)
}

function newCloudInit(a: Allocation, at: Progress, key: string, drive: Drive, storage: string): string {
  for (const section of [at.guest.config, at.guest.pending, new Map(Object.entries(at.result))]) {
    for (const [other, text] of section) {
      const found = isDriveKey(other) && other !== key ? parseDrive(other, text) : undefined
      if (found && isCloudInit(found)) refuse(`${key} - cloud-init drive is already attached at '${other}'`)
    }
  }
  const isFile = a.world.storage.isFileBased(storage)
  const format = drive['format'] ?? (isFile ? 'qcow2' : 'raw')
  const name = isFile ? `${a.vmid}/vm-${a.vmid}-cloudinit.${format}` : `vm-${a.vmid}-cloudinit`
  const volume = allocate(a.world, { storage, node: a.node, vmid: a.vmid, format, bytes: cloudInitBytes, name, log: a.log })
  at.made.push(volume)
  drive['file'] = volidOf(volume)
  drive['media'] = 'cdrom'
  delete drive['format']
  const text = printDrive(drive)
  a.log(`${key}: successfully created disk '${text}'`)
  return text
}

async function newVolume(a: Allocation, at: Progress, key: string, drive: Drive, o: { storage: string; GiB: number }): Promise<string> {
  if (key === 'efidisk0' && a.world.spec.quirks?.noFirmware)
    refuse(`EFI base image '/usr/share/pve-edk2-firmware//OVMF_CODE${drive['efitype'] === '4m' ? '_4M' : ''}.fd' not found`)
  const source = drive['import-from']
  delete drive['import-from']
  const from = source === undefined ? undefined : importSource(a, source)
  const format = a.world.storage.formatFor(o.storage, drive['format'] ?? from?.format)
  const spec = { storage: o.storage, node: a.node, vmid: a.vmid, format, log: a.log }
  let volume: Volume
  if (from) {
    a.log(`create full clone of drive (${source})`)
    volume = allocate(a.world, { ...spec, bytes: from.sizeBytes })
    at.made.push(volume)
    a.log(`allocated target volume '${volidOf(volume)}'`)
    await a.copy?.(from.sizeBytes)
    volume = a.world.storage.change(volume, { usedBytes: Math.max(volume.usedBytes, from.usedBytes) })
    at.made[at.made.length - 1] = volume
  } else {
    const bytes = stateBytes(key, drive) ?? Math.ceil(o.GiB * 1024 ** 2) * 1024
    volume = allocate(a.world, { ...spec, bytes })
    at.made.push(volume)
  }
  drive['file'] = volidOf(volume)
  drive['size'] = formatSize(volume.sizeBytes)
  delete drive['format']
  const text = printDrive(drive)
  a.log(`${key}: successfully created disk '${text}'`)
  return text
}

/** Sizes that PVE gives itself: TPM state, and UEFI variables as large as their template file. */
function stateBytes(key: string, drive: Drive): number | undefined {
  if (key === 'tpmstate0') return 4 * 1024 ** 2
  if (key !== 'efidisk0') return undefined
  return drive['efitype'] === '4m' ? 528 * 1024 : 128 * 1024
}

function importSource(a: Allocation, source: string): Volume {
  const found = a.world.storage.find(source, a.node)
  if (found) return found
  const parts = splitVolid(source)
  const path = a.world.storage.definitions.get(parts?.storage ?? '')?.properties['path'] ?? '/var/lib/vz'
  if (parts?.name.startsWith('import/')) refuse(`failed to stat '${path}/${parts.name}'`)
  return refuse(`volume '${source}' does not exist`)
}

function useVolume(a: Allocation, key: string, drive: Drive): string {
  const file = drive['file'] ?? ''
  const parts = splitVolid(file)
  if (!parts) return printDrive(drive)
  const facts = factsOfName(parts.name, a.world.storage.isFileBased(parts.storage))
  if (facts && facts.content !== 'images' && facts.content !== 'iso')
    refuse(`cannot use volume ${file} - content type needs to be 'images' or 'iso'`)
  if (facts?.content === 'iso' && drive['media'] !== 'cdrom')
    throw paramError({ [key]: "explicit 'media=cdrom' is required for iso images" })
  a.world.storage.usable(parts.storage, a.node)
  const volume = a.world.storage.find(file, a.node)
  if (!volume) refuse(`volume '${file}' does not exist`)
  const wanted = drive['format']
  if (wanted !== undefined && wanted !== volume.format && !isCdrom(drive))
    refuse(`drive '${key}' - volume '${file}' - 'format=${wanted}' option different from storage format '${volume.format}'`)
  drive['size'] = formatSize(volume.sizeBytes)
  return printDrive(drive)
}
