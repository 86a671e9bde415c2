/** One VM, and a hundred at once. */
import type { KubeObject } from '../api/meta.ts'
import { systemClock } from '../ops/clock.ts'
import type { LocalStack } from '../local-stack/local-stack.ts'
import { type Counts, ofResources, ourKinds, total, writesOf } from './counts.ts'
import type { Specified } from './fleet-setting.ts'
import { type Figure, type Section, withinBudget } from './report.ts'
import { type Cost, Scene } from './scene.ts'

/** How long the default preset of the simulator takes, in seconds; its documentation names them. */
const taskSeconds = { fullClone: 2, short: 0.05, start: 0.5 }
/** Three nodes with four clone slots each: the default limits on the default preset. */
const cloneLanes = 12
const mainExample = /^\d\d-/

export async function oneVM(stack: LocalStack): Promise<Section> {
  const examples = await stack.examples(mainExample)
  const vm: Specified | undefined = examples.find((object) => object.metadata.name === 'whmcs-5546')
  if (!vm) throw new Error('deploy/examples has no whmcs-5546')
  const next = { ...vm, metadata: { ...vm.metadata, name: 'whmcs-5547' }, spec: { ...vm.spec, hostname: 'web2.vps.example.com' } }
  const [first, second, end] = await births(stack, examples, [[vm], [next]], { end: next })
  if (!first || !second || !end) throw new Error('nothing was measured')
  const ended = total(end.requests)
  return {
    name: 'one-vm',
    title: 'One VM',
    setting:
      '`whmcs-5546` of deploy/examples on the default preset: full clone, two disks, two addresses, four firewall rules, generated password. ' +
      'It is the first VM in the life of this operator, which has yet to learn how long tasks take here; a second one like it follows.',
    command: 'make bench',
    figures: [
      ...birthFigures('', first),
      ...birthFigures('second VM: ', second),
      { what: 'its deletion: all requests to PVE', measured: String(ended), budget: withinBudget(14, ended, '≤ 14') },
      ...loadFigures(second),
    ],
    tables: [...tables(first), { title: 'requests to PVE of a deletion', counts: end.requests }],
  }
}

function birthFigures(whose: string, cost: Cost): Figure[] {
  const ownSeconds = cost.seconds - tasksOf(cost.requests)
  const requests = total(cost.requests)
  const writes = total(writesOf(cost.requests))
  const ours = total(ofResources(cost.writes, ourKinds))
  return [
    { what: `${whose}writes to PVE`, measured: String(writes), budget: exactly(12, writes) },
    { what: `${whose}all requests to PVE`, measured: String(requests), budget: withinBudget(28, requests, '≤ 28, target 24') },
    { what: `${whose}API-server writes on ProxmoxVM, PoolAddress, Secret`, measured: String(ours), budget: withinBudget(12, ours, '≤ 12') },
    { what: `${whose}from apply to Ready`, measured: `${cost.seconds.toFixed(2)} s` },
    { what: `${whose}beyond PVE’s own tasks`, measured: `${ownSeconds.toFixed(2)} s`, budget: withinBudget(1, ownSeconds, '< 1 s') },
  ]
}

export async function manyVMs(stack: LocalStack, count: number): Promise<Section> {
  const examples = await stack.examples(mainExample)
  const siblings = Array.from({ length: count }, (_, at) => sibling(at + 1))
  const [cost] = await births(stack, examples, [siblings])
  if (!cost) throw new Error('nothing was measured')
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
      { what: 'beyond PVE’s own tasks', measured: `${beyond.toFixed(1)} %`, budget: withinBudget(10, beyond, '< 10 %') },
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

/**
 * Each batch is created at once and measured until all of it is Ready; the next follows when it is quiet again. `end` is deleted last, which
 * is measured as well.
 */
async function births(
  stack: LocalStack,
  examples: readonly KubeObject[],
  batches: readonly (readonly KubeObject[])[],
  o: { end?: KubeObject } = {},
): Promise<Cost[]> {
  const operator = await stack.startOperator()
  const scene = new Scene(stack)
  const costs: Cost[] = []
  const settle = () => systemClock.sleep(3_000)
  let made = 0
  try {
    await stack.manifests.apply(examples.filter((object) => object.kind !== 'ProxmoxVM'))
    await scene.clusterIsReady('fra1')
    for (const vms of batches) {
      // The preflight is over and the listing has fallen into its idle cadence.
      await systemClock.sleep(12_000)
      made += vms.length
      const work = async (): Promise<void> => {
        await scene.createAll(vms)
        await scene.areReady(made)
      }
      costs.push(await scene.measure(operator, work, { ours: { 'POST proxmoxvms': vms.length }, settle }))
      await scene.keepTimeline()
    }
    const { end } = o
    // By then the background reading knows where the VM has no backups.
    if (end) await systemClock.sleep(12_000)
    if (end) costs.push(await scene.measure(operator, () => scene.terminate(end), { ours: { 'DELETE proxmoxvms': 1 }, settle }))
    return costs
  } finally {
    scene.end()
    await operator.stop()
  }
}

/** As whmcs-5546, with smaller disks. */
export function sibling(number: number): Specified {
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
