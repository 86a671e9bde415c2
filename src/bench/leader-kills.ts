/** Three copies of the operator, the leader killed again and again: what that costs the VMs being made, and that nothing is made twice. */
import { guestsInPve } from './counts.ts'
import { leases, proxmoxVMs } from '../api/meta.ts'
import type { LocalStack, OperatorProcess } from '../local-stack/local-stack.ts'
import { systemClock } from '../ops/clock.ts'
import { fleetCluster, fleetName, fleetNamespace, fleetSetting, linkedVM, wider } from './fleet-setting.ts'
import { OperatorMetrics } from './operator-metrics.ts'
import { type Section, withinBudget } from './report.ts'
import { Scene } from './scene.ts'

const replicas = 3
const orders = 48
const everyMs = 1_500
const killEveryMs = 12_000
const suspended = 3
const patienceSeconds = 120

/** Seconds from each order to its VM being Ready. */
interface Births {
  readonly seconds: readonly number[]
  readonly kills: number
  /** From the wish to the status that says it is off. */
  readonly suspensions: readonly number[]
}

export async function leaderKills(stack: LocalStack): Promise<Section> {
  const scene = new Scene(stack)
  const copies = new Map<string, OperatorProcess>()
  let started = 0
  const startOne = async (): Promise<void> => {
    started += 1
    const name = `operator-${started}`
    copies.set(name, await stack.startOperator({ name, args: ['--leader-elect'] }))
  }
  try {
    const examples = await stack.examples(/^00-/)
    await stack.manifests.apply([...examples.map(wider), ...fleetSetting()])
    for (let at = 0; at < replicas; at += 1) await startOne()
    await scene.clusterIsReady(fleetCluster)
    const calm = await births(scene, 0, () => Promise.resolve(false))
    const killed = await births(scene, orders, async () => {
      const leader = await leaderOf(copies)
      if (!leader) return false
      await copies.get(leader)?.kill()
      copies.delete(leader)
      await startOne()
      return true
    })
    for (const copy of copies.values()) await copy.stop()
    return await section(stack, calm, killed)
  } finally {
    scene.end()
  }
}

/** Undefined: the Lease waits for somebody to take it. */
async function leaderOf(copies: ReadonlyMap<string, OperatorProcess>): Promise<string | undefined> {
  for (const [name, copy] of copies) {
    const metrics = await OperatorMetrics.of(copy)
    if (metrics.sum('leader_election_master_status') === 1) return name
  }
  return undefined
}

/** Orders one VM after another; `strike` is called every 12 s and says whether it struck. In the midst some of the VMs are suspended. */
async function births(scene: Scene, from: number, strike: () => Promise<boolean>): Promise<Births> {
  let kills = 0
  let isOver = false
  const striking = (async () => {
    while (!isOver) {
      await systemClock.sleep(killEveryMs)
      if (!isOver && (await strike())) kills += 1
    }
  })()
  const waits: Promise<number>[] = []
  const suspensions: Promise<number>[] = []
  for (let at = 1; at <= orders; at += 1) {
    await scene.createAll([linkedVM(from + at)])
    const key = `${fleetNamespace}/${fleetName(from + at)}`
    waits.push(secondsUntil(scene, () => scene.vms.isReady(key)))
    if (at % (orders / suspended) === 0) suspensions.push(suspend(scene, from + at - orders / suspended + 1))
    await systemClock.sleep(everyMs)
  }
  const result = { seconds: await Promise.all(waits), suspensions: await Promise.all(suspensions) }
  isOver = true
  await striking
  return { ...result, kills }
}

/** One that has long been Ready. */
async function suspend(scene: Scene, number: number): Promise<number> {
  const key = { namespace: fleetNamespace, name: fleetName(number) }
  await scene.stack.client.mergePatch(proxmoxVMs, key, { spec: { suspensions: [{ by: 'bench', reason: 'unpaid' }] } })
  return await secondsUntil(scene, () => scene.vms.get(`${key.namespace}/${key.name}`).power === 'stopped')
}

async function secondsUntil(scene: Scene, look: () => boolean): Promise<number> {
  const startedMs = performance.now()
  const atMs = await scene.vms.when(look, patienceSeconds)
  return ((atMs ?? startedMs + patienceSeconds * 1_000) - startedMs) / 1_000
}

async function section(stack: LocalStack, calm: Births, killed: Births): Promise<Section> {
  const guests = (await stack.client.list(proxmoxVMs)).flatMap(({ status }) => status?.vmid ?? [])
  const spec = (await stack.client.list(leases)).find(({ metadata }) => metadata.name === 'pve-operator')?.spec
  const inPve = await guestsInPve(stack.simulator.url)
  const worst = (values: readonly number[]): number => Math.max(...values)
  const beyond = worst(killed.seconds) - worst(calm.seconds)
  const off = worst(killed.suspensions)
  return {
    name: 'leader-kills',
    title: 'The leader killed every 12 s',
    setting: `${replicas} copies with a Lease of ${spec?.leaseDurationSeconds ?? '?'} s; ${orders} linked clones, one every ${everyMs / 1_000} s, without kills and then with ${killed.kills} (SIGKILL of whoever leads, a new copy at once). Meanwhile ${suspended} VMs that were Ready are suspended.`,
    command: 'make bench ONLY=leader-kills',
    figures: [
      {
        what: 'VMs in PVE beside those on record',
        measured: String(inPve - new Set(guests).size),
        budget: withinBudget(0, inPve - new Set(guests).size, 'none'),
      },
      { what: 'from the order to Ready at the worst, without kills', measured: `${worst(calm.seconds).toFixed(1)} s` },
      { what: '… with kills', measured: `${worst(killed.seconds).toFixed(1)} s` },
      {
        what: 'the worst with kills beyond the worst without',
        measured: `${beyond.toFixed(1)} s`,
        budget: withinBudget(15, beyond, '≤ 15 s'),
      },
      { what: 'a suspended VM is off at the latest', measured: `${off.toFixed(1)} s`, budget: withinBudget(30, off, '≤ 30 s') },
    ],
    tables: [],
  }
}
