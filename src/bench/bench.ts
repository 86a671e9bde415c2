/**
 * `make bench`: measures the budgets of the product as counts and ratios and writes them into docs/performance.md.
 * FLEET=1 measures the fleet of 10,000 instead (half an hour); FLEET=500 a smaller one. ONLY=one-vm, many-vms, large-cluster, leader-kills or slow-cluster measures that alone.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { arch, cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { startLocalStack, type LocalStack, unlessFailed } from '../local-stack/local-stack.ts'
import type { StartedAs } from '../local-stack/program.ts'
import { manyVMs, oneVM } from './births.ts'
import { floor } from './floor.ts'
import { fleet } from './fleet.ts'
import type { FleetSize } from './fleet-size.ts'
import { fleetCurves } from './fleet-report.ts'
import { fleetScenario } from './fleet-setting.ts'
import { plotOf } from './plot.ts'
import { largeCluster } from './large-cluster.ts'
import { leaderKills } from './leader-kills.ts'
import { printed, replaced, type Section } from './report.ts'
import { shippedOperator } from './shipped.ts'
import { besideSlowCluster } from './slow-cluster.ts'

const home = join(import.meta.dirname, '../..')
const page = join(home, 'docs/performance.md')
const interrupted = new AbortController()
const say = (line: string): unknown => process.stdout.write(`${line}\n`)

const heading = `# Performance

Counts and ratios, measured by the command named with each of them on real parts: kube-apiserver, etcd, the simulator and the operator, all on one machine.
Counts do not depend on the machine; seconds do. The budgets are promises: a missed one is a fault.
`

async function onStage(
  simulate: readonly string[],
  scenario: (stack: LocalStack) => Promise<Section[]>,
  operator?: StartedAs,
): Promise<void> {
  const dir = join(home, '.demo/bench')
  const stack = await startLocalStack({ dir, simulate, log: say, signal: interrupted.signal, ...(operator && { operator }) })
  try {
    for (const section of await unlessFailed(scenario(stack), stack.failed)) {
      await told(section)
    }
  } finally {
    await stack.stop()
  }
}

async function record(section: Section): Promise<void> {
  const now = new Date().toISOString().slice(0, 10)
  const machine = `${now}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()} ${arch()}, Node ${process.versions.node}.`
  const before = await readFile(page, 'utf8').catch(() => heading)
  await writeFile(page, replaced(before, { ...section, setting: `${section.setting} (${machine})` }))
}

/** By the word of ONLY; a plain `make bench` leaves out those that take minutes. */
const scenarios: Readonly<Record<string, () => Promise<void>>> = {
  'large-cluster': async () => await told(await largeCluster(join(home, '.demo/bench-large'))),
  'one-vm': async () => await onStage([], async (stack) => [await oneVM(stack)]),
  'many-vms': async () => {
    const many = Number(process.env.MANY ?? 100)
    await onStage([], async (stack) => [await manyVMs(stack, many), await floor(stack, many)])
  },
}

const longScenarios: typeof scenarios = {
  'leader-kills': async () => {
    const operator = await shippedOperator(home, join(home, '.demo/bench-operator'))
    await onStage([], async (stack) => [await leaderKills(stack)], operator)
  },
  'slow-cluster': async () => await onStage([], async (stack) => [await besideSlowCluster(stack)]),
}

async function told(section: Section): Promise<void> {
  say(printed(section))
  await record(section)
}

/** What is measured at one size is written before the next. */
async function growingFleet(count: number): Promise<void> {
  const operator = await shippedOperator(home, join(home, '.demo/bench-operator'))
  const scenario = join(home, '.demo/fleet-scenario.json')
  await writeFile(scenario, JSON.stringify(fleetScenario))
  const recordSizes = async (section: Section, measured: readonly FleetSize[]): Promise<void> => {
    const sizes = measured.map((each) => each.count)
    await writeFile(join(home, 'docs/images/fleet.svg'), plotOf(sizes, fleetCurves(measured)))
    await told(section)
  }
  const grow = async (stack: LocalStack): Promise<Section[]> => {
    await fleet(stack, count, { say, record: recordSizes })
    return []
  }
  await onStage(['--scenario', scenario], grow, operator)
}

async function main(): Promise<number> {
  const size = Number(process.env.FLEET ?? 0)
  const only = process.env.ONLY
  try {
    const all = { ...scenarios, ...longScenarios }
    if (only && !all[only]) throw new Error(`ONLY is one of ${Object.keys(all).join(', ')}, not "${only}"`)
    if (size > 0) await growingFleet(size === 1 ? 10_000 : size)
    else if (only) await all[only]?.()
    else for (const measure of Object.values(scenarios)) await measure()
    say(`written to ${page}`)
    return 0
  } catch (fault) {
    process.stderr.write(`bench: ${fault instanceof Error ? fault.message : String(fault)}\n`)
    return 1
  }
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupted.abort())
process.exitCode = await main()
