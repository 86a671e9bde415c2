/** `kubectl pve backups` and `kubectl pve backup`: the backup files of a VM, listed now, and one more of them. */
import { randomBytes } from 'node:crypto'
import { apiVersion, listBackupsAnnotation } from '../api/group.ts'
import { proxmoxVMBackups, proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { confirmAtTerminal } from './confirm.ts'
import { createOnce } from './create-once.ts'
import { mustGetVM, printJson, type Session } from './session.ts'
import { PluginRefusal } from './shell.ts'
import { table } from './table.ts'
import { waitFor } from './waiting.ts'

export interface BackupsOptions {
  timeout?: number
  output?: 'json'
}

export async function showBackupFiles(session: Session, name: string, o: BackupsOptions): Promise<void> {
  const { client, namespace, shell } = session
  await mustGetVM(session, name)
  const asked = randomBytes(6).toString('hex')
  await client.mergePatch(proxmoxVMs, { namespace, name }, { metadata: { annotations: { [listBackupsAnnotation]: asked } } })
  const later = `kubectl get pvm ${name} -n ${namespace} -o jsonpath='{.status.backups}'`
  const { backups } = await waitFor(session, { later, timeoutSeconds: o.timeout ?? 120 }, async () => {
    const { status } = await mustGetVM(session, name)
    if (status?.backups?.listedFor === asked) return { done: { backups: status.backups } }
    return { progress: status?.vmid === undefined ? `${name} has no VM in PVE yet` : 'the operator lists the backups of the VM' }
  })
  const { files = [], count, unseen } = backups
  if (o.output) return printJson(session, backups)
  const heads = ['CREATED', 'STORAGE', 'SIZE', 'PROTECTED', 'VERIFIED', 'ENCRYPTED', 'EXPIRES', 'BACKUP', 'NOTES', 'VOLUME']
  const rows = files.map((file) => [
    file.createdAt,
    file.node === undefined ? file.storage : `${file.storage} (${file.node})`,
    file.size ?? '',
    file.protected ? 'yes' : '',
    file.verified ?? '',
    file.encrypted ? 'yes' : '',
    file.expiresAt ?? '',
    file.backup ?? '',
    file.notes ?? '',
    file.volume,
  ])
  shell.out(files.length === 0 ? `PVE lists no backup of ${name}\n` : table(heads, rows))
  if (count > files.length) shell.out(`and ${count - files.length} older backups\n`)
  if (unseen !== undefined) shell.out(`not read: ${unseen}\n`)
}

export interface BackupOptions {
  name?: string
  storage?: string
  mode?: 'Snapshot' | 'Suspend' | 'Stop'
  notes?: string
  protected?: boolean
  deleteWithObject?: boolean
  yes?: boolean
  wait: boolean
  timeout?: number
  output?: 'json'
}

/** What the backup takes away from whoever uses the VM; undefined: nothing, nobody is asked. */
function stopBefore({ metadata, status }: ProxmoxVM, namespace: string, mode: BackupOptions['mode']): string | undefined {
  const isStop = (mode ?? status?.package?.backups?.mode) === 'Stop'
  return isStop && status?.remoteStatus === 'running'
    ? `Shut down ${namespace}/${metadata.name} for its backup, and start it again?`
    : undefined
}

/** Makes the ProxmoxVMBackup and waits for its file. */
export async function backUp(session: Session, vm: string, o: BackupOptions): Promise<void> {
  const { client, namespace, shell } = session
  await confirmAtTerminal(session, stopBefore(await mustGetVM(session, vm), namespace, o.mode), o.yes)
  const stamp = new Date(shell.clock.now()).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').toLowerCase()
  const name = o.name ?? `${vm.slice(0, 200)}-${stamp}-${randomBytes(2).toString('hex')}`
  const made = await createOnce(session, proxmoxVMBackups, {
    apiVersion,
    kind: 'ProxmoxVMBackup',
    metadata: { namespace, name },
    spec: {
      vmRef: { name: vm },
      ...(o.storage !== undefined && { storage: o.storage }),
      ...(o.mode !== undefined && { mode: o.mode }),
      ...(o.notes !== undefined && { notes: o.notes }),
      ...(o.protected && { protected: true }),
      ...(o.deleteWithObject && { deletionPolicy: 'Delete' as const }),
    },
  })
  if (!o.wait)
    return o.output
      ? printJson(session, made)
      : shell.out(
          `proxmoxvmbackup.pve.hosting/${name} ${session.isDryRun ? 'would be created. Dry run: nothing was written.' : 'created'}\n`,
        )
  const later = `kubectl get pvbak ${name} -n ${namespace}`
  const ended = await waitFor(session, { later, ...(o.timeout !== undefined && { timeoutSeconds: o.timeout }) }, async () => {
    const now = await client.get(proxmoxVMBackups, { namespace, name })
    if (!now) throw new PluginRefusal(`${name} was deleted before PVE made it`)
    const [ready] = now.status?.conditions ?? []
    if (now.status?.finishedAt !== undefined) return { done: now }
    return { progress: ready?.message ?? 'waiting for the operator' }
  })
  if (o.output) printJson(session, ended)
  const [ready] = ended.status?.conditions ?? []
  if (ended.status?.phase !== 'Succeeded') throw new PluginRefusal(`backup ${vm}: ${ready?.reason}: ${ready?.message}`)
  if (!o.output) shell.out(`backup ${vm}: ${name}: ${ready?.message}\n`)
}
