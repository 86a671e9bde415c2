/** `make bench FLEET=1`: one fleet that grows to 1,000, 3,000 and 10,000 VMs, measured at each of these sizes. */
import type { LocalStack } from '../local-stack/local-stack.ts'
import { changePower } from './fleet-changes.ts'
import { growFleet } from './fleet-create.ts'
import { rest } from './fleet-idle.ts'
import { fleetSection } from './fleet-report.ts'
import { restartOperator } from './fleet-restart.ts'
import { fleetCluster, fleetSetting, wider } from './fleet-setting.ts'
import type { FleetSize } from './fleet-size.ts'
import type { Section } from './report.ts'
import { Scene } from './scene.ts'

const sizes = [1_000, 3_000, 10_000]

/** Up to 10,000; a small fleet is measured at a tenth, a third and the whole, so that a trial does all that the large one does. */
export function sizesUpTo(count: number): number[] {
  if (count <= 1_000) return [...new Set([Math.ceil(count / 10), Math.ceil(count / 3), count])]
  return [...sizes.filter((size) => size < count), count]
}

/** Hands over the report after each size, so that a bench that ends early leaves what it has measured. */
export async function fleet(
  stack: LocalStack,
  count: number,
  o: { say: (line: string) => void; record: (section: Section, stages: readonly FleetSize[]) => Promise<void> },
): Promise<void> {
  const scene = new Scene(stack)
  const startedMs = performance.now()
  const say = (line: string): void => o.say(`${((performance.now() - startedMs) / 1_000).toFixed(0).padStart(5)} s  ${line}`)
  try {
    let operator = await stack.startOperator()
    const examples = await stack.examples(/^00-/)
    await stack.manifests.apply([...examples.map(wider), ...fleetSetting()])
    await scene.clusterIsReady(fleetCluster)
    const stages: FleetSize[] = []
    for (const size of sizesUpTo(count)) {
      say(`growing to ${size} VMs`)
      const creation = await growFleet(scene, operator, { from: stages.at(-1)?.count ?? 0, to: size, say })
      say(`${size} VMs are Ready after ${creation.cost.seconds.toFixed(0)} s; watching them do nothing`)
      const idle = await rest(scene, operator)
      say('restarting the operator')
      const restarted = await restartOperator(scene, operator, size)
      operator = restarted.operator
      say(`all are compared after ${restarted.restart.checkedSeconds.toFixed(1)} s; changing the power of some in PVE`)
      stages.push({ count: size, creation, idle, restart: restarted.restart, lags: await changePower(scene, size) })
      await o.record(fleetSection(stages), stages)
    }
    await operator.stop()
  } finally {
    scene.end()
  }
}
