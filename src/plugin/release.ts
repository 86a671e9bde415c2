/** `kubectl pve release`: objects let go of their VMs; the guests stay as they are. */
import { addressesInForce } from '../api/held-addresses.ts'
import { letGoAnnotation, type ReleaseMode, teardownFinalizer } from '../api/group.ts'
import { proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { keyOf } from '../kube/keys.ts'
import { confirm } from './confirm.ts'
import { mustGetVM, printJson, type Session } from './session.ts'
import { exitCodes, PluginRefusal } from './shell.ts'
import { table } from './table.ts'
import { waitFor } from './waiting.ts'

export interface ReleaseOptions {
  all?: boolean
  allNamespaces?: boolean
  handBack?: boolean
  yes?: boolean
  wait: boolean
  timeout?: number
  output?: 'json'
}

/** Shows what would be let go, asks, writes the annotation, and waits until each object says that it has let go, or is gone. */
export async function releaseVMs(session: Session, names: readonly string[], o: ReleaseOptions): Promise<void> {
  const mode: ReleaseMode = o.handBack === true ? 'hand-back' : 'keep-mark'
  const vms = (await chosen(session, names, o)).filter((vm) => vm.status?.released?.mode !== mode)
  if (vms.length === 0) return session.shell.out('release: no VM to release\n')
  if (o.yes !== true) session.shell.err(table(['NAMESPACE', 'NAME', 'VMID', 'NODE', 'ADDRESS', 'PHASE'], vms.map(cells)))
  await confirm(session.shell, question(vms, mode), o.yes === true || session.isDryRun)
  for (const vm of vms) await annotate(session, vm, mode)
  if (session.isDryRun && !o.output) return session.shell.out(`release: ${count(vms)} would be released. Dry run: nothing was written.\n`)
  const left = o.wait ? await untilLetGo(session, vms, mode, o.timeout) : []
  if (o.output) return printJson(session, o.wait ? left : vms.map(keyOf))
  session.shell.out(`release: ${count(vms)} ${o.wait ? 'released' : 'marked for release'}; ${next(o.wait ? left.length : vms.length)}\n`)
}

const count = (vms: readonly ProxmoxVM[]): string => (vms.length === 1 ? '1 VM' : `${vms.length} VMs`)
const next = (objects: number): string =>
  objects === 0 ? 'their objects no longer exist' : 'you can delete their objects; the guests stay in PVE'

const cells = ({ metadata, status }: ProxmoxVM): string[] => [
  metadata.namespace ?? '',
  metadata.name,
  String(status?.vmid ?? '-'),
  status?.node ?? '-',
  addressesInForce(status)[0] ?? '-',
  status?.phase ?? '-',
]

const question = (vms: readonly ProxmoxVM[], mode: ReleaseMode): string =>
  `Release ${count(vms)} for good? The guests stay in PVE as they are${mode === 'hand-back' ? ', without the owner line' : ', with the owner line, so that another object can adopt them'}; their addresses stay reserved.`

async function chosen(session: Session, names: readonly string[], o: ReleaseOptions): Promise<ProxmoxVM[]> {
  const isAll = o.all === true || o.allNamespaces === true
  if (isAll === names.length > 0)
    throw new PluginRefusal('write the names of the VMs, or --all (of the namespace) or -A (of all namespaces)', exitCodes.usage)
  if (!isAll) return await Promise.all(names.map((name) => mustGetVM(session, name)))
  return await session.client.list(proxmoxVMs, o.allNamespaces === true ? {} : { namespace: session.namespace })
}

async function annotate({ client }: Session, { metadata }: ProxmoxVM, mode: ReleaseMode): Promise<void> {
  const { namespace = '', name, uid } = metadata
  await client.mergePatch(proxmoxVMs, { namespace, name }, { metadata: { uid, annotations: { [letGoAnnotation]: mode } } })
}

/** The finalizer goes last; an object that is being deleted goes with it. */
const hasLetGo = ({ metadata, status }: ProxmoxVM, mode: ReleaseMode): boolean =>
  status?.released?.mode === mode && metadata.finalizers?.includes(teardownFinalizer) !== true

/** The objects that are still there, each with its VM let go. */
async function untilLetGo(session: Session, vms: readonly ProxmoxVM[], mode: ReleaseMode, timeoutSeconds?: number): Promise<string[]> {
  const open = new Map(vms.map((vm) => [vm.metadata.uid ?? '', vm]))
  const there: string[] = []
  const later = 'kubectl get pvm -A'
  return await waitFor(session, { later, ...(timeoutSeconds !== undefined && { timeoutSeconds }) }, async () => {
    let said = ''
    for (const [uid, { metadata }] of open) {
      const now = await session.client.get(proxmoxVMs, { namespace: metadata.namespace ?? '', name: metadata.name })
      const isThere = now?.metadata.uid === uid
      if (isThere && !hasLetGo(now, mode)) {
        const ready = now.status?.conditions?.find(({ type }) => type === 'Ready')
        said = ready?.message ?? ''
        continue
      }
      open.delete(uid)
      if (isThere) there.push(keyOf(now))
    }
    return open.size === 0 ? { done: there } : { progress: `${open.size} of ${vms.length} left${said ? `: ${said}` : ''}` }
  })
}
