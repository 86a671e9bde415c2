import { PveRefusal, paramError, refuse } from '../http/refusal.ts'
import { flag, int, str, type Call, type Route } from '../routes.ts'
import type { Worker } from '../tasks/worker.ts'
import { mayAccess } from './access.ts'
import { backupTime } from './backup-time.ts'
import { volumePath } from './path.ts'
import { maxProtected, protectedLimit } from './protected.ts'
import type { Storage } from './table.ts'
import { factsOfName, splitVolid, volidOf, type Volume } from './volume.ts'

type Row = Record<string, unknown>

/** The storage of the call if its volumes can be reached from the node. */
export function reachable(call: Call, name: string): Storage {
  const storage = call.world.storage.usable(name, call.node)
  return storage.online ? storage : refuse(`storage '${name}' is not online`)
}

/** The base as a linked clone's file names it: relative to its own folder. */
function parentOf(volume: Volume, isFile: boolean): string | null {
  if (volume.parent === undefined) return null
  return isFile ? `../${volume.parent}` : volume.parent
}

/** A volume as the content list shows it. */
function contentRow(volume: Volume, isFile: boolean): Row {
  const base = { volid: volidOf(volume), content: volume.content, format: volume.format, size: volume.sizeBytes, ctime: volume.ctime }
  if (volume.content === 'backup') {
    return {
      ...base,
      ctime: backupTime(volume.name) ?? volume.ctime,
      ...(volume.vmid === undefined ? {} : { vmid: volume.vmid, subtype: 'qemu' }),
      // Of several lines the list has the first (PVE::Storage::Plugin get_subdir_files; a backup server does the same).
      ...(volume.notes ? { notes: volume.notes.split('\n', 1)[0] } : {}),
      ...(volume.isProtected ? { protected: 1 } : {}),
      ...(volume.verification === undefined ? {} : { verification: { state: volume.verification } }),
      ...(volume.encrypted === undefined ? {} : { encrypted: volume.encrypted }),
    }
  }
  // An image to import is listed with the size of its file (recording 03).
  if (volume.content === 'import') return { ...base, size: volume.usedBytes }
  if (volume.content !== 'images') return base
  return { ...base, vmid: volume.vmid, parent: parentOf(volume, isFile), ...(isFile ? { used: volume.usedBytes } : {}) }
}

function listContent(call: Call): Row[] {
  const storage = reachable(call, str(call, 'storage') ?? '')
  const [content, vmid] = [str(call, 'content'), int(call, 'vmid')]
  const isFile = call.world.storage.isFileBased(storage.storage)
  return call.world.storage
    .listed(storage.storage, call.node)
    .filter((volume) => storage.content.includes(volume.content) && (content === undefined || volume.content === content))
    .filter((volume) => vmid === undefined || volume.vmid === undefined || volume.vmid === vmid)
    .filter((volume) => mayAccess(call, volume.storage, volume.name))
    .map((volume) => contentRow(volume, isFile))
}

/** The volume part of the path, with or without its storage (PVE::API2::Storage::Content real_volume_id). */
function namedVolume(call: Call): { storage: Storage; name: string; volume: Volume | undefined } {
  const given = str(call, 'volume') ?? ''
  const inPath = str(call, 'storage') ?? ''
  const parts = splitVolid(given)
  if (parts !== undefined && parts.storage !== inPath) throw paramError({ volume: `storage ID mismatch (${parts.storage} != ${inPath})\n` })
  const storage = call.world.storage.usable(inPath, call.node)
  const name = parts?.name ?? given
  if (factsOfName(name, call.world.storage.isFileBased(inPath)) === undefined)
    refuse(`unable to parse ${kindOf(storage)} volume name '${name}'`)
  return { storage, name, volume: call.world.storage.find(`${inPath}:${name}`, call.node) }
}

function kindOf({ type }: Storage): string {
  if (type === 'dir' || type === 'nfs' || type === 'cifs' || type === 'btrfs') return 'directory'
  if (type === 'zfspool') return 'zfs'
  return type === 'lvmthin' ? 'lvm' : type
}

function mustAccess(call: Call, storage: Storage, name: string): void {
  if (mayAccess(call, storage.storage, name)) return
  const vmid = factsOfName(name, call.world.storage.isFileBased(storage.storage))?.vmid
  if (vmid === undefined) call.check(`/storage/${storage.storage}`, ['Datastore.Allocate'])
  const isBackup = name.startsWith('backup/')
  call.check(`/storage/${storage.storage}`, [isBackup ? 'Datastore.AllocateSpace' : 'Datastore.Audit'])
  call.check(`/vms/${vmid ?? ''}`, [isBackup ? 'VM.Backup' : 'VM.Config.Disk'])
}

function readVolume(call: Call): Row {
  const { storage, name, volume } = namedVolume(call)
  mustAccess(call, storage, name)
  if (volume === undefined) refuse(`volume_size_info on '${storage.storage}:${name}' failed - no format`)
  const isBackup = volume.content === 'backup'
  return {
    path: volumePath(storage, name, volume.content),
    // qemu-img is asked about the file: a backup is raw to it.
    format: isBackup ? 'raw' : volume.format,
    size: volume.sizeBytes,
    used: volume.usedBytes,
    ...(isBackup ? { notes: volume.notes ?? '', protected: volume.isProtected ? 1 : 0 } : {}),
  }
}

