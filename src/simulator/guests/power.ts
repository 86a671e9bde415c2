import { refuse } from '../http/refusal.ts'
import { type Call, flag, int, str } from '../routes.ts'
import { splitVolid } from '../storage/volume.ts'
import type { Worker } from '../tasks/worker.ts'
import type { World } from '../world/world.ts'
import { checkSnippets, cloudInitKey, regenerate } from './cloudinit.ts'
import { isDriveKey, parseDrive, volumeOf } from './drive.ts'
import { checkLock, checkQuorum, findGuest, flockPath, loadGuest } from './find.ts'
import type { Guest } from './guest.ts'
import { memoryMiB } from './usage.ts'
import { parseNet } from './net.ts'
import { onlyRoot } from './options.ts'
import { applyPending } from './pending.ts'

const flockMs = 10_000

function begin(call: Call, type: string, body: (worker: Worker) => Promise<void>): string {
  const { world, node, vmid, user } = call
  return world.tasks.start({ node, type, id: String(vmid), user: user.id, fault: call.fault?.task }, body).upid
}

/** POST status/start. */
export function start(call: Call): string {
  onlyRoot(
    call,
    'skiplock',
    'stateuri',
    'migratedfrom',
    'migration_type',
    'migration_network',
    'targetstorage',
    'force-cpu',
    'nets-host-mtu',
    'with-conntrack-state',
  )
  checkQuorum(call.world)
  return begin(call, 'qmstart', async (worker) => {
    const release = await worker.lock(flockPath(call.vmid), flockMs)
    await startGuest(call.world, call.node, call.vmid, worker)
    release()
  })
}

/** What qemu-server vm_start does, in its order. */
export async function startGuest(world: World, node: string, vmid: number, worker: Worker): Promise<void> {
  const guest = loadGuest(world, node, vmid)
  if (guest.isTemplate) refuse("you can't start a vm if it's a template")
  const isSuspended = guest.lock === 'suspended'
  if (guest.lock === 'backup' && guest.isRunning) {
    if (guest.process) guest.process.run = 'running'
    return
  }
  if (!isSuspended) checkLock(guest)
  if (guest.isRunning) refuse(`VM ${vmid} already running`)
  applyPending(world, guest, undefined)
  checkHost(world, node, guest, worker)
  if (cloudInitKey(guest.config) !== undefined) worker.log('generating cloud-init ISO')
  regenerate(guest)
  await worker.work(world.spec.durations.startMs)
  if (isSuspended) wake(world, guest)
  launch(world, guest)
}

function wake(world: World, guest: Guest): void {
  const volume = world.storage.find(guest.config.get('vmstate') ?? '', guest.node)
  if (volume) world.storage.remove(volume)
  for (const key of ['lock', 'vmstate', 'runningmachine', 'runningcpu']) guest.config.delete(key)
}

function launch(world: World, guest: Guest): void {
  const sinceMs = world.clock.now()
  const process = { pid: world.tasks.nextPid(), sinceMs, run: 'running' as const, startedWith: new Map(guest.config) }
  const agent = guest.config.get('agent') ?? '0'
  const hasAgent = /^(?:enabled=)?1/.test(agent)
  guest.process = hasAgent ? { ...process, agentAtMs: sinceMs + world.spec.durations.agentMs / world.clock.speed } : process
}

function checkHost(world: World, node: string, guest: Guest, worker: Worker): void {
  const host = world.nodes.get(node)
  const { config } = guest
  checkSnippets(world, node, guest)
  for (const [key, text] of config) {
    const volid = isDriveKey(key) ? volumeOf(parseDrive(key, text)) : undefined
    const storage = volid === undefined ? undefined : splitVolid(volid)?.storage
    if (volid === undefined || storage === undefined) continue
    const definition = world.storage.usable(storage, node)
    if (!definition.content.includes('images') && !text.includes('media=cdrom'))
      refuse(`storage '${storage}' does not support content-type 'images'`)
    if (!definition.online) refuse(`storage '${storage}' is not online`)
    if (!world.storage.find(volid, node)) refuse(`volume '${volid}' does not exist`)
  }
  const cpus = Number(config.get('sockets') ?? 1) * Number(config.get('cores') ?? 1)
  if (cpus > (host?.cpus ?? 1)) refuse(`MAX ${host?.cpus ?? 1} vcpus allowed per VM on this node`)
  for (const [key, text] of config) {
    const bridge = /^net\d+$/.test(key) ? parseNet(text)['bridge'] : undefined
    const known = world.spec.bridges.some((b) => b.iface === bridge && (b.nodes?.includes(node) ?? true))
    if (bridge !== undefined && !known) refuse(`bridge '${bridge}' does not exist`)
  }
  if (host?.kvm === false && config.get('kvm') !== '0')
    refuse('KVM virtualisation configured, but not available. Either disable in VM configuration or enable in BIOS.')
  if (/^(?:cputype=)?host\b/.test(config.get('cpu') ?? '') && config.get('kvm') === '0') {
    worker.log("qemu-system-x86_64: CPU model 'host' requires KVM or HVF")
    refuse('start failed: QEMU exited with code 1')
  }
  if (memoryMiB(config) * 1024 ** 2 > (host?.memoryBytes ?? Number.POSITIVE_INFINITY)) refuse('start failed: QEMU exited with code 1')
}

/** The process ends: what waited is applied, as PVE does after a stop. */
export function stopGuest(world: World, guest: Guest): void {
  guest.process = undefined
  applyPending(world, guest, undefined)
}

