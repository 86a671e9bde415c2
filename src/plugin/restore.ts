import { apiVersion } from '../api/group.ts'
import { proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { confirmAtTerminal } from './confirm.ts'
import { showDryRun } from './plan-page.ts'
import { fieldManager, sameVM, mustGetVM, printJson, type Session } from './session.ts'
import { PluginRefusal } from './shell.ts'
import { isReadyAt, waitForVM } from './waiting.ts'

export interface RestoreOptions {
  requestId?: string
  dropFirst?: boolean
  yes?: boolean
  wait: boolean
  timeout?: number
  output?: 'json'
}

/**
 * Writes spec.restore and waits until the VM is back. `backup`: name of a ProxmoxVMBackup, or a volume as `kubectl pve backups` shows it. By
 * force: the request of whoever pressed last counts, and an older one that is applied again never runs again.
 */
export async function restore(session: Session, name: string, backup: string, o: RestoreOptions): Promise<void> {
  const { client, namespace, shell } = session
  const before = await mustGetVM(session, name)
  const requestID = o.requestId ?? new Date(shell.clock.now()).toISOString()
  if (isRestored(before, requestID))
    throw new PluginRefusal(`restore ${name}: request ${requestID} ran before and never runs again; use another --request-id`)
  if (!before.status?.firstReadyAt) throw new PluginRefusal(`restore ${name}: the VM was never ready, so a restore has nothing to replace`)
  if (before.status.remoteStatus === 'running' && before.spec.runStrategy !== 'Always' && !o.wait)
    shell.err(`restore ${name}: the VM runs; the restore begins as soon as the VM is off\n`)
  await confirmAtTerminal(session, `Replace the disks of ${namespace}/${name} by those of ${backup}?`, o.yes)
  const wish = {
    apiVersion,
    kind: 'ProxmoxVM',
    metadata: sameVM(before),
    spec: {
      restore: { requestID, backupRef: backup.includes(':') ? { volume: backup } : { name: backup }, dropFirst: o.dropFirst === true },
    },
  }
  const applied = await client.apply(proxmoxVMs, wish as unknown as ProxmoxVM, { force: true, fieldManager: `${fieldManager}-restore` })
  if (session.isDryRun) return await showDryRun(session, applied, o)
  const vm = o.wait
    ? await waitForVM(session, applied, {
        isDone: (now) => isRestored(now, requestID) && isReadyAt(now, applied.metadata.generation ?? 0),
        ...(o.timeout !== undefined && { timeoutSeconds: o.timeout }),
      })
    : applied
  if (o.output) printJson(session, vm)
  else shell.out(`restore ${name}: request ${requestID} ${o.wait ? `is done; the VM is ${vm.status?.remoteStatus}` : 'is written'}\n`)
}

const isRestored = (vm: ProxmoxVM, requestID: string) => vm.status?.restore?.completedIDs.includes(requestID) ?? false
