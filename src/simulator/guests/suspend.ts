// Pause, hibernate and resume.
import { refuse } from '../http/refusal.ts'
import { type Call, flag, str } from '../routes.ts'
import { splitVolid } from '../storage/volume.ts'
import type { Worker } from '../tasks/worker.ts'
import { isDriveKey, parseDrive, volumeOf } from './drive.ts'
import { checkLock, findGuest, flockPath } from './find.ts'
import type { Guest } from './guest.ts'
import { begin, flockMs, runningGuest } from './guest-task.ts'
import { onlyRoot } from './options.ts'
import { startGuest } from './start.ts'
import { memoryMiB } from './usage.ts'

/** POST status/suspend: pause, or with `todisk` hibernate. */
export function suspend(call: Call): string {
  onlyRoot(call, 'skiplock')
  const { vmid } = call
  const now = runningGuest(call)
  const toDisk = flag(call, 'todisk')
  if (toDisk && call.world.ha.isManaged(vmid)) refuse('Cannot suspend HA managed VM to disk')
  if (toDisk) {
    call.check(`/vms/${vmid}`, ['VM.Config.Disk'])
    checkLock(now)
  }
  const statestorage = str(call, 'statestorage')
  return begin(call, toDisk ? 'qmsuspend' : 'qmpause', async (worker) => {
    const release = await worker.lock(flockPath(vmid), flockMs)
    const guest = runningGuest(call)
    if (guest.lock !== 'backup') checkLock(guest)
    if (toDisk) await hibernate(call, worker, guest, statestorage)
    else {
      await worker.work(50)
      if (guest.process) guest.process.run = 'paused'
    }
    release()
  })
}

async function hibernate(call: Call, worker: Worker, guest: Guest, statestorage: string | undefined): Promise<void> {
  const { world } = call
  const first = [...guest.config]
    .map(([key, text]) => (isDriveKey(key) ? volumeOf(parseDrive(key, text)) : undefined))
    .find((v) => v !== undefined)
  const storage = statestorage ?? guest.config.get('vmstatestorage') ?? splitVolid(first ?? '')?.storage ?? 'local'
  call.check(`/storage/${storage}`, ['Datastore.AllocateSpace'])
  world.storage.usable(storage, guest.node)
  const date = new Date(world.clock.now()).toISOString().slice(0, 10)
  const isFile = world.storage.isFileBased(storage)
  const base = `vm-${guest.vmid}-state-suspend-${date}`
  const name = isFile ? `${guest.vmid}/${base}.raw` : base
  const sizeBytes = (2 * memoryMiB(guest.config) + 500) * 1024 ** 2
  world.storage.add({
    storage,
    node: world.storage.definitions.get(storage)?.shared ? undefined : guest.node,
    name,
    format: 'raw',
    sizeBytes,
    content: 'images',
    vmid: guest.vmid,
  })
  guest.config.set('lock', 'suspending')
  guest.config.set('vmstate', `${storage}:${name}`)
  await worker.work(world.spec.durations.snapshotMs)
  guest.config.set('lock', 'suspended')
  guest.asleep = guest.process?.inside
  guest.process = undefined
}

/** POST status/resume. */
export function resume(call: Call): string {
  onlyRoot(call, 'skiplock', 'nocheck')
  const guest = findGuest(call.world, call.node, call.vmid)
  const isHibernated = guest.lock === 'suspended'
  if (!guest.isRunning && !isHibernated) refuse(`VM ${call.vmid} not running`)
  return begin(call, 'qmresume', async (worker) => {
    const release = await worker.lock(flockPath(call.vmid), flockMs)
    if (isHibernated) await startGuest(call.world, call.node, call.vmid, worker)
    else {
      const now = runningGuest(call)
      if (now.lock !== 'backup') checkLock(now)
      await worker.work(20)
      if (now.process) now.process.run = 'running'
    }
    release()
  })
}
