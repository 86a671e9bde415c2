/** A fleet grows: how fast, what it costs whom, and how long the Events about it follow. */
import type { OperatorProcess } from '../local-stack/local-stack.ts'
import { systemClock } from '../ops/clock.ts'
import { linkedVM } from './fleet-setting.ts'
import { OperatorMetrics } from './operator-metrics.ts'
import type { Cost, Scene } from './scene.ts'

export interface Creation {
  readonly made: number
  readonly cost: Cost
  readonly events: { readonly posted: number; readonly lastAfterSeconds: number }
}

/** From `from` VMs to `to`. */
export async function growFleet(
  scene: Scene,
  operator: OperatorProcess,
  { from, to, say }: { from: number; to: number; say: (line: string) => void },
): Promise<Creation> {
  const made = to - from
  const vms = Array.from({ length: made }, (_, at) => linkedVM(from + at + 1))
  const reporter = setInterval(() => say(`  ${scene.vms.ready} of ${to} VMs are Ready`), 15_000)
  const before = await eventsOf(operator)
  let events = { posted: 0, lastAfterSeconds: 0 }
  const work = async (): Promise<void> => {
    await scene.createAll(vms)
    await scene.areReady(to)
  }
  const settle = async (): Promise<void> => {
    events = await lastEvent(operator, before)
  }
  try {
    const cost = await scene.measure(operator, work, { ours: { 'POST proxmoxvms': made }, settle })
    return { made, cost, events }
  } finally {
    clearInterval(reporter)
  }
}

const quietSeconds = 12
const longestSeconds = 300

/** Until no Event has been written for a while; the last one came so long after the last VM was Ready. */
async function lastEvent(operator: OperatorProcess, before: number): Promise<Creation['events']> {
  const startedMs = performance.now()
  let posted = await eventsOf(operator)
  let lastMs = startedMs
  while (performance.now() - lastMs < quietSeconds * 1_000 && performance.now() - startedMs < longestSeconds * 1_000) {
    await systemClock.sleep(1_000)
    const now = await eventsOf(operator)
    if (now !== posted) lastMs = performance.now()
    posted = now
  }
  return { posted: posted - before, lastAfterSeconds: (lastMs - startedMs) / 1_000 }
}

const eventsOf = async (operator: OperatorProcess): Promise<number> =>
  (await OperatorMetrics.of(operator)).sum('pve_operator_kube_requests_total{verb="POST",resource="events"') ?? 0
