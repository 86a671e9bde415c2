import type { KubeObject } from '../api/meta.ts'
import { systemClock } from '../ops/clock.ts'
import { readManifests, type Stage } from '../stage/stage.ts'
import { type Counts, ofResources, total, writesOf } from './counts.ts'
import { type Figure, type Section, within } from './report.ts'
import { type Cost, Scene } from './scene.ts'

/** How long the default preset of the simulator takes, in seconds; its documentation names them. */
const taskSeconds = { fullClone: 2, short: 0.05, start: 0.5 }
/** Three nodes with four clone slots each: the default limits on the default preset. */
const cloneLanes = 12
const ourKinds = ['proxmoxvms', 'pooladdresses', 'secrets']

export async function oneVM(stage: Stage): Promise<Section> {
  const examples = await readManifests('deploy/examples', /^\d\d-/)
  const vm = examples.find((object) => object.metadata.name === 'whmcs-5546')
  if (!vm) throw new Error('deploy/examples has no whmcs-5546')
  const cost = await birth(stage, examples, [vm])
  const ownSeconds = cost.seconds - tasksOf(cost.requests)
  const requests = total(cost.requests)
  const ours = total(ofResources(cost.writes, ourKinds))
  return {
    name: 'one-vm',
    title: 'One VM',
    setting:
      '`whmcs-5546` of deploy/examples on the default preset: full clone, two disks, two addresses, four firewall rules, generated password.',
    command: 'make bench',
    figures: [
      { what: 'writes to PVE', measured: String(total(writesOf(cost.requests))), budget: exactly(12, total(writesOf(cost.requests))) },
      { what: 'all requests to PVE', measured: String(requests), budget: within(28, requests, '≤ 28, target 24') },
      { what: 'API-server writes on ProxmoxVM, PoolAddress, Secret', measured: String(ours), budget: within(12, ours, '≤ 12') },
      { what: 'from apply to Ready', measured: `${cost.seconds.toFixed(2)} s` },
      { what: 'beyond PVE’s own tasks', measured: `${ownSeconds.toFixed(2)} s`, budget: within(1, ownSeconds, '< 1 s') },
      ...loadFigures(cost),
    ],
    tables: tables(cost),
  }
}

export async function manyVMs(stage: Stage, count: number): Promise<Section> {
  const examples = await readManifests('deploy/examples', /^\d\d-/)
  const cost = await birth(
    stage,
    examples,
    Array.from({ length: count }, (_, at) => sibling(at + 1)),
  )
  const waves = Math.ceil(count / cloneLanes)
  const tasks = waves * taskSeconds.fullClone + 2 * taskSeconds.short + taskSeconds.start
  const beyond = (cost.seconds / tasks - 1) * 100
  return {
    name: 'many-vms',
    title: `${count} VMs at once`,
    setting: `${count} ProxmoxVMs like whmcs-5546 with smaller disks, created 16 at a time; ${cloneLanes} clones run at once (4 a node), so ${waves} rounds of 2 s and the short tasks of the last VM are what PVE needs: ${tasks.toFixed(1)} s.`,
    command: 'make bench',
    figures: [
      { what: 'from the first apply to the last Ready', measured: `${cost.seconds.toFixed(1)} s` },
      { what: 'beyond PVE’s own tasks', measured: `${beyond.toFixed(1)} %`, budget: within(10, beyond, '< 10 %') },
      { what: 'writes to PVE per VM', measured: (total(writesOf(cost.requests)) / count).toFixed(2) },
      { what: 'all requests to PVE per VM', measured: (total(cost.requests) / count).toFixed(2) },
      {
        what: 'API-server writes on ProxmoxVM, PoolAddress, Secret per VM',
        measured: (total(ofResources(cost.writes, ourKinds)) / count).toFixed(2),
      },
      ...loadFigures(cost),
    ],
    tables: tables(cost),
  }
}

async function birth(stage: Stage, examples: readonly KubeObject[], vms: readonly KubeObject[]): Promise<Cost> {
  const operator = await stage.startOperator()
  const scene = new Scene(stage)
  try {
    await stage.manifests.apply(examples.filter((object) => object.kind !== 'ProxmoxVM'))
    await scene.clusterIsReady('fra1')
    // The preflight is over and the listing has fallen into its idle cadence.
    await systemClock.sleep(12_000)
    const work = async (): Promise<void> => {
      await scene.createAll(vms)
      await scene.areReady(vms.length, 60 + vms.length * 2)
    }
    return await scene.measure(operator, work, { ours: { 'POST proxmoxvms': vms.length }, settleSeconds: 3 })
  } finally {
    scene.end()
    await operator.stop()
  }
}

function sibling(number: number): KubeObject & { spec: object } {
  return {
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'ProxmoxVM',
    metadata: { name: `bench-${String(number).padStart(3, '0')}`, namespace: 'customer-7' },
    spec: {
      clusterRef: { name: 'fra1' },
      template: { name: 'debian-13', clone: 'Full', storage: 'local-lvm' },
      packageRef: { name: 'vps-m' },
      package: { memory: { size: '2Gi', minimum: 0 }, systemDisk: { size: '12Gi' }, additionalDisks: [{ name: 'data', size: '10Gi' }] },
      addresses: [
        { name: 'main', poolRef: { name: 'public-v4' } },
        { name: 'main6', poolRef: { name: 'public-v6' } },
      ],
      cloudInit: { user: 'admin', generatePassword: true },
    },
  }
}

/** What the tasks behind these requests take one after the other. */
function tasksOf(requests: Counts): number {
  const count = (pattern: RegExp): number => total(Object.fromEntries(Object.entries(requests).filter(([route]) => pattern.test(route))))
  const short = count(/^PUT .*\/resize$/) + count(/^(?:PUT|POST) .*\/qemu\/\{vmid\}\/config$/)
  return count(/^POST .*\/clone$/) * taskSeconds.fullClone + short * taskSeconds.short + count(/\/status\/start$/) * taskSeconds.start
}

function exactly(wanted: number, measured: number): { text: string; met: boolean } {
  return { text: `exactly ${wanted}`, met: measured === wanted }
}

function loadFigures(cost: Cost): Figure[] {
  return [
    { what: 'CPU of the operator', measured: `${cost.load.cpuSeconds.toFixed(2)} s` },
    { what: 'its peak memory (RSS, from sources)', measured: `${Math.round(cost.load.peakRssMB)} MB` },
  ]
}

function tables(cost: Cost): Section['tables'] {
  return [
    { title: 'requests to PVE', counts: cost.requests },
    { title: 'API-server writes', counts: cost.writes },
  ]
}
