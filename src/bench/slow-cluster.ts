/** A second cluster that answers everything after 30 s: what it costs the orders of the first, in time. */
import { join } from 'node:path'
import { proxmoxClusters } from '../api/meta.ts'
import type { LocalStack, OperatorProcess } from '../local-stack/local-stack.ts'
import { requirePort } from '../local-stack/ports.ts'
import { startProgram } from '../local-stack/program.ts'
import { systemClock } from '../ops/clock.ts'
import { sibling } from './births.ts'
import { median, percentile } from './distribution.ts'
import type { Specified } from './fleet-setting.ts'
import { OperatorMetrics } from './operator-metrics.ts'
import { PveHands } from './pve-hands.ts'
import { type Section, withinBudget } from './report.ts'
import { Scene } from './scene.ts'

const orders = 20
const everyMs = 1_500
/** Before them: the operator has yet to learn how long tasks take here. */
const warmUp = 5
/** More than the operator works on at a time in one cluster. */
const stuck = 48
const delayMs = 30_000
const patienceSeconds = 120
const slowCluster = 'fra2'
const namespace = 'customer-7'

/** Both halves are of one operator in one run, on the same machine. */
export async function besideSlowCluster(stack: LocalStack): Promise<Section> {
  const address = `127.0.0.1:${await requirePort()}`
  const slow = startProgram({
    name: 'slow-simulator',
    args: ['simulate', '--listen', address],
    logFile: join(stack.dir, 'slow-simulator.log'),
    readyLine: 'ready',
  })
  const scene = new Scene(stack)
  let operator: OperatorProcess | undefined
  try {
    await slow.ready
    operator = await stack.startOperator()
    const examples = (await stack.examples(/^\d\d-/)).filter((object) => object.kind !== 'ProxmoxVM')
    await stack.manifests.apply(examples)
    await scene.clusterIsReady('fra1')
    await addCluster(stack, `https://${address}`)
    await scene.clusterIsReady(slowCluster)
    await secondsOf(scene, 1, warmUp)
    const without = await secondsOf(scene, 101, orders)
    const held = await holdWorkers(scene, operator, `https://${address}`)
    const beside = await secondsOf(scene, 201, orders)
    return section({ without, beside, held, readyThere: stuckOnes().filter((vm) => scene.vms.isReady(keyOf(vm))).length })
  } finally {
    scene.end()
    // Whoever waits for its answers is told at once that there will be none.
    await slow.stop()
    await operator?.stop()
  }
}

async function addCluster({ client }: LocalStack, url: string): Promise<void> {
  const first = await client.get(proxmoxClusters, { name: 'fra1' })
  if (!first) throw new Error('ProxmoxCluster fra1 is not there')
  const { apiVersion, kind, spec } = first
  const vmids = { from: 30_000, to: 39_999 }
  await client.create(proxmoxClusters, { apiVersion, kind, metadata: { name: slowCluster }, spec: { ...spec, endpoints: [url], vmids } })
}

/** From now on that cluster answers late. Resolves when its VMs hold all workers there are for it, with how many these are. */
async function holdWorkers(scene: Scene, operator: OperatorProcess, url: string): Promise<number> {
  await new PveHands(url).fault({ id: 'slow', route: '* /**', times: 'always', delayMs })
  await scene.createAll(stuckOnes())
  const deadlineMs = systemClock.now() + patienceSeconds * 1_000
  while (systemClock.now() < deadlineMs) {
    const metrics = await OperatorMetrics.of(operator)
    const of = (name: string): number => metrics.sum(`${name}{controller="proxmoxvm"}`) ?? 0
    const working = of('controller_runtime_active_workers')
    if (working >= of('controller_runtime_max_concurrent_reconciles')) return working
    await systemClock.sleep(50)
  }
  throw new Error(`the VMs of the slow cluster do not hold its workers after ${patienceSeconds} s`)
}

/** Seconds from each order to its VM being Ready, one order after another. */
async function secondsOf(scene: Scene, from: number, count: number): Promise<number[]> {
  const seconds: Promise<number>[] = []
  for (let at = 0; at < count; at += 1) {
    const vm = sibling(from + at)
    const startedMs = performance.now()
    const ready = scene.vms.when(() => scene.vms.isReady(keyOf(vm)), patienceSeconds)
    await scene.createAll([vm])
    seconds.push(ready.then((atMs) => ((atMs ?? startedMs + patienceSeconds * 1_000) - startedMs) / 1_000))
    await systemClock.sleep(everyMs)
  }
  return await Promise.all(seconds)
}

const stuckOnes = (): Specified[] =>
  Array.from({ length: stuck }, (_, at) => {
    const { metadata, spec, ...vm } = sibling(at + 1)
    // Linked: no line of clones keeps them from the workers.
    const there = { clusterRef: { name: slowCluster }, template: { name: 'debian-13', clone: 'Linked' } }
    return { ...vm, metadata: { ...metadata, name: `stuck-${at + 1}` }, spec: { ...spec, ...there } }
  })

const keyOf = ({ metadata: { name } }: Specified): string => `${namespace}/${name}`

function section(o: { without: readonly number[]; beside: readonly number[]; held: number; readyThere: number }): Section {
  const { without, beside, held, readyThere } = o
  const seconds = (value: number): string => `${value.toFixed(2)} s`
  const ratio = percentile(beside, 95) / percentile(without, 95)
  return {
    name: 'slow-cluster',
    title: 'Beside a cluster that answers everything after 30 s',
    setting:
      `${orders} orders like whmcs-5546 with smaller disks, one every ${everyMs / 1_000} s, each from its creation to Ready, without the second cluster’s trouble and then beside it: ` +
      `${stuck} VMs are ordered there, more than there are workers for, and each of its answers takes ${delayMs / 1_000} s. ` +
      `The p95 of ${orders} is the second longest (nearest rank).`,
    command: 'make bench ONLY=slow-cluster',
    figures: [
      { what: 'workers that the slow cluster holds when the orders begin', measured: String(held) },
      { what: 'its VMs that are Ready when they end', measured: String(readyThere) },
      { what: 'median of the orders without it', measured: seconds(median(without)) },
      { what: '… beside it', measured: seconds(median(beside)) },
      { what: 'p95 of the orders without it', measured: seconds(percentile(without, 95)) },
      { what: '… beside it', measured: seconds(percentile(beside, 95)) },
      { what: 'p95 beside it by p95 without it', measured: ratio.toFixed(2), budget: withinBudget(1.2, ratio, '≤ 1.2') },
    ],
    tables: [],
  }
}
