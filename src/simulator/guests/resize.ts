import { refuse } from '../http/refusal.ts'
import { type Call, str } from '../routes.ts'
import { onlyRoot } from './options.ts'
import { isCdrom, parseDrive, printDrive, volumeOf } from './drive.ts'
import { checkDigest, checkLock, flockPath, loadGuest } from './find.ts'
import { formatSize, parseSizeBytes } from './size.ts'

const flockMs = 10_000

/** PUT resize: everything is checked inside the task (PVE 8 and newer). */
export function resize(call: Call): string {
  onlyRoot(call, 'skiplock')
  const { world, node, vmid, user } = call
  const disk = str(call, 'disk') ?? ''
  const wanted = str(call, 'size') ?? ''
  const digest = str(call, 'digest')
  const task = world.tasks.start({ node, type: 'resize', id: String(vmid), user: user.id, fault: call.fault?.task }, async (worker) => {
    const release = await worker.lock(flockPath(vmid), flockMs)
    const guest = loadGuest(world, node, vmid)
    checkDigest(guest, digest)
    checkLock(guest)
    const text = guest.config.get(disk)
    if (text === undefined) refuse(`disk '${disk}' does not exist`)
    const drive = parseDrive(disk, text) ?? {}
    const volid = volumeOf(drive)
    if (volid === undefined) refuse(isCdrom(drive) ? "you can't resize a cdrom" : `disk '${disk}' has no associated volume`)
    if (isCdrom(drive)) refuse("you can't resize a cdrom")
    const storage = volid.split(':')[0] ?? ''
    call.check(`/storage/${storage}`, ['Datastore.AllocateSpace'])
    if (!world.storage.usable(storage, node).online) refuse(`storage '${storage}' is not online`)
    const volume = world.storage.find(volid, node)
    if (!volume) refuse(`volume '${volid}' does not exist`)
    const amount = parseSizeBytes(wanted.replace('+', '')) ?? 0
    const asked = wanted.startsWith('+') ? volume.sizeBytes + amount : amount
    const padded = Math.ceil(asked / 1024) * 1024
    if (asked < volume.sizeBytes) refuse('shrinking disks is not supported')
    // Nothing is written then: a size in a pending drive string stays as old as it is.
    if (asked === volume.sizeBytes) return release()
    if (padded > volume.sizeBytes) {
      const size = world.storage.rounded(storage, padded)
      if (!world.storage.isThin(storage)) world.storage.mustFit(storage, node, volume.name, size - volume.sizeBytes)
      await worker.work(world.spec.durations.resizeMs)
      world.storage.change(volume, { sizeBytes: size })
      if (!guest.isRunning) worker.log('Image resized.')
    } else await worker.work(0)
    guest.config.set(disk, printDrive({ ...drive, size: formatSize(padded) }))
    release()
  })
  return task.upid
}
