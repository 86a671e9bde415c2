import type { KubeObject } from '../api/meta.ts'
import { systemClock } from '../ops/clock.ts'
import type { OperatorProcess, LocalStack } from '../local-stack/local-stack.ts'
import { loadOf, ofResources, total } from './counts.ts'
import { type Section, withinBudget } from './report.ts'
import { Scene } from './scene.ts'

const idleSeconds = 120
const namespace = 'fleet'

/** Makes `count` Ready VMs, watches them do nothing, and restarts the operator before them. */
export async function fleet(stack: LocalStack, count: number, say: (line: string) => void): Promise<Section[]> {
  const scene = new Scene(stack)
  try {
    const operator = await stack.startOperator()
    const examples = await stack.examples(/^00-/)
    await stack.manifests.apply([...examples.map(wider), ...setting()])
    await scene.clusterIsReady('fra1')
    const created = await create(scene, operator, count, say)
    const idle = await rest(scene, operator, count)
    await operator.stop()
    return [created, idle, await restart(scene, count)]
  } finally {
    scene.end()
  }
}

async function create(scene: Scene, operator: OperatorProcess, count: number, say: (line: string) => void): Promise<Section> {
  const vms = Array.from({ length: count }, (_, at) => linked(at + 1))
  const reporter = setInterval(() => say(`  ${scene.readyVMs()} of ${count} are Ready`), 15_000)
  const work = async (): Promise<void> => {
    await scene.createAll(vms)
    await scene.areReady(count, 600 + count / 2)
  }
  const cost = await scene
    .measure(operator, work, { ours: { 'POST proxmoxvms': count }, settleSeconds: 15 })
    .finally(() => clearInterval(reporter))
  const addressWrites = total(ofResources(cost.writes, ['pooladdresses']))
  return {
    name: 'fleet-created',
    title: `A fleet of ${count.toLocaleString('en')} made`,
    setting: 'Linked clones with one address each, on a simulator 50 times as fast as its preset: the API server is the limit.',
    command: 'make bench FLEET=1',
    figures: [
      { what: 'from the first apply to the last Ready', measured: `${cost.seconds.toFixed(0)} s` },
      { what: 'VMs a second', measured: (count / cost.seconds).toFixed(1) },
      {
        what: 'writes on PoolAddress',
        measured: String(addressWrites),
        budget: withinBudget(count, addressWrites, `${count}: one for each address`),
      },
      { what: 'CPU of the operator', measured: `${cost.load.cpuSeconds.toFixed(0)} s` },
      { what: 'its peak memory (RSS, as shipped)', measured: `${Math.round(cost.load.peakRssMB)} MB` },
    ],
    tables: [
      { title: 'requests to PVE', counts: cost.requests },
      { title: 'API-server writes', counts: cost.writes },
    ],
  }
}

async function rest(scene: Scene, operator: OperatorProcess, count: number): Promise<Section> {
  await systemClock.sleep(30_000)
  const cost = await scene.measure(operator, () => systemClock.sleep(idleSeconds * 1_000), { ours: {}, settleSeconds: 0 })
  const background = total(Object.fromEntries(Object.entries(cost.requests).filter(([route]) => isBackground(route)))) / idleSeconds
  const perSecond = total(cost.requests) / idleSeconds - background
  const budget = Math.min(3, Math.max(1, count / 1000))
  const busy = (cost.load.cpuSeconds / idleSeconds) * 100
  const writes = total(cost.writes) - total(ofResources(cost.writes, ['leases']))
  return {
    name: 'fleet-idle',
    title: `${count.toLocaleString('en')} Ready VMs, nothing to do`,
    setting: `One cluster, measured for ${idleSeconds} s.`,
    command: 'make bench FLEET=1',
    figures: [
      {
        what: 'requests to PVE per second beside the background',
        measured: perSecond.toFixed(2),
        budget: withinBudget(1, perSecond, '≤ 1'),
      },
      { what: 'of the background', measured: background.toFixed(2), budget: withinBudget(budget * 1.05, background, `≤ ${budget}`) },
      { what: 'API-server writes but the Lease', measured: String(writes), budget: withinBudget(0, writes, 'none') },
      { what: 'of one core', measured: `${busy.toFixed(1)} %`, budget: withinBudget(10, busy, '< 10 %') },
      {
        what: 'memory (RSS, as shipped)',
        measured: `${Math.round(cost.load.rssMB)} MB`,
        budget: withinBudget(600, cost.load.rssMB, '< 600 MB'),
      },
    ],
    tables: [
      { title: 'requests to PVE', counts: cost.requests },
      { title: 'API-server writes', counts: cost.writes },
    ],
  }
}

