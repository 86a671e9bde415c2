/** Three copies of the operator, the leader killed again and again: what that costs the VMs being made, and that nothing is made twice. */
import { guestsInPve } from './counts.ts'
import { leases, proxmoxVMs } from '../api/meta.ts'
import type { LocalStack, OperatorProcess } from '../local-stack/local-stack.ts'
import { systemClock } from '../ops/clock.ts'
import { fleetCluster, fleetName, fleetNamespace, fleetSetting, linkedVM, wider } from './fleet-setting.ts'
import { OperatorMetrics } from './operator-metrics.ts'
import { type Section, withinBudget } from './report.ts'
import { Scene } from './scene.ts'
import { Terms } from './terms.ts'

const replicas = 3
const orders = 48
const everyMs = 1_500
const killEveryMs = 12_000
const suspended = 3
const patienceSeconds = 120

interface Birth {
  /** From the order to the VM being Ready. */
  readonly seconds: number
  /** A leader died between the record of its clone request and PVE's answer: the next one gives the request its minute. */
  readonly hasLostAnswer: boolean
}

interface Births {
  readonly births: readonly Birth[]
  readonly kills: number
  /** From the wish to the status that says it is off. */
  readonly suspensions: readonly number[]
}

export async function leaderKills(stack: LocalStack): Promise<Section> {
  const scene = new Scene(stack)
  const terms = new Terms(stack.client)
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
      const died = copies.get(leader)?.kill()
      terms.noteKill()
      await died
      copies.delete(leader)
      await startOne()
      return true
    })
    const writesMs = await scene.requests.writesMs()
    // Who stops in order gives the Lease back with a duration of its own.
    const leaseSeconds = (await stack.client.list(leases)).find(({ metadata }) => metadata.name === 'pve-operator')?.spec
      ?.leaseDurationSeconds
    const taken = { leaseSeconds, gaps: terms.gaps, firstWrites: terms.untilFirst(writesMs) }
    for (const copy of copies.values()) await copy.stop()
    return await section(stack, calm, killed, taken)
  } finally {
    terms.end()
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
  const waits: Promise<Birth>[] = []
  const suspensions: Promise<number>[] = []
  for (let at = 1; at <= orders; at += 1) {
    await scene.createAll([linkedVM(from + at)])
    const key = `${fleetNamespace}/${fleetName(from + at)}`
    const seconds = secondsUntil(scene, () => scene.vms.isReady(key))
    waits.push(seconds.then((after) => ({ seconds: after, hasLostAnswer: scene.vms.hasLostAnswer(key) })))
    if (at % (orders / suspended) === 0) suspensions.push(suspend(scene, from + at - orders / suspended + 1))
    await systemClock.sleep(everyMs)
  }
  const result = { births: await Promise.all(waits), suspensions: await Promise.all(suspensions) }
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

interface Takeovers {
  readonly leaseSeconds: number | undefined
  /** Seconds from each kill to the next leader. */
  readonly gaps: readonly number[]
  /** Seconds from there to its first write to PVE. */
  readonly firstWrites: readonly number[]
}

const worst = (values: readonly number[]): number => Math.max(0, ...values)
const told = (seconds: number): string => `${seconds.toFixed(1)} s`

async function section(stack: LocalStack, calm: Births, killed: Births, taken: Takeovers): Promise<Section> {
  const guests = (await stack.client.list(proxmoxVMs)).flatMap(({ status }) => status?.vmid ?? [])
  const inPve = await guestsInPve(stack.simulator.url)
  const calmWorst = worst(calm.births.map(({ seconds }) => seconds))
  const killedWorst = worst(killed.births.map(({ seconds }) => seconds))
  const lost = killed.births.filter(({ hasLostAnswer }) => hasLostAnswer)
  const others = worst(killed.births.filter(({ hasLostAnswer }) => !hasLostAnswer).map(({ seconds }) => seconds))
  const off = worst(killed.suspensions)
  return {
    name: 'leader-kills',
    title: 'The leader killed every 12 s',
    setting: `${replicas} copies of the shipped operator with --leader-elect and no other flag, so a Lease of ${taken.leaseSeconds ?? '?'} s; ${orders} linked clones, one every ${everyMs / 1_000} s, without kills and then with ${killed.kills} (SIGKILL of whoever leads, a new copy at once). Meanwhile ${suspended} VMs that were Ready are suspended. A leader that dies between the record of a clone request and PVE's answer leaves a request that PVE may still begin; its VM waits up to 60 s for it.`,
    command: 'make bench ONLY=leader-kills',
    figures: [
      {
        what: 'VMs in PVE beside those on record',
        measured: String(inPve - new Set(guests).size),
        budget: withinBudget(0, inPve - new Set(guests).size, 'none'),
      },
      { what: 'from the order to Ready at the worst, without kills', measured: told(calmWorst) },
      { what: '… with kills', measured: told(killedWorst) },
      {
        what: 'the worst with kills beyond the worst without',
        measured: told(killedWorst - calmWorst),
        budget: withinBudget(15, killedWorst - calmWorst, '≤ 15 s'),
      },
      { what: 'of it: nobody leads after a kill, in the mean', measured: told(mean(taken.gaps)) },
      { what: '… at the worst', measured: told(worst(taken.gaps)) },
      { what: 'from the new term to its first write to PVE, in the mean', measured: told(mean(taken.firstWrites)) },
      { what: '… at the worst', measured: told(worst(taken.firstWrites)) },
      { what: 'VMs whose leader died between the record of the clone request and its answer', measured: String(lost.length) },
      { what: 'the worst of all others beyond the worst without kills', measured: told(others - calmWorst) },
      { what: 'a suspended VM is off at the latest', measured: told(off), budget: withinBudget(30, off, '≤ 30 s') },
    ],
    tables: [],
  }
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
