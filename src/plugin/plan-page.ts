import { ipPools, proxmoxVMSnapshots, vmPackages } from '../api/meta.ts'
import { foundTitles } from './adoption-lines.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { planOf, type PlanReport, type PlanLine } from './plan.ts'
import { rollbackLines } from './plan-rollback.ts'
import { mustGetVM, printJson, type Session } from './session.ts'
import { PluginRefusal } from './shell.ts'

export async function showPlan(session: Session, name: string, o: { output?: 'json'; rollback?: string }): Promise<void> {
  const vm = await mustGetVM(session, name)
  const asked = o.rollback === undefined ? [] : await rollbackTo(session, vm, o.rollback)
  const report = await planFor(session, vm)
  const plan = { ...report, lines: [...asked, ...report.lines] }
  if (o.output) printJson(session, plan)
  else session.shell.out(page(plan))
}

async function rollbackTo({ client, namespace }: Session, vm: ProxmoxVM, name: string): Promise<PlanLine[]> {
  const snapshot = await client.get(proxmoxVMSnapshots, { namespace, name })
  if (snapshot?.spec.vmRef.name === vm.metadata.name) return rollbackLines(vm, snapshot)
  throw new PluginRefusal(
    `plan ${vm.metadata.name}: ProxmoxVMSnapshot "${name}" of this VM does not exist; kubectl pve snapshots ${vm.metadata.name} lists them`,
  )
}

/** What a dry run answers: the plan for the object as the API server would store it. */
export async function showDryRun(session: Session, vm: ProxmoxVM, o: { output?: 'json' }): Promise<void> {
  const plan = await planFor(session, vm)
  if (o.output) printJson(session, plan)
  else session.shell.out(`${page(plan)}Dry run: the API server accepts this edit; nothing was written.\n`)
}

/** The plan for an object, with the pools and the VMPackage the cluster has now. */
export async function planFor({ client }: Session, vm: ProxmoxVM): Promise<PlanReport> {
  const reference = vm.spec.packageRef?.name
  const [found, pools] = await Promise.all([
    reference === undefined ? undefined : client.get(vmPackages, { name: reference }),
    client.list(ipPools),
  ])
  return await planOf({ vm, found, pools: new Map(pools.map((pool) => [pool.metadata.name, pool])) })
}

const titles: readonly [PlanLine['when'], string][] = [
  ['under way', 'Under way:'],
  ['now', 'Next:'],
  ['refused', 'Not done:'],
  ['next stop', 'At the next stop, or with change-package:'],
  ['ChangePackage', 'With change-package (command ChangePackage):'],
  ['Reinstall', 'With reinstall:'],
  ['Rollback', 'With rollback:'],
  ...foundTitles,
]

function page({ name, namespace, generation, observedGeneration, phase, held, lines }: PlanReport): string {
  const seen = observedGeneration === generation ? `generation ${generation}` : `generation ${generation}, judged is ${observedGeneration}`
  const parts = titles.flatMap(([when, title]) => {
    const some = lines.filter((line) => line.when === when)
    return some.length === 0 ? [] : [title, ...grouped(some)]
  })
  const nothing = observedGeneration === generation ? 'Nothing to do: the VM matches its spec.' : nothingKnown
  return [
    `${namespace}/${name}: ${phase}, ${seen}`,
    ...(held ? [`The operator does nothing at present: ${held}`] : []),
    ...(parts.length > 0 ? parts : [nothing]),
    '',
  ].join('\n')
}

const nothingKnown =
  'The spec was edited; package, addresses and power are the same. Other changes appear when the operator has read the edit.'

/** The reason once over the lines it is the reason of. */
function grouped(lines: readonly PlanLine[]): string[] {
  const reasons = [...new Set(lines.map((line) => line.because))]
  return reasons.flatMap((because) => [
    `  because ${because}`,
    ...lines
      .filter((line) => line.because === because)
      .map(({ what, stops }) => `    ${what}${stops ? '   [the VM is stopped for it]' : ''}`),
  ])
}