/** Thorough looks, agents, guests without an owner, backup files. */
const isBackground = (route: string): boolean => /^GET .*\/(qemu\/\{vmid\}|storage)\//.test(route)

async function restart(scene: Scene, count: number): Promise<Section> {
  await scene.requests.clear()
  const startedMs = performance.now()
  const operator = await scene.stack.startOperator()
  const work = async (): Promise<void> => {
    while (!(await allChecked(operator, count))) {
      if (performance.now() - startedMs > 300_000) throw new Error('not every VM is checked 300 s after the restart')
      await systemClock.sleep(250)
    }
  }
  await work()
  const seconds = (performance.now() - startedMs) / 1_000
  const requests = await scene.requests.byRoute()
  const load = loadOf(operator.pid)
  await operator.stop()
  const shared = total(Object.fromEntries(Object.entries(requests).filter(([route]) => !route.includes('/qemu/{vmid}'))))
  return {
    name: 'fleet-restart',
    title: `A restart with ${count.toLocaleString('en')} VMs`,
    setting: 'From the start of the process to an empty queue with every VM looked at once.',
    command: 'make bench FLEET=1',
    figures: [
      { what: 'until all are checked', measured: `${seconds.toFixed(1)} s`, budget: withinBudget(60, seconds, '< 60 s') },
      { what: 'requests to PVE but the audit', measured: String(shared), budget: withinBudget(5, shared, '≤ 5 and a rate-limited audit') },
      { what: 'requests of the audit, VM by VM', measured: String(total(requests) - shared) },
      {
        what: 'its peak memory (RSS, as shipped)',
        measured: `${Math.round(load.peakRssMB)} MB`,
        budget: withinBudget(600, load.peakRssMB, '< 600 MB'),
      },
    ],
    tables: [{ title: 'requests to PVE', counts: requests }],
  }
}

/** By the operator's own metrics: so many passes over ProxmoxVMs ended, and no key of theirs is due. */
async function allChecked(operator: OperatorProcess, count: number): Promise<boolean> {
  const text = await (await fetch(`${operator.metricsUrl}/metrics`)).text()
  const sum = (series: string): number =>
    text
      .split('\n')
      .filter((line) => line.startsWith(series))
      .reduce((all, line) => all + Number(line.split(' ').at(-1)), 0)
  return sum('controller_runtime_reconcile_total{controller="proxmoxvm"') >= count && sum('workqueue_depth{name="proxmoxvm"}') === 0
}

interface Specified extends KubeObject {
  spec?: object
}

/** Room for a fleet: more VMIDs and more requests at once than the example's cluster has. */
function wider(object: Specified): Specified {
  if (object.kind !== 'ProxmoxCluster') return object
  return { ...object, spec: { ...object.spec, vmids: { from: 10_000, to: 99_999 }, limits: { requests: 32, fullClonesPerNode: 16 } } }
}

function setting(): Specified[] {
  const apiVersion = 'pve.hosting/v1alpha1'
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    {
      apiVersion,
      kind: 'IPPool',
      metadata: { name: 'fleet' },
      spec: { ranges: ['10.64.0.0/16'], prefixLength: 16, gateway: '10.64.0.1', network: { bridge: 'vmbr0' } },
    },
    { apiVersion, kind: 'VMPackage', metadata: { name: 'fleet' }, spec: { cpu: { cores: 1 }, memory: { size: '512Mi' } } },
  ]
}

function linked(number: number): Specified {
  return {
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'ProxmoxVM',
    metadata: { name: `vm-${String(number).padStart(5, '0')}`, namespace },
    spec: {
      clusterRef: { name: 'fra1' },
      template: { name: 'debian-13', clone: 'Linked' },
      packageRef: { name: 'fleet' },
      addresses: [{ name: 'main', poolRef: { name: 'fleet' } }],
    },
  }
}
