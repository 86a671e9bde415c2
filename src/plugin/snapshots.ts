/** `kubectl pve snapshot` and `snapshots`: takes a ProxmoxVMSnapshot, and shows what there is. */
import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { apiVersion } from '../api/group.ts'
import { conditionOf } from '../api/condition.ts'
import { proxmoxVMSnapshots } from '../api/meta.ts'
import type { ProxmoxVMSnapshot } from '../api/proxmoxvmsnapshot.ts'
import { createOnce } from './create-once.ts'
import { bound, json, waiting } from './options.ts'
import { mustGetVM, printJson, type Session } from './session.ts'
import { PluginRefusal, type Shell } from './shell.ts'
import { table } from './table.ts'
import { waitFor } from './waiting.ts'

interface SnapshotOptions {
  wait: boolean
  timeout?: number
  output?: 'json'
  name?: string
  description?: string
  ttl?: string
  withMemory?: boolean
}

export function addSnapshots(program: Command, shell: Shell): void {
  const group = 'Snapshots:'
  waiting(program.command('snapshot <vm>').description('takes a snapshot (a ProxmoxVMSnapshot); rollback goes back to it').helpGroup(group))
    .option('--name <name>', 'name of the ProxmoxVMSnapshot (default: the VM and 6 digits)')
    .option('--description <text>', 'a description')
    .option('--ttl <duration>', 'delete it after this time, such as 72h (default: as the package says)')
    .option('--with-memory', 'also keep the memory of a running guest')
    .action(bound<SnapshotOptions>(shell, takeSnapshot))
  program
    .command('snapshots <vm>')
    .description('lists the snapshots of the VM, also those made in PVE')
    .helpGroup(group)
    .addOption(json())
    .action(bound<{ output?: 'json' }>(shell, showSnapshots))
}

async function takeSnapshot(session: Session, vm: string, o: SnapshotOptions): Promise<void> {
  await mustGetVM(session, vm)
  const { client, namespace, shell } = session
  const name = o.name ?? `${vm.slice(0, 240)}-${randomBytes(3).toString('hex')}`
  const { description, ttl, withMemory } = o
  const spec = { vmRef: { name: vm }, ...(description && { description }), ...(ttl && { ttl }), ...(withMemory && { withMemory }) }
  const made = await createOnce(session, proxmoxVMSnapshots, { apiVersion, kind: 'ProxmoxVMSnapshot', metadata: { namespace, name }, spec })
  if (o.output && !o.wait) return printJson(session, made)
  if (session.isDryRun) return shell.out(`snapshot ${vm}: the API server accepts it. Dry run: nothing was written.\n`)
  if (!o.wait) return shell.out(`proxmoxvmsnapshot.pve.hosting/${name} created\n`)
  const wait = { later: `kubectl get pvsnap ${name} -n ${namespace}`, ...(o.timeout !== undefined && { timeoutSeconds: o.timeout }) }
  const taken = await waitFor(session, wait, async () => {
    const now = await client.get(proxmoxVMSnapshots, { namespace, name })
    if (!now) throw new PluginRefusal(`${name} was deleted before it was taken`)
    const ready = conditionOf(now.status?.conditions, 'Ready')
    if (ready?.status === 'True') return { done: now }
    if (conditionOf(now.status?.conditions, 'Stalled')?.status === 'True')
      throw new PluginRefusal(`snapshot ${vm}: ${ready?.reason}: ${ready?.message}`)
    return { progress: `${name}: ${ready?.message ?? 'not asked for yet'}` }
  })
  if (o.output) printJson(session, taken)
  else
    shell.out(
      `snapshot ${vm}: ${conditionOf(taken.status?.conditions, 'Ready')?.message} Go back to it: kubectl pve rollback ${vm} ${name}\n`,
    )
}

async function showSnapshots(session: Session, vmName: string, o: { output?: 'json' }): Promise<void> {
  const vm = await mustGetVM(session, vmName)
  const objects = await session.client.list(proxmoxVMSnapshots, {
    namespace: session.namespace,
    fieldSelector: `spec.vmRef.name=${vmName}`,
  })
  const foreign = (vm.status?.snapshots ?? []).filter(({ object }) => object === undefined)
  if (o.output) return printJson(session, { objects, foreign })
  if (objects.length + foreign.length === 0) return session.shell.out(`${vmName} has no snapshots\n`)
  const heads = ['NAME', 'IN-PVE', 'CREATED', 'EXPIRES', 'MEMORY', 'STATE', 'MESSAGE']
  const rows = [
    ...objects.map(rowOf),
    ...foreign.map(({ name, createdAt = '', withMemory }) => ['(made in PVE)', name, createdAt, '', withMemory ? 'yes' : 'no', '', '']),
  ]
  session.shell.out(table(heads, rows))
}

function rowOf({ metadata, status }: ProxmoxVMSnapshot): string[] {
  const ready = conditionOf(status?.conditions, 'Ready')
  const memory = status?.withMemory === undefined ? '' : status.withMemory ? 'yes' : 'no'
  const message = ready?.status === 'True' ? '' : (ready?.message ?? '')
  return [metadata.name, status?.name ?? '', status?.createdAt ?? '', status?.expiresAt ?? '', memory, ready?.reason ?? '', message]
}
