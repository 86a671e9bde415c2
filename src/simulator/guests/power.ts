// Start, stop, shutdown, reboot and reset, as the API offers them.
import { requestStart, requestStop } from '../ha/request.ts'
import { paramError, refuse } from '../http/refusal.ts'
import { type Call, flag, int } from '../routes.ts'
import type { Worker } from '../tasks/worker.ts'
import { checkLock, checkQuorum, findGuest, flockPath } from './find.ts'
import { type Guest, isPaused } from './guest.ts'
import { begin, flockMs, rootCall, runningGuest } from './guest-task.ts'
import { onlyRoot } from './options.ts'
import { rebootInside, startGuest, stopGuest } from './start.ts'

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
  return call.world.ha.isManaged(call.vmid) ? requestStart(call) : startNow(call)
}

/** The task that starts the guest on its node, HA or not. */
export function startNow(call: Call): string {
  return begin(call, 'qmstart', async (worker) => {
    const release = await worker.lock(flockPath(call.vmid), flockMs)
    await startGuest(call.world, call.node, call.vmid, worker)
    release()
  })
}

/** POST status/stop. */
export function stop(call: Call): string {
  onlyRoot(call, 'skiplock', 'keepActive', 'migratedfrom')
  if (!call.world.ha.isManaged(call.vmid)) return stopNow(call)
  if (flag(call, 'overrule-shutdown')) throw paramError({ 'overrule-shutdown': 'Not applicable for HA resources.' })
  return requestStop(call, 0)
}

/** The task that cuts the guest, HA or not. */
export function stopNow(call: Call): string {
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
  if (isPaused(known?.process) && !isForced) refuse('VM is paused - cannot shutdown')
  return world.ha.isManaged(vmid) ? requestStop(call, int(call, 'timeout') ?? 60) : shutdownNow(call)
}

/** The task that asks the guest to go, HA or not. */
export function shutdownNow(call: Call): string {
  const { world } = call
  const isForced = flag(call, 'forceStop')
  return begin(call, 'qmshutdown', (worker) =>
    endProcess(call, worker, async (guest) => {
      if (!isPaused(guest.process) && !(await askToLeave(call, worker, guest, int(call, 'timeout') ?? downSeconds(guest)))) {
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
  if (isPaused(known.process)) refuse('VM is paused - cannot shutdown')
  return begin(call, 'qmreboot', async (worker) => {
    await endProcess(call, worker, async (guest) => {
      if (!(await askToLeave(call, worker, guest, int(call, 'timeout') ?? downSeconds(guest))))
        refuse('VM quit/powerdown failed - got timeout')
      stopGuest(world, guest)
    })
    // qmeventd's cleanup finds the request and starts the guest itself, as root (PVE::CLI::qm cleanup).
    world.clock.after(world.spec.durations.restartMs ?? 1500, () => {
      // Without quorum its request is refused, no task begins, and the guest stays down.
      if (world.quorate) start({ ...rootCall(world, node, vmid), fault: call.fault?.secondTask && { task: call.fault.secondTask } })
    })
  })
}

/** POST status/reset: the same process, nothing pending is applied; a paused one goes to prelaunch. */
export function reset(call: Call): string {
  const { world } = call
  onlyRoot(call, 'skiplock')
  runningGuest(call)
  return begin(call, 'qmreset', async (worker) => {
    const release = await worker.lock(flockPath(call.vmid), flockMs)
    const guest = runningGuest(call)
    checkLock(guest)
    await worker.work(50)
    rebootInside(world, guest)
    release()
  })
}
