import { refuse } from '../http/refusal.ts'
import { type Call, str } from '../routes.ts'
import { volidOf } from '../storage/volume.ts'
import { isCdrom, isDriveKey, parseDrive, printDrive, volumeOf } from './drive.ts'
import { checkLock, checkQuorum, flockPath, loadGuest } from './find.ts'
import type { Guest } from './guest.ts'

/** POST template. */
export function makeTemplate(call: Call): string {
  const { world, node, vmid, user } = call
  checkQuorum(world)
  const disk = str(call, 'disk')
  const check = (): Guest => {
    const guest = loadGuest(world, node, vmid)
    checkLock(guest)
    if (guest.snapshots.size > 0) refuse('unable to create template, because VM contains snapshots')
    if (guest.isTemplate && disk === undefined) refuse("you can't convert a template to a template")
    if (guest.isRunning) refuse("you can't convert a VM to template if VM is running")
    return guest
  }
  check()
  const task = world.tasks.start({ node, type: 'qmtemplate', id: String(vmid), user: user.id, fault: call.fault?.task }, async (worker) => {
    const release = await worker.lock(flockPath(vmid), 10_000)
    const guest = check()
    await worker.work(world.spec.durations.templateMs)
    guest.config.set('template', '1')
    for (const [key, text] of guest.config) {
      const drive = isDriveKey(key) && (disk === undefined || disk === key) ? parseDrive(key, text) : undefined
      const volume = drive && !isCdrom(drive) ? world.storage.find(volumeOf(drive) ?? '', node) : undefined
      if (!drive || !volume || volume.vmid !== vmid) continue
      const base = world.storage.change(volume, { name: volume.name.replace(`vm-${vmid}-`, `base-${vmid}-`) })
      guest.config.set(key, printDrive({ ...drive, file: volidOf(base) }))
    }
    release()
  })
  return task.upid
}
