/** `kubectl pve ls`: VMs as whoever sells them looks at them. */
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { addressesInForce, addressesReleasing } from '../api/held-addresses.ts'
import { listVMs, printJson, type Session, type WhichVMs } from './session.ts'
import { reportOf } from './status-report.ts'
import { addressCell, spell, table } from './table.ts'

export interface LsOptions extends WhichVMs {
  output?: 'json'
}

/** One VM; the shape of `-o json`. */
export interface LsRow {
  readonly namespace: string
  readonly name: string
  readonly phase: string
  /** Why it is not Ready; absent: it is. */
  readonly waitsFor?: string
  readonly package: string
  readonly cluster: string
  readonly template: string
  readonly node?: string
  readonly vmid?: number
  readonly ips: readonly string[]
  /** No longer in the spec, and perhaps still used by the guest; absent: none. */
  readonly releasing?: readonly string[]
  /** Reasons of what is left undone and takes nothing away from Ready. */
  readonly remarks: readonly string[]
  readonly age: string
}

export async function showList(session: Session, o: LsOptions): Promise<void> {
  const rows = (await listVMs(session, o)).map((vm) => listRowOf(vm, session.shell.clock.now()))
  if (o.output) return printJson(session, rows)
  const where = o.allNamespaces === true ? '' : ` in namespace ${session.namespace}`
  if (rows.length === 0) return session.shell.out(`no ProxmoxVM found${where}\n`)
  session.shell.out(listTable(rows, o.allNamespaces === true))
}

export function listTable(rows: readonly LsRow[], isOfAll: boolean): string {
  const heads = ['NAME', 'PHASE', 'WAITS-FOR', 'PACKAGE', 'CLUSTER', 'TEMPLATE', 'NODE', 'VMID', 'IPS', 'REMARKS', 'AGE']
  const cells = rows.map((row) => [
    ...(isOfAll ? [row.namespace] : []),
    row.name,
    row.phase,
    row.waitsFor ?? '',
    row.package,
    row.cluster,
    row.template,
    row.node ?? '',
    String(row.vmid ?? ''),
    addressCell(row),
    row.remarks.join(','),
    row.age,
  ])
  return table(isOfAll ? ['NAMESPACE', ...heads] : heads, cells)
}

/** Pure. */
export function listRowOf(vm: ProxmoxVM, nowMs: number): LsRow {
  const { namespace, name, phase, waitsFor, node, vmid, remarks } = reportOf(vm, undefined, nowMs)
  const { packageRef, package: inline, clusterRef, template } = vm.spec
  const releasing = addressesReleasing(vm.status)
  const madeMs = Date.parse(vm.metadata.creationTimestamp ?? '')
  return {
    namespace,
    name,
    phase,
    ...(waitsFor && { waitsFor: waitsFor.reason }),
    // the fields of its own beat those of the VMPackage
    package: [packageRef?.name, inline && 'own fields'].filter(Boolean).join(' + '),
    cluster: clusterRef.name,
    template: template.name ?? (template.tag === undefined ? `VMID ${template.vmid}` : `tag ${template.tag}`),
    ...(node !== undefined && { node }),
    ...(vmid !== undefined && { vmid }),
    ips: addressesInForce(vm.status),
    ...(releasing.length > 0 && { releasing }),
    remarks: remarks.map(({ reason }) => reason),
    age: Number.isNaN(madeMs) ? '' : spell((nowMs - madeMs) / 1000),
  }
}
