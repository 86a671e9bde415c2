import { int, str, type Call, type Route } from '../routes.ts'
import { backupTime } from './backup-time.ts'
import { reachable } from './content-routes.ts'
import { mayAccess } from './access.ts'
import { volidOf, type Volume } from './volume.ts'

interface Marked {
  volume: Volume
  ctime: number
  mark: 'keep' | 'remove' | 'protected'
}

/** What makes two backups fall into the same period. */
const periods: Readonly<Record<string, (time: Date) => string>> = {
  'keep-hourly': (time) => time.toISOString().slice(0, 13),
  'keep-daily': (time) => time.toISOString().slice(0, 10),
  'keep-weekly': (time) => String(Math.floor((time.getTime() / 86_400_000 + 3) / 7)),
  'keep-monthly': (time) => time.toISOString().slice(0, 7),
  'keep-yearly': (time) => time.toISOString().slice(0, 4),
}

/** Marks backups, newest first, by the rules `keep-last=2,keep-daily=7` (PVE::Storage prune_mark_backup_group). */
function mark(backups: readonly { volume: Volume; ctime: number }[], rules: Record<string, string>): Marked[] {
  const keepsAll = rules['keep-all'] === '1' || Object.keys(rules).length === 0
  const kept = new Set<Volume>()
  const open = backups.filter(({ volume }) => !volume.isProtected)
  for (const { volume } of open.slice(0, Number(rules['keep-last'] ?? 0))) kept.add(volume)
  for (const [rule, periodOf] of Object.entries(periods)) {
    const taken = new Set(open.filter(({ volume }) => kept.has(volume)).map(({ ctime }) => periodOf(new Date(ctime * 1000))))
    let left = Number(rules[rule] ?? 0)
    for (const { volume, ctime } of open) {
      const period = periodOf(new Date(ctime * 1000))
      if (left === 0 || kept.has(volume) || taken.has(period)) continue
      kept.add(volume)
      taken.add(period)
      left -= 1
    }
  }
  return backups.map(({ volume, ctime }) => ({
    volume,
    ctime,
    mark: volume.isProtected ? 'protected' : keepsAll || kept.has(volume) ? 'keep' : 'remove',
  }))
}

function marked(call: Call): Marked[] {
  const storage = reachable(call, str(call, 'storage') ?? '')
  const rules = Object.fromEntries(
    (str(call, 'prune-backups') ?? storage.properties['prune-backups'] ?? '').split(',').map((rule): [string, string] => {
      const [key = '', value = ''] = rule.split('=')
      return [key, value]
    }),
  )
  const vmid = int(call, 'vmid')
  const backups = call.world.storage
    .listed(storage.storage, call.node)
    .filter((volume) => volume.content === 'backup' && volume.vmid !== undefined && (vmid === undefined || volume.vmid === vmid))
    .filter((volume) => mayAccess(call, volume.storage, volume.name))
    .map((volume) => ({ volume, ctime: backupTime(volume.name) ?? volume.ctime }))
    .toSorted((a, b) => b.ctime - a.ctime)
  const owners = [...new Set(backups.map(({ volume }) => volume.vmid))]
  return owners.flatMap((owner) =>
    mark(
      backups.filter(({ volume }) => volume.vmid === owner),
      rules,
    ),
  )
}

function prune(call: Call): string {
  const storage = str(call, 'storage') ?? ''
  const vmid = int(call, 'vmid')
  if (vmid === undefined) call.check(`/storage/${storage}`, ['Datastore.Allocate'])
  else {
    call.check(`/storage/${storage}`, ['Datastore.AllocateSpace'])
    call.check(`/vms/${vmid}`, ['VM.Backup'])
  }
  const { world } = call
  const id = vmid === undefined ? storage : `${vmid}@${storage}`
  const what = { node: call.node, type: 'prunebackups', id, user: call.user.id, fault: call.fault?.task }
  const task = world.tasks.start(what, async (worker) => {
    await worker.work(world.spec.durations.configMs)
    for (const { volume } of marked(call).filter((one) => one.mark === 'remove')) {
      worker.log(`removing backup '${volidOf(volume)}'`)
      world.storage.remove(volume)
    }
  })
  return task.upid
}

const path = '/nodes/{node}/storage/{storage}/prunebackups'

export const storagePruneRoutes: readonly Route[] = [
  {
    method: 'GET',
    path,
    handler: (call) =>
      marked(call).map(({ volume, ctime, mark: verdict }) => ({
        volid: volidOf(volume),
        ctime,
        mark: verdict,
        type: 'qemu',
        vmid: volume.vmid,
      })),
  },
  { method: 'DELETE', path, handler: prune },
]
