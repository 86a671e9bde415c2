/** The operator is restarted before a fleet, and guests were switched off while it was away. */
import type { OperatorProcess } from '../local-stack/local-stack.ts'
import { systemClock } from '../ops/clock.ts'
import { apiServerWrites, grown, loadOf, ofResources, total } from './counts.ts'
import { ofGuests } from './fleet-idle.ts'
import { fleetCluster, fleetName, fleetNamespace, spread } from './fleet-setting.ts'
import { OperatorMetrics } from './operator-metrics.ts'
import { PveHands } from './pve-hands.ts'
import type { Scene } from './scene.ts'

const switchedOff = 20
/** Longer than pvestatd's interval and PVE's broadcast of it: the first listing shows it. */
const broadcastMs = 13_000
const patienceSeconds = 300

export interface Restart {
  /** Until the statuses of the VMs that were switched off inside while nobody looked say so. */
  readonly missedSeenSeconds: number
  /** Until every VM was compared with a listing of PVE, and its queue is empty. */
  readonly checkedSeconds: number
  readonly sharedRequests: number
  readonly guestRequests: number
  /** VMs that were asked about one by one. */
  readonly guestsAsked: number
  /** To the API server, the Lease and Events left out. */
  readonly writes: number
  readonly cpuSeconds: number
  readonly peakRssMB: number
}

/** Stops that operator; the one that it starts goes on running. */
export async function restartOperator(
  scene: Scene,
  operator: OperatorProcess,
  count: number,
): Promise<{ operator: OperatorProcess; restart: Restart }> {
  await operator.stop()
  const hands = new PveHands(scene.stack.simulator.url)
  const keys = spread(count, switchedOff).map((number) => `${fleetNamespace}/${fleetName(number)}`)
  for (const key of keys) await hands.powerOffInside(scene.vms.get(key).vmid ?? 0)
  await systemClock.sleep(broadcastMs)
  await scene.requests.clear()
  const before = await apiServerWrites(scene.stack.client)
  const startedMs = performance.now()
  const since = (atMs = performance.now()): number => (atMs - startedMs) / 1_000
  const missedSeen = scene.vms.when(() => keys.every((key) => scene.vms.get(key).power === 'stopped'), patienceSeconds)
  const started = await scene.stack.startOperator()
  while (!(await areChecked(started))) {
    if (since() > patienceSeconds) throw new Error(`not every VM is compared with PVE ${patienceSeconds} s after the restart`)
    await systemClock.sleep(250)
  }
  const checkedSeconds = since()
  const seenMs = await missedSeen
  if (seenMs === undefined) throw new Error(`not every VM that was switched off before the restart says so after ${patienceSeconds} s`)
  const requests = await scene.requests.byRoute()
  const writes = grown(before, await apiServerWrites(scene.stack.client))
  const guestRequests = total(ofGuests(requests))
  const { cpuSeconds, peakRssMB } = loadOf(started.pid)
  const restart = {
    missedSeenSeconds: since(seenMs),
    checkedSeconds,
    sharedRequests: total(requests) - guestRequests,
    guestRequests,
    guestsAsked: (await scene.requests.guests()).size,
    writes: total(writes) - total(ofResources(writes, ['leases', 'events'])),
    cpuSeconds,
    peakRssMB,
  }
  return { operator: started, restart }
}

/** By the operator's own metrics: no VM of the cluster is left that was not compared with its listing, and none waits for a worker. */
async function areChecked(operator: OperatorProcess): Promise<boolean> {
  const metrics = await OperatorMetrics.of(operator)
  const unchecked = metrics.sum(`pve_operator_vms_unchecked{cluster="${fleetCluster}"}`)
  return unchecked === 0 && metrics.sum('workqueue_depth{name="proxmoxvm"}') === 0
}
