/** How soon a change in PVE is in a status: made by a task of somebody else, and by the guest itself. */
import { systemClock } from '../ops/clock.ts'
import { fleetName, fleetNamespace, spread } from './fleet-setting.ts'
import { PveHands } from './pve-hands.ts'
import type { Scene } from './scene.ts'

const changes = 20
/** Not in step with the operator's own 4, 5 and 7 s. */
const everyMs = 730
const patienceSeconds = 60

export interface Lags {
  readonly task: readonly number[]
  readonly guest: readonly number[]
}

/** The VMs that `stopped` names are off, and are started by tasks; as many others go off by themselves. */
export async function changePower(scene: Scene, count: number): Promise<Lags> {
  const hands = new PveHands(scene.stack.simulator.url)
  const keyOf = (number: number): string => `${fleetNamespace}/${fleetName(number)}`
  const off = spread(count, changes).map(keyOf)
  const on = spread(count, changes, 2).map(keyOf)
  const task = await oneByOne(scene, off, 'running', ({ node, vmid }) => hands.start(node, vmid))
  const guest = await oneByOne(scene, on, 'stopped', ({ vmid }) => hands.powerOffInside(vmid))
  for (const key of on) {
    const { node = '', vmid = 0 } = scene.vms.get(key)
    await hands.start(node, vmid)
  }
  await scene.vms.when(() => on.every((key) => scene.vms.get(key).power === 'running'), patienceSeconds)
  return { task, guest }
}

type Act = (vm: { readonly node: string; readonly vmid: number }) => Promise<void>

/** Seconds from each act to the status that tells it; the patience where none did. */
async function oneByOne(scene: Scene, keys: readonly string[], power: string, act: Act): Promise<number[]> {
  const lags: Promise<number>[] = []
  for (const key of keys) {
    const { node = '', vmid = 0 } = scene.vms.get(key)
    await act({ node, vmid })
    const actedMs = performance.now()
    const seen = scene.vms.when(() => scene.vms.get(key).power === power, patienceSeconds)
    lags.push(seen.then((atMs) => (atMs === undefined ? patienceSeconds : (atMs - actedMs) / 1_000)))
    await systemClock.sleep(everyMs)
  }
  return await Promise.all(lags)
}
