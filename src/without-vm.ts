/** Ends commands, snapshots and backups that name a ProxmoxVM which does not exist. */
import { proxmoxVMs } from './api/meta.ts'
import { isFinished } from './commands/command-status-draft.ts'
import type { BackupKeeper } from './backups/backup-keeper.ts'
import { refuseOrphans } from './commands/run-commands.ts'
import type { Dependencies } from './engine/dependencies.ts'
import { lookUp } from './kube/look-up.ts'
import { releaseSnapshots } from './snapshots/orphans.ts'

/** A VM that the API server has calls as soon as the store has it; this is for a watch that is being opened again. */
const unseenMs = 2_000

/** Answers when to look again (ms); undefined: when somebody calls. Throws KubeError when the API server cannot be asked. */
export async function endWithoutVM(deps: Dependencies, key: string, backups: BackupKeeper): Promise<number | undefined> {
  if (isNamed(deps, key) && (await lookUp({ client: deps.client, store: deps.vms, resource: proxmoxVMs }, key))) return unseenMs
  await releaseSnapshots(deps, key)
  const afterMs = await backups.tend(key)
  await refuseOrphans(deps, key)
  return afterMs
}

/** Whether something would end or be deleted because there is no such VM. A finished backup stays as it is. */
const isNamed = (deps: Dependencies, key: string): boolean =>
  deps.snapshotsOf(key).length > 0 ||
  deps.commandsOf(key).some((command) => !isFinished(command)) ||
  deps.backupsOf(key).some(({ status }) => status?.finishedAt === undefined)
