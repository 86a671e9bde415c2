/** What the status of a VM says of its backup files: the figures always, the list when somebody asks for it. */
import type { BackupFile } from '../api/backups-status.ts'
import { mostBackupFiles } from '../api/backups-status.ts'
import { listBackupsAnnotation } from '../api/group.ts'
import type { ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import { formatSize } from '../api/size.ts'
import { nowIso } from '../engine/dependencies.ts'
import type { Pass } from '../engine/pass.ts'
import { type FileSeen, findFiles } from '../engine/remove/backups.ts'
import { parseBackupMark, withoutBackupMark } from '../ladder/backup-mark.ts'
import { type BackupCensus, fileTime } from './backup-census.ts'

const bytesPerMiB = 1024 * 1024

type Shown = NonNullable<ProxmoxVMStatus['backups']>

/** Never throws. */
export async function showBackups(pass: Pass, census: BackupCensus): Promise<void> {
  const { draft } = pass
  const asked = draft.vm.metadata.annotations?.[listBackupsAnnotation]?.slice(0, 128)
  if (asked !== undefined && asked !== draft.status.backups?.listedFor && draft.status.vmid !== undefined) return await listNow(pass, asked)
  const figures = census.figuresOf({ ...draft.vm, status: draft.status })
  if (!figures || (figures.count === 0 && !draft.status.backups)) return
  const { count } = figures
  const [newest, oldest] = [fileTime(figures.newest), fileTime(figures.oldest)]
  draft.change(({ backups, ...status }) => ({ ...status, backups: withFigures(backups, { count, newest, oldest }) }))
}

interface Figures {
  readonly count: number
  readonly newest: string | undefined
  readonly oldest: string | undefined
}

function withFigures(before: Shown | undefined, { count, newest, oldest }: Figures): Shown {
  const { newest: _a, oldest: _b, ...rest } = before ?? { count }
  return { ...rest, count, ...(newest && { newest }), ...(oldest && { oldest }) }
}

async function listNow({ deps, draft, key }: Pass, asked: string): Promise<void> {
  const cluster = deps.clusters.get(draft.vm.spec.clusterRef.name)
  if (!cluster) return
  const { files, unseen, missingPrivilege } = await findFiles(cluster, draft.status, draft.vm.metadata.uid ?? '')
  const newestFirst = files.toSorted((a, b) => b.ctime - a.ctime)
  const why = missingPrivilege === undefined ? unseen.join('; ') : `the token lacks ${missingPrivilege}`
  const objects = new Map(deps.backupsOf(key).map(({ metadata, status }) => [metadata.uid, { name: metadata.name, status }]))
  draft.change(({ backups, ...status }) => {
    const { unseen: _, ...before } = withFigures(backups, {
      count: files.length,
      newest: fileTime(newestFirst[0]?.ctime),
      oldest: fileTime(newestFirst.at(-1)?.ctime),
    })
    return {
      ...status,
      backups: {
        ...before,
        ...(why !== '' && { unseen: why.slice(0, 1024) }),
        listedFor: asked,
        listedAt: nowIso(deps.clock),
        files: newestFirst.slice(0, mostBackupFiles).map((file) => {
          const object = objects.get(parseBackupMark(file.notes)?.uid)
          return {
            ...shownFile(file),
            ...(object && { backup: object.name }),
            ...(object?.status?.expiresAt && { expiresAt: object.status.expiresAt }),
          }
        }),
      },
    }
  })
}

function shownFile(file: FileSeen): BackupFile {
  const { volid, storage, node, isShared, ctime, sizeBytes, isProtected, verified, isEncrypted, notes } = file
  const text = withoutBackupMark(notes ?? '')
    .replaceAll(/\s+/g, ' ')
    .slice(0, 256)
  return {
    volume: volid,
    storage,
    ...(!isShared && { node }),
    createdAt: fileTime(ctime) ?? '',
    ...(sizeBytes !== undefined && { size: formatSize(Math.max(1, Math.ceil(sizeBytes / bytesPerMiB))) }),
    protected: isProtected,
    ...(verified !== undefined && { verified }),
    encrypted: isEncrypted,
    ...(text !== '' && { notes: text }),
  }
}
