import { requestMigration } from '../ha/request.ts'
import { paramError, refuse } from '../http/refusal.ts'
import { type Call, flag, str } from '../routes.ts'
import { splitVolid } from '../storage/volume.ts'
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
    if (local.length > 0 && !flag(call, 'with-local-disks') && now.isRunning) refuse("can't migrate local disks without --with-local-disks")
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
  const guest = loadGuest(call.world, call.node, call.vmid)
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
