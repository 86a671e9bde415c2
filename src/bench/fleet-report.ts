/** The figures of a growing fleet beside their budgets (pure). */
import { ofResources, ourKinds, total, writesOf } from './counts.ts'
import type { FleetSize } from './fleet-size.ts'
import { median } from './distribution.ts'
import type { Curve } from './plot.ts'
import type { GridRow, Section } from './report.ts'

interface Row {
  readonly what: string
  readonly of: (stage: FleetSize) => number
  readonly digits?: number
  readonly unit?: string
  /** The limit is for every size. */
  readonly budget?: { readonly limit: (stage: FleetSize) => number; readonly text: string }
}

const atMost = (limit: number, text = `≤ ${limit}`): NonNullable<Row['budget']> => ({ limit: () => limit, text })
const perVM = (stage: FleetSize, amount: number): number => amount / stage.creation.made
const cpuMs = (stage: FleetSize, process: string): number => perVM(stage, (stage.creation.cost.cpu[process] ?? 0) * 1_000)
const rounds = ({ count, idle }: FleetSize): number => (idle.looksPerSecond === 0 ? Number.NaN : count / idle.looksPerSecond / 60)

const rows: readonly Row[] = [
  { what: 'created, VMs a second', of: ({ creation: { made, cost } }) => made / cost.seconds, digits: 1 },
  { what: '… cores in use meanwhile, all processes', of: ({ creation: { cost } }) => total(cost.cpu) / cost.seconds, digits: 2 },
  { what: '… CPU of the operator per VM', of: (stage) => cpuMs(stage, 'operator'), digits: 1, unit: 'ms' },
  { what: '… CPU of kube-apiserver per VM', of: (stage) => cpuMs(stage, 'kube-apiserver'), digits: 1, unit: 'ms' },
  { what: '… CPU of etcd per VM', of: (stage) => cpuMs(stage, 'etcd'), digits: 1, unit: 'ms' },
  { what: '… CPU of the simulator per VM', of: (stage) => cpuMs(stage, 'simulator'), digits: 1, unit: 'ms' },
  { what: '… writes to PVE per VM', of: (stage) => perVM(stage, total(writesOf(stage.creation.cost.requests))), digits: 2 },
  { what: '… all requests to PVE per VM', of: (stage) => perVM(stage, total(stage.creation.cost.requests)), digits: 2 },
  {
    what: '… writes per VM on ProxmoxVM, PoolAddress, Secret',
    of: (stage) => perVM(stage, total(ofResources(stage.creation.cost.writes, ourKinds))),
    digits: 2,
    budget: atMost(10),
  },
  { what: '… Events per VM', of: (stage) => perVM(stage, stage.creation.events.posted), digits: 2 },
  { what: '… the last Event after the last Ready', of: (stage) => stage.creation.events.lastAfterSeconds, digits: 0, unit: 's' },
  {
    what: '… peak memory of the operator',
    of: ({ creation }) => creation.cost.load.peakRssMB,
    unit: 'MB',
    budget: atMost(600, '< 600 MB'),
  },
  { what: 'idle, requests to PVE per second', of: ({ idle }) => idle.sharedPerSecond, digits: 2, budget: atMost(1) },
  {
    what: '… and of the background reading',
    of: ({ idle }) => idle.backgroundPerSecond,
    digits: 2,
    budget: { limit: ({ count }) => Math.min(3, Math.max(1, count / 1_000)), text: '≤ VMs/1,000, from 1 to 3' },
  },
  { what: '… one round of it takes', of: rounds, digits: 0, unit: 'min' },
  { what: '… API-server writes but the Lease, in a minute', of: ({ idle }) => idle.writes },
  { what: '… of one core', of: ({ idle }) => idle.busyPercent, digits: 1, unit: '%', budget: atMost(10, '< 10 %') },
  { what: '… memory of the operator', of: ({ idle }) => idle.rssMB, unit: 'MB', budget: atMost(600, '< 600 MB') },
  {
    what: 'restart, until all are compared with PVE',
    of: ({ restart }) => restart.checkedSeconds,
    digits: 1,
    unit: 's',
    budget: atMost(60, '< 60 s'),
  },
  { what: '… until what was missed is in the statuses', of: ({ restart }) => restart.missedSeenSeconds, digits: 1, unit: 's' },
  { what: '… requests to PVE but about one VM', of: ({ restart }) => restart.sharedRequests, budget: atMost(8) },
  { what: '… requests about one VM', of: ({ restart }) => restart.guestRequests },
  { what: '… VMs that were asked about one by one', of: ({ restart }) => restart.guestsAsked },
  { what: '… API-server writes but Lease and Events', of: ({ restart }) => restart.writes },
  { what: '… CPU of the operator', of: ({ restart }) => restart.cpuSeconds, digits: 1, unit: 's' },
  { what: '… peak memory of the operator', of: ({ restart }) => restart.peakRssMB, unit: 'MB', budget: atMost(600, '< 600 MB') },
  {
    what: 'a power change by a task is in the status, median',
    of: ({ lags }) => median(lags.task),
    digits: 1,
    unit: 's',
    budget: atMost(6, '≤ 6 s'),
  },
  { what: '… at the worst of 20', of: ({ lags }) => Math.max(...lags.task), digits: 1, unit: 's' },
  { what: 'a power change by the guest is in the status, median', of: ({ lags }) => median(lags.guest), digits: 1, unit: 's' },
  { what: '… at the worst of 20', of: ({ lags }) => Math.max(...lags.guest), digits: 1, unit: 's', budget: atMost(22, '≤ 22 s') },
]

export function fleetSection(stages: readonly FleetSize[]): Section {
  return {
    name: 'fleet',
    title: 'A growing fleet',
    setting:
      'One fleet of linked clones with one address each, in one cluster, measured at these sizes. Tasks of the simulator take a fiftieth of the preset’s time, so API server and operator are the limit; pvestatd keeps its real pace. The operator runs as it is shipped. ' +
      'At each restart 20 guests were switched off inside while the operator was away. Compared: a pass over the VM began with a listing of PVE (metric `pve_operator_vms_unchecked` is 0 and no VM waits). ' +
      'Hidden drift is found within one round of the background reading.\n\n![Growth](images/fleet.svg)\n\n',
    command: 'make bench FLEET=1',
    figures: [],
    grid: { title: 'VMs', columns: stages.map(({ count }) => count.toLocaleString('en')), rows: rows.map((row) => gridRow(row, stages)) },
    tables: [],
  }
}

function gridRow({ what, of, digits = 0, unit, budget }: Row, stages: readonly FleetSize[]): GridRow {
  const values = stages.map((stage) => (Number.isFinite(of(stage)) ? `${of(stage).toFixed(digits)}${unit ? ` ${unit}` : ''}` : '?'))
  return { what, values, ...(budget && { budget: { text: budget.text, met: stages.every((stage) => of(stage) <= budget.limit(stage)) } }) }
}

export const fleetCurves = (stages: readonly FleetSize[]): Curve[] => [
  { title: 'created', unit: 'VMs a second', points: stages.map(({ creation: { made, cost } }) => made / cost.seconds) },
  { title: 'memory of the operator, idle', unit: 'MB', points: stages.map(({ idle }) => idle.rssMB), budget: 600 },
  { title: 'idle CPU of the operator', unit: '% of a core', points: stages.map(({ idle }) => idle.busyPercent), budget: 10 },
  { title: 'restart, until all are compared', unit: 's', points: stages.map(({ restart }) => restart.checkedSeconds), budget: 60 },
]
