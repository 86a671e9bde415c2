/** Whether PVE is making a backup of the VM for us: what would destroy the VM waits for it. */
import { type Obstacle, wait } from '../ladder/outcome.ts'
import type { Pass } from './pass.ts'

export function backupUnderWay({ deps, key, draft }: Pick<Pass, 'deps' | 'key' | 'draft'>): Obstacle | undefined {
  const { uid } = draft.vm.metadata
  const running = deps
    .backupsOf(key)
    .find(({ status }) => status?.vmUID === uid && status?.requestedAt !== undefined && status.finishedAt === undefined)
  return running && wait('BackupRunning', `Backup ${running.metadata.name} of this VM must end first.`, 5_000)
}