/** POST status/stop. */
export function stop(call: Call): string {
  onlyRoot(call, 'skiplock', 'keepActive', 'migratedfrom')
  const { world, node, vmid } = call
  return begin(call, 'qmstop', async (worker) => {
    if (flag(call, 'overrule-shutdown')) {
      const overruled = world.tasks
        .onNode(node)
        .filter((t) => t.endtime === undefined && t.type === 'qmshutdown' && t.id === String(vmid) && t.user === call.user.id)
      for (const task of overruled) world.tasks.interrupt(task.upid)
      if (overruled.length > 0) worker.log(`overruled qmshutdown tasks: ${overruled.map((t) => t.upid).join(', ')}`)
    }
    await endProcess(call, worker, async (guest) => {
      await worker.work(world.spec.durations.stopMs)
      stopGuest(world, guest)
    })
  })
}

async function endProcess(call: Call, worker: Worker, end: (guest: Guest) => Promise<void>): Promise<void> {
  const { world, node, vmid } = call
  const release = await worker.lock(flockPath(vmid), flockMs)
  const guest = findGuest(world, node, vmid)
  if (guest.isRunning) {
    checkLock(guest)
    await end(guest)
  }
  release()
}

/** The guest is asked to go; when it does not, the caller decides. Returns whether it went. */
async function askToLeave(call: Call, worker: Worker, guest: Guest, timeoutSeconds: number): Promise<boolean> {
  const { durations } = call.world.spec
  const obeys = durations.guestsObeyShutdown && guest.process?.run === 'running' && durations.shutdownMs <= timeoutSeconds * 1000
  if (guest.process?.agentAtMs !== undefined && guest.process.agentAtMs > call.world.clock.now())
    worker.log(`QEMU Guest Agent is not running - VM ${guest.vmid} qga command 'guest-ping' failed - got timeout`)
  try {
    await worker.work(obeys ? durations.shutdownMs : timeoutSeconds * 1000)
  } catch (fault) {
    throw worker.isInterrupted ? new Error('received interrupt') : fault
  }
  return obeys
}

/** POST status/shutdown. Holds the file lock for its whole wait. */
export function shutdown(call: Call): string {
  onlyRoot(call, 'skiplock', 'keepActive')
  const { world, vmid } = call
  const known = world.guests.get(vmid)
  const isForced = flag(call, 'forceStop')
  if (known?.process && known.process.run !== 'running' && !isForced) refuse('VM is paused - cannot shutdown')
  return begin(call, 'qmshutdown', (worker) =>
    endProcess(call, worker, async (guest) => {
      const isPaused = guest.process?.run !== 'running'
      if (!isPaused && !(await askToLeave(call, worker, guest, int(call, 'timeout') ?? downSeconds(guest)))) {
        if (!isForced) refuse('VM quit/powerdown failed - got timeout')
        worker.log('VM still running - terminating now with SIGTERM')
      }
      stopGuest(world, guest)
    }),
  )
}

function downSeconds(guest: Guest): number {
  return Number(/down=(\d+)/.exec(guest.config.get('startup') ?? '')?.[1] ?? 60)
}

/** POST status/reboot: a shutdown, then a start of its own after the task has ended. */
export function reboot(call: Call): string {
  const { world, node, vmid } = call
  const known = findGuest(world, node, vmid)
  if (!known.process) refuse(`VM ${vmid} not running`)
  if (known.process.run !== 'running') refuse('VM is paused - cannot shutdown')
  return begin(call, 'qmreboot', async (worker) => {
    await endProcess(call, worker, async (guest) => {
      if (!(await askToLeave(call, worker, guest, int(call, 'timeout') ?? downSeconds(guest))))
        refuse('VM quit/powerdown failed - got timeout')
      stopGuest(world, guest)
    })
    world.clock.after(20, () =>
      begin(
        { ...call, fault: undefined, user: { id: 'root@pam', user: 'root@pam', token: undefined, isRoot: true } },
        'qmstart',
        async (again) => {
          const release = await again.lock(flockPath(vmid), flockMs)
          await startGuest(world, node, vmid, again)
          release()
        },
      ),
    )
  })
}

function running(call: Call): Guest {
  const guest = findGuest(call.world, call.node, call.vmid)
  if (!guest.isRunning) refuse(`VM ${call.vmid} not running`)
  return guest
}

/** POST status/reset: the same process, nothing pending is applied; a paused one goes to prelaunch. */
export function reset(call: Call): string {
  onlyRoot(call, 'skiplock')
  running(call)
  return begin(call, 'qmreset', async (worker) => {
    const release = await worker.lock(flockPath(call.vmid), flockMs)
    const guest = running(call)
    checkLock(guest)
    await worker.work(50)
    if (guest.process && guest.process.run !== 'running') guest.process.run = 'prelaunch'
    release()
  })
}

/** POST status/suspend: pause, or with `todisk` hibernate. */
export function suspend(call: Call): string {
  onlyRoot(call, 'skiplock')
  const { vmid } = call
  const now = running(call)
  const toDisk = flag(call, 'todisk')
  if (toDisk) {
    call.check(`/vms/${vmid}`, ['VM.Config.Disk'])
    checkLock(now)
  }
  const statestorage = str(call, 'statestorage')
  return begin(call, toDisk ? 'qmsuspend' : 'qmpause', async (worker) => {
    const release = await worker.lock(flockPath(vmid), flockMs)
    const guest = running(call)
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
      const now = running(call)
      if (now.lock !== 'backup') checkLock(now)
      await worker.work(20)
      if (now.process) now.process.run = 'running'
    }
    release()
  })
}
