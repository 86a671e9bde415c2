/** `kubectl pve outdated`: VMs whose VMPackage was edited since they took it, and what the newest would change. */
import { ipPools, proxmoxVMs, vmPackages } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { planOf } from './plan.ts'
import { printJson, type Session } from './session.ts'
import { table } from './table.ts'

export interface OutdatedOptions {
  allNamespaces?: boolean
  /** Only of this VMPackage. */
  package?: string
  output?: 'json'
}

/** A VM with an older version of its VMPackage; the shape of `-o json`. */
export interface OutdatedVM {
  readonly namespace: string
  readonly name: string
  readonly package: string
  /** Generation of the VMPackage this VM has. */
  readonly has: number
  readonly newest: number
  /** The VM runs and has to be stopped for the change. */
  readonly stops: boolean
  readonly changes: readonly string[]
}

export async function showOutdated(session: Session, o: OutdatedOptions): Promise<void> {
  const found = await outdatedVMs(session, o)
  if (o.output) return printJson(session, found)
  if (found.length === 0) return session.shell.out('every VM has the newest version of its package\n')
  session.shell.out(outdatedTable(found))
}

/** In the order of the API server: by namespace and name. */
export async function outdatedVMs({ client, namespace }: Session, o: OutdatedOptions): Promise<OutdatedVM[]> {
  const [vms, packages, pools] = await Promise.all([
    client.list(proxmoxVMs, o.allNamespaces === true ? {} : { namespace }),
    client.list(vmPackages),
    client.list(ipPools),
  ])
  const byName = new Map(packages.map((one) => [one.metadata.name, one]))
  const poolsByName = new Map(pools.map((pool) => [pool.metadata.name, pool]))
  const found: OutdatedVM[] = []
  for (const vm of vms) {
    const source = vm.status?.packageSource
    const newest = byName.get(vm.spec.packageRef?.name ?? '')
    if (!source || !newest || isOther(vm, o.package) || source.name !== newest.metadata.name) continue
    if (source.generation === newest.metadata.generation) continue
    const { lines } = await planOf({ vm, found: newest, pools: poolsByName })
    const brought = lines.filter((line) => line.when === 'ChangePackage' || line.when === 'refused')
    found.push({
      namespace: vm.metadata.namespace ?? '',
      name: vm.metadata.name,
      package: source.name,
      has: source.generation,
      newest: newest.metadata.generation ?? 0,
      stops: brought.some((line) => line.stops),
      changes: brought.map((line) => line.what),
    })
  }
  return found
}

const isOther = ({ spec, metadata }: ProxmoxVM, name: string | undefined): boolean =>
  metadata.deletionTimestamp !== undefined || (name !== undefined && spec.packageRef?.name !== name)

export const outdatedTable = (found: readonly OutdatedVM[]): string =>
  table(
    ['NAMESPACE', 'NAME', 'PACKAGE', 'HAS', 'NEWEST', 'STOP', 'CHANGES'],
    found.map((vm) => [
      vm.namespace,
      vm.name,
      vm.package,
      String(vm.has),
      String(vm.newest),
      vm.stops ? 'yes' : 'no',
      vm.changes.join('; ') || 'nothing in PVE',
    ]),
  )
