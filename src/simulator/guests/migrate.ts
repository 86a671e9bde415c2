import { requestMigration } from '../ha/request.ts'
import { paramError, refuse } from '../http/refusal.ts'
import { type Call, flag, str } from '../routes.ts'
import { ownName, splitVolid } from '../storage/volume.ts'
import type { Worker } from '../tasks/worker.ts'
import { isCdrom, isCloudInit, isDriveKey, parseDrive, volumeOf } from './drive.ts'
import { checkLock, checkQuorum, flockPath, loadGuest } from './find.ts'
import type { Guest } from './guest.ts'

/** POST migrate: `lock: migrate` while it runs, the config changes its node at the end. */
export function migrate(call: Call): string {
  const { world, node, vmid } = call
  checkQuorum(world)
  const target = str(call, 'target') ?? ''
  if (!world.nodes.has(target)) refuse(`no such cluster node '${target}'`)
  if (target === node) throw paramError({ target: 'target is local node.' })
  const guest = loadGuest(world, node, vmid)
  checkLock(guest)
  if (guest.isRunning && !flag(call, 'online')) refuse("can't migrate running VM without --online")
  for (const [key, text] of guest.config) checkStorageOf(call, target, key, text)
  return world.ha.isManaged(vmid) ? requestMigration(call, target) : migrateNow(call)
}

/** The task that moves the guest, HA or not. */
export function migrateNow(call: Call): string {
  const { world, node, vmid, user } = call
  const target = str(call, 'target') ?? ''
  const task = world.tasks.start({ node, type: 'qmigrate', id: String(vmid), user: user.id, fault: call.fault?.task }, async (worker) => {
    const release = await worker.lock(flockPath(vmid), 10_000)
    const now = loadGuest(world, node, vmid)
    checkLock(now)
    const local = localVolumes(call, now)
    checkLocal(call, now, local, worker)
    if (!world.nodes.get(target)?.online) refuse(`ssh: connect to host ${world.nodes.get(target)?.ip} port 22: No route to host`)
    now.config.set('lock', 'migrate')
    worker.log(`starting migration of VM ${vmid} to node '${target}' (${world.nodes.get(target)?.ip})`)
    try {
      await worker.work(world.spec.durations.migrateMs)
    } catch (fault) {
      now.config.delete('lock')
      throw fault
    }
    for (const volid of local) {
      const volume = world.storage.find(volid, node)
      if (!volume) continue
      world.storage.remove(volume)
      world.storage.add({ ...volume, node: target })
    }
    now.node = target
    // The target's QEMU is another process: uptime and counters begin again, the system inside and its drive go on.
    if (now.process) now.process = { ...now.process, pid: world.tasks.nextPid(), sinceMs: world.clock.now(), netIn: 0, netOut: 0 }
    if (now.process?.flow) now.process.flow.sinceMs = world.clock.now()
    now.config.delete('lock')
    release()
  })
  return task.upid
}

/** Both nodes must have the storage of every disk (PVE::QemuServer check_storage_availability). */
function checkStorageOf(call: Call, target: string, key: string, text: string): void {
  const storage = isDriveKey(key) ? splitVolid(volumeOf(parseDrive(key, text)) ?? '')?.storage : undefined
  if (storage === undefined) return
  call.world.storage.usable(storage, call.node)
  call.world.storage.usable(storage, target)
}

/** What cannot go along. Why is in the log; the task says that it is there (PVE::QemuMigrate scan_local_volumes). */
function checkLocal({ world, params }: Call, guest: Guest, local: readonly string[], worker: Worker): void {
  const attached = new Set([...guest.config].flatMap(([key, text]) => (isDriveKey(key) ? (volumeOf(parseDrive(key, text)) ?? []) : [])))
  const inSnapshots = [...guest.snapshots.values()].flatMap(({ config }) => [...config])
  const isInSnapshot = (volid: string) => inSnapshots.some(([key, text]) => isDriveKey(key) && volumeOf(parseDrive(key, text)) === volid)
  const reasonOf = (volid: string): string | undefined => {
    const volume = world.storage.find(volid, guest.node)
    if (!volume || volid.includes('cloudinit')) return undefined
    const type = world.storage.definitions.get(volume.storage)?.type
    if (isInSnapshot(volid) && guest.isRunning) return 'online storage migration not possible if non-replicated snapshot exists'
    if (isInSnapshot(volid) && type !== 'zfspool' && volume.format !== 'qcow2') return 'non-migratable snapshot exists'
    if (guest.isRunning && attached.has(volid) && params['with-local-disks'] !== 1)
      return "can't live migrate attached local disks without with-local-disks option"
    return undefined
  }
  const faults = local.flatMap((volid) => {
    const why = reasonOf(volid)
    return why === undefined ? [] : [`can't migrate local disk '${volid}': ${why}`]
  })
  for (const fault of faults) worker.log(`WARN: ${fault}`)
  if (faults.length > 0) refuse("Problem found while scanning volumes - can't migrate VM - check log")
  const linked = local.find((volid) => ownName(splitVolid(volid)?.name ?? '') !== splitVolid(volid)?.name)
  const [base] = (splitVolid(linked ?? '')?.name ?? '').split(/\/(?=(?:\d+\/)?vm-)/)
  if (linked !== undefined) refuse(`Problem found while scanning volumes - can't migrate '${linked}' as it's a clone of '${base}'`)
}

function localVolumes(call: Call, guest: Guest): string[] {
  const out: string[] = []
  for (const [key, text] of guest.config) {
    const drive = isDriveKey(key) ? parseDrive(key, text) : undefined
    const volid = key.startsWith('unused') ? text : drive && (!isCdrom(drive) || isCloudInit(drive)) ? volumeOf(drive) : undefined
    if (volid !== undefined && !call.world.storage.definitions.get(splitVolid(volid)?.storage ?? '')?.shared) out.push(volid)
  }
  return out
}

/** GET migrate: what would be possible. */
export function migratePreconditions(call: Call): Record<string, unknown> {
  checkQuorum(call.world)
  const guest = loadGuest(call.world, call.node, call.vmid)
  checkLock(guest)
  const others = [...call.world.nodes.values()].filter((n) => n.name !== call.node && n.online).map((n) => n.name)
  const local = localVolumes(call, guest).map((volid) => ({
    volid,
    cdrom: 0,
    is_unused: 0,
    size: call.world.storage.find(volid, call.node)?.sizeBytes ?? 0,
  }))
  return {
    running: guest.isRunning ? 1 : 0,
    allowed_nodes: others,
    not_allowed_nodes: {},
    local_disks: local,
    local_resources: [],
    'mapped-resources': [],
    'mapped-resource-info': {},
  }
}
