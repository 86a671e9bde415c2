import { paramError, refuse } from '../http/refusal.ts'
import { type Call, flag, int, str } from '../routes.ts'
import { isCdrom, parseDrive, printDrive, volumeOf } from './drive.ts'
import { copyVolume } from './copy.ts'
import { checkDigest, checkLock, checkProtection, flockPath, loadGuest } from './find.ts'
import { formatSize } from './size.ts'
import { addUnused } from './write.ts'

/** POST move_disk to another storage or format. */
export function moveDisk(call: Call): string {
  const { world, node, vmid, user } = call
  const disk = str(call, 'disk') ?? ''
  const storage = str(call, 'storage')
  const format = str(call, 'format')
  if (str(call, 'target-vmid') !== undefined) refuse('the simulator does not reassign disks')
  if (storage === undefined) throw paramError({ storage: 'property is missing and it is not optional' })
  call.check(`/storage/${storage}`, ['Datastore.AllocateSpace'])
  const check = () => {
    const guest = loadGuest(world, node, vmid)
    const digest = str(call, 'digest')
    checkDigest(guest, digest)
    checkLock(guest)
    const text = guest.config.get(disk)
    if (text === undefined) refuse(`disk '${disk}' does not exist`)
    const drive = parseDrive(disk, text) ?? {}
    const volid = volumeOf(drive)
    if (volid === undefined) refuse(`disk '${disk}' has no associated volume`)
    if (isCdrom(drive)) refuse("you can't move a cdrom")
    const volume = world.storage.find(volid, node)
    const old = volid.split(':')[0]
    if (old === storage && (format === undefined || volume?.format === format))
      refuse("you can't move to the same storage with same format")
    world.storage.usable(storage, node)
    if (flag(call, 'delete')) checkProtection(guest, `can't remove disk '${disk}'`)
    return { guest, drive, volid, volume }
  }
  check()
  const task = world.tasks.start({ node, type: 'qmmove', id: String(vmid), user: user.id, fault: call.fault?.task }, async (worker) => {
    const release = await worker.lock(flockPath(vmid), 10_000)
    const { guest, drive, volid, volume } = check()
    worker.log(`create full clone of drive ${disk} (${volid})`)
    const job = {
      world,
      worker,
      node,
      newid: vmid,
      volid,
      from: volume,
      storage,
      format,
      bwlimitKiB: int(call, 'bwlimit') ?? 0,
      spentMs: 0,
      made: [],
    }
    const copy = await copyVolume({ ...job, isCloudInit: false })
    const { format: _format, ...options } = drive
    guest.config.set(disk, printDrive({ ...options, file: `${copy.storage}:${copy.name}`, size: formatSize(copy.sizeBytes) }))
    if (!flag(call, 'delete')) addUnused(guest, volid)
    else if (volume) world.storage.remove(volume)
    release()
  })
  return task.upid
}