function updateVolume(call: Call): null {
  const { storage: table } = call.world
  const { storage, name, volume } = namedVolume(call)
  mustAccess(call, storage, name)
  const [notes, isProtected] = [str(call, 'notes'), call.params['protected']]
  if (!name.startsWith('backup/')) {
    if (notes !== undefined) refuse('only backups can have notes')
    if (isProtected !== undefined) refuse('only backups can be protected')
  }
  if (volume === undefined) refuse(`volume '${storage.storage}:${name}' does not exist`)
  if (notes !== undefined) volume.notes = notes
  if (isProtected === undefined) return null
  const most = maxProtected(call, storage)
  const others = table.listed(storage.storage, call.node).filter((file) => file.content === 'backup' && file.vmid === volume.vmid)
  const isMore = flag(call, 'protected') && !volume.isProtected && volume.vmid !== undefined
  if (isMore && most > -1 && others.filter((file) => file.isProtected).length >= most) refuse(protectedLimit(most, storage.storage))
  volume.isProtected = flag(call, 'protected')
  return null
}

/** The work of `imgdel`: a file that is not there is only a line in the log (recording 32). */
function removeVolume(call: Call, worker: Worker, storage: Storage, name: string): void {
  const volid = `${storage.storage}:${name}`
  const { storage: table } = call.world
  const volume = table.find(volid, call.node)
  const content = factsOfName(name, table.isFileBased(storage.storage))?.content ?? 'images'
  if (volume?.isProtected) refuse(`cannot remove protected volume '${name}' on '${storage.storage}'`)
  if (volume === undefined) {
    if (!table.isFileBased(storage.storage)) refuse(`volume '${volid}' does not exist`)
    worker.log(`disk image '${volumePath(storage, name, content)}' does not exist`)
  } else {
    if (table.childrenOf(volume).length > 0) refuse(`base volume '${name}' is still in use by linked cloned`)
    table.remove(volume)
  }
  worker.log(`Removed volume '${volid}'`)
}

/** Starts `imgdel`; with `delay` the answer waits for its end: null when it went well, 500 with its text when not. */
async function deleteVolume(call: Call): Promise<string | null> {
  const { storage, name } = namedVolume(call)
  const vmid = factsOfName(name, call.world.storage.isFileBased(storage.storage))?.vmid
  if (name.startsWith('backup/') && vmid !== undefined) {
    call.check(`/storage/${storage.storage}`, ['Datastore.AllocateSpace'])
    call.check(`/vms/${vmid}`, ['VM.Backup'])
  } else {
    call.check(`/storage/${storage.storage}`, ['Datastore.Allocate'])
  }
  const { world } = call
  const id = vmid === undefined ? storage.storage : `${vmid}@${storage.storage}`
  const what = { node: call.node, type: 'imgdel', id, user: call.user.id, fault: call.fault?.task }
  const task = world.tasks.start(what, async (worker) => {
    await worker.work(world.spec.durations.configMs)
    removeVolume(call, worker, storage, name)
  })
  const delay = int(call, 'delay')
  if (delay === undefined) return task.upid
  await Promise.race([task.done, world.clock.sleep(delay * 1000)])
  if (task.endtime === undefined) return task.upid
  if (task.exitstatus === 'OK') return null
  throw new PveRefusal(500, task.exitstatus ?? 'unexpected status')
}

/** `64M`, `1G`; a bare number is KiB. */
function sizeOf(text: string): number {
  const unit = { M: 1024 ** 2, G: 1024 ** 3 }[text.slice(-1)] ?? 1024
  return Number.parseInt(text, 10) * unit
}

/** Allocates an image under a name of the caller's choice. */
function createVolume(call: Call): string {
  const [vmid, filename] = [int(call, 'vmid') ?? 0, str(call, 'filename') ?? '']
  const storage = reachable(call, str(call, 'storage') ?? '')
  const { storage: table } = call.world
  const isFile = table.isFileBased(storage.storage)
  const extension = /\.(raw|qcow2|vmdk)$/.exec(filename)?.[1]
  const given = str(call, 'format')
  if (given === undefined && extension === undefined && isFile) refuse(`unable to parse volume filename '${filename}'`)
  if (!isFile && !filename.startsWith(`vm-${vmid}-`)) refuse(`illegal name '${filename}' - should be 'vm-${vmid}-*'`)
  const format = given ?? extension ?? 'raw'
  if (extension !== undefined && extension !== format) throw paramError({ format: `different storage formats (${format} != ${extension})` })
  const name = isFile ? `${vmid}/${filename}` : filename
  const sizeBytes = table.rounded(storage.storage, sizeOf(str(call, 'size') ?? '0'))
  if (table.find(`${storage.storage}:${name}`, call.node) !== undefined) {
    refuse(
      isFile ? `disk image '${volumePath(storage, name, 'images')}' already exists` : `volume '${storage.storage}:${name}' already exists`,
    )
  }
  table.mustFit(storage.storage, call.node, name, table.isThin(storage.storage) ? 0 : sizeBytes)
  const node = storage.shared ? undefined : call.node
  return volidOf(table.add({ storage: storage.storage, node, name, format, sizeBytes, content: 'images', vmid }))
}

const content = '/nodes/{node}/storage/{storage}/content'

export const storageContentRoutes: readonly Route[] = [
  { method: 'GET', path: content, handler: listContent },
  { method: 'POST', path: content, handler: createVolume },
  { method: 'GET', path: `${content}/{volume}`, handler: readVolume },
  { method: 'PUT', path: `${content}/{volume}`, handler: updateVolume },
  { method: 'DELETE', path: `${content}/{volume}`, handler: deleteVolume },
]
