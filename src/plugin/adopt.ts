/** `kubectl pve adopt --former`: objects that stall because a former object of their name owns a guest take it over. */
import { apiVersion } from '../api/group.ts'
import { isTrue, conditionOf } from '../api/condition.ts'
import { proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { confirm } from './confirm.ts'
import { fieldManager, printJson, type Session } from './session.ts'
import { table } from './table.ts'
import { isReadyAt, waitForVM } from './waiting.ts'

export interface AdoptOptions {
  yes?: boolean
  /** Set: only there. Else all namespaces. */
  namespace?: string
  wait: boolean
  timeout?: number
  output?: 'json'
}

/** An object and the guest it would take. */
interface Candidate {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly vmid: number
  readonly node: string
  readonly macAddress: string
  readonly fromUID: string
  /** Of another Kubernetes cluster. */
  readonly installation?: string
}

/** Shows the list and asks; then spec.adopt is written object by object, with the caller's rights. */
export async function adoptFormer(session: Session, o: AdoptOptions): Promise<void> {
  const { client, shell } = session
  const objects = await client.list(proxmoxVMs, o.namespace === undefined ? {} : { namespace: o.namespace })
  const candidates = objects.flatMap(candidateOf)
  if (candidates.length === 0) {
    if (o.output) return printJson(session, [])
    return shell.out('no ProxmoxVM waits to take over the guest of a former object\n')
  }
  shell.err(page(candidates))
  const which = candidates.length === 1 ? 'this one' : `these ${candidates.length}`
  await confirm(
    shell,
    `Each object takes over its VM as it is, with its addresses. Continue with ${which}?`,
    o.yes === true || session.isDryRun,
  )
  const written: ProxmoxVM[] = []
  for (const candidate of candidates) written.push(await adoptOne(session, candidate))
  const taken = o.wait ? await waitForAll(session, written, o) : written
  if (o.output) return printJson(session, taken)
  for (const vm of taken)
    shell.out(
      `adopt ${vm.metadata.namespace}/${vm.metadata.name}: VM ${vm.spec.adopt?.vmid} ${o.wait ? 'is taken over' : session.isDryRun ? 'would be asked for (dry run: nothing was written)' : 'is asked for'}\n`,
    )
}

function candidateOf({ metadata, status }: ProxmoxVM): Candidate[] {
  const { namespace = '', name, uid = '' } = metadata
  const isStalled = isTrue(status?.conditions, 'Stalled') && conditionOf(status?.conditions, 'Stalled')?.reason === 'OwnedByFormerObject'
  const { vmid, node = '', macAddress, fromUID, installation } = status?.adoption ?? {}
  if (!isStalled || vmid === undefined || macAddress === undefined || fromUID === undefined) return []
  return [{ namespace, name, uid, vmid, node, macAddress, fromUID, ...(installation !== undefined && { installation }) }]
}

function page(candidates: readonly Candidate[]): string {
  const rows = candidates.map((one) => [
    one.namespace,
    one.name,
    String(one.vmid),
    one.node,
    one.macAddress,
    one.fromUID,
    one.installation ?? '',
  ])
  const text = table(['NAMESPACE', 'NAME', 'TAKES VM', 'NODE', 'MAC', 'FORMER UID', 'OTHER KUBERNETES CLUSTER'], rows)
  const foreign = new Set(candidates.flatMap(({ installation }) => installation ?? []))
  if (foreign.size === 0) return text
  return `${text}Guests of another Kubernetes cluster: make sure that its operator no longer runs (${[...foreign].join(', ')}).\n`
}

async function adoptOne({ client }: Session, { namespace, name, uid, vmid, macAddress, fromUID }: Candidate): Promise<ProxmoxVM> {
  const wish = {
    apiVersion,
    kind: 'ProxmoxVM',
    metadata: { namespace, name, uid },
    spec: { adopt: { vmid, macAddress, mode: 'Take', fromUID } },
  }
  return await client.apply(proxmoxVMs, wish as unknown as ProxmoxVM, { force: true, fieldManager: `${fieldManager}-adopt` })
}

async function waitForAll(session: Session, vms: readonly ProxmoxVM[], o: AdoptOptions): Promise<ProxmoxVM[]> {
  const taken: ProxmoxVM[] = []
  for (const vm of vms) {
    const done = await waitForVM({ ...session, namespace: vm.metadata.namespace ?? '' }, vm, {
      isDone: (now) => now.status?.adoption?.takenAt !== undefined && isReadyAt(now, vm.metadata.generation ?? 0),
      ...(o.timeout !== undefined && { timeoutSeconds: o.timeout }),
    })
    taken.push(done)
  }
  return taken
}
