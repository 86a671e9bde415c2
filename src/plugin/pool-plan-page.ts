/** `kubectl pve plan --pool`: reads the pool as it is to be, and prints whom the edit concerns. */
import { readFile } from 'node:fs/promises'
import { ipPools, proxmoxVMs } from '../api/meta.ts'
import { ipPoolSpec, type IPPool } from '../api/ippool.ts'
import { parseManifests } from '../kube/manifests.ts'
import { planOfPool, type PooledVM, type PoolPlan } from './pool-plan.ts'
import { printJson, type Session } from './session.ts'
import { PluginRefusal } from './shell.ts'
import { table } from './table.ts'

/** @param file a manifest of the pool as it is to be; absent: the pool as it is now, against what its VMs have */
export async function showPoolPlan(session: Session, name: string, o: { file?: string; output?: 'json' }): Promise<void> {
  const [pools, vms] = await Promise.all([session.client.list(ipPools), session.client.list(proxmoxVMs)])
  const before = new Map(pools.map((pool) => [pool.metadata.name, pool]))
  const now = before.get(name)
  if (!now) throw new PluginRefusal(`IPPool "${name}" does not exist`)
  const edited = o.file === undefined ? now : await editedPool(o.file, now)
  const plan = await planOfPool(edited, before, vms)
  if (o.output) printJson(session, plan)
  else session.shell.out(page(plan, o.file !== undefined))
}

async function editedPool(file: string, now: IPPool): Promise<IPPool> {
  const text = await readFile(file, 'utf8').catch((fault: Error) => {
    throw new PluginRefusal(`cannot read ${file}: ${fault.message}`)
  })
  const { name } = now.metadata
  const found = parseManifests(text).find(({ kind, metadata }) => kind === 'IPPool' && metadata.name === name) as IPPool | undefined
  if (!found) throw new PluginRefusal(`${file} has no IPPool "${name}"`)
  const read = ipPoolSpec.safeParse(found.spec)
  const [issue] = read.error?.issues ?? []
  if (!read.success) throw new PluginRefusal(`${file}: spec.${issue?.path.join('.')}: ${issue?.message}`)
  return { ...now, spec: read.data }
}

const isConcerned = ({ live, nextStart, remarks }: PooledVM) => live.length + nextStart.length + remarks.length > 0

function page({ pool, problem, vms }: PoolPlan, isEdit: boolean): string {
  const concerned = vms.filter(isConcerned)
  const waiting = concerned.filter(({ nextStart }) => nextStart.length > 0).length
  const head = `IPPool ${pool}: ${count(vms.length)} have an address of it; ${isEdit ? 'the edit affects' : 'the differences affect'} ${concerned.length}.`
  const trouble = problem === undefined ? [] : [`The pool could not allocate addresses: ${problem}. VMs keep the addresses they have.`]
  const restart =
    waiting === 0
      ? []
      : [
          `The operator restarts no VM for this. ${count(waiting)} would use the change after the next start from off, and would show RestartRequired until then.`,
        ]
  const rows = concerned.flatMap(({ namespace, name, power, live, nextStart, remarks }) => [
    ...live.map((what) => [namespace, name, power, 'now', what]),
    ...nextStart.map((what) => [namespace, name, power, 'next start', what]),
    ...remarks.map((what) => [namespace, name, power, '', what]),
  ])
  const body = rows.length === 0 ? '' : `\n${table(['NAMESPACE', 'VM', 'POWER', 'WHEN', 'WHAT'], rows)}`
  return `${[head, ...trouble, ...restart].join('\n')}\n${body}`
}

const count = (vms: number) => `${vms} VM${vms === 1 ? '' : 's'}`
