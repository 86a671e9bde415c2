/** /cluster/backup and /cluster/backup-info: backup jobs; nothing runs by itself (PVE::API2::Backup, PVE::API2::BackupInfo). */
import { paramError, PveRefusal, refuse } from '../http/refusal.ts'
import { str, type Call, type Route } from '../routes.ts'
import { splitList } from '../schema/named.ts'
import { type BackupJob, includedIn } from './jobs.ts'
import { nextRun } from './next-run.ts'
import { checkBackupOptions, verifyBackup } from './verify.ts'

type Row = Record<string, unknown>

const lists = new Set(['prune-backups', 'fleecing', 'performance'])
const booleans = new Set(['all', 'enabled', 'protected', 'quiet', 'remove', 'repeat-missed', 'stdexcludes', 'stop'])

/** As read from the file: booleans are numbers, everything else text; property strings are objects. */
function shown(id: string, job: BackupJob): Row {
  const values = Object.entries(job).map(([key, value]): [string, unknown] => {
    if (booleans.has(key)) return [key, Number(value)]
    if (lists.has(key))
      return [
        key,
        Object.fromEntries(
          String(value)
            .split(',')
            .map((part) => part.split('=', 2)),
        ),
      ]
    return [key, String(value)]
  })
  return { ...Object.fromEntries(values), id, type: 'vzdump' }
}

/** What is thrown under the lock on jobs.cfg comes out as plain text: a 500 even for a wrong parameter. */
function locked<T>(work: () => T): T {
  try {
    return work()
  } catch (fault) {
    if (!(fault instanceof PveRefusal) || fault.errors === undefined) throw fault
    const lines = Object.entries(fault.errors).map(([key, text]) => `${key}: ${text}`)
    return refuse(`${fault.status} ${fault.message}\n${lines.join('\n')}`)
  }
}

/** The call's options; `starttime` and `dow` of old clients become a schedule. */
function optionsOf(call: Call, isNew: boolean): BackupJob {
  const { id: _id, delete: _delete, starttime, dow, ...given } = call.params
  if (given['schedule'] !== undefined && starttime !== undefined)
    throw paramError({ starttime: "'starttime' and 'schedule' cannot both be set" })
  if (given['schedule'] === undefined && starttime === undefined && isNew)
    throw paramError({ schedule: "neither 'starttime' nor 'schedule' were set" })
  const values = Object.entries(given).map(([key, value]): [string, string | number] => [
    key,
    Array.isArray(value) ? value.join(' ') : typeof value === 'number' ? value : String(value),
  ])
  const options = Object.fromEntries(values)
  if (typeof starttime !== 'string') return options
  const days = splitList(typeof dow === 'string' ? dow : '').join(',')
  return { ...options, schedule: days === '' || days === 'mon,tue,wed,thu,fri,sat,sun' ? starttime : `${days} ${starttime}` }
}

function checkPool(call: Call): void {
  const pool = str(call, 'pool')
  if (pool === undefined) return
  if (!call.world.access.pools.has(pool)) throw new PveRefusal(403, `Permission check failed (pool '${pool}' does not exist)`)
  call.check(`/pool/${pool}`, ['VM.Backup'])
}

function createJob(call: Call): null {
  const { backupJobs, random } = call.world
  checkBackupOptions(call, call.params)
  if (!call.user.isRoot && call.params['dumpdir'] === undefined)
    call.check(`/storage/${str(call, 'storage') ?? 'local'}`, ['Datastore.Allocate'])
  checkPool(call)
  const options = optionsOf(call, true)
  const id = str(call, 'id') ?? random.uuid()
  locked(() => {
    if (backupJobs.has(id)) refuse(`Job '${id}' already exists`)
    backupJobs.set(id, verifyBackup({ enabled: 1, ...options }, true))
  })
  return null
}

function updateJob(call: Call): null {
  const { backupJobs } = call.world
  const id = str(call, 'id') ?? ''
  const deleted = splitList(str(call, 'delete') ?? '')
  checkBackupOptions(call, { ...call.params, ...Object.fromEntries(deleted.map((key) => [key, ''])) })
  checkPool(call)
  const options = optionsOf(call, false)
  for (const key of ['node', 'vmid', 'exclude']) if (options[key] === '') delete options[key]
  locked(() => {
    if (Object.keys(options).length === 0 && deleted.length === 0) refuse('no options specified')
    const job = { ...(backupJobs.get(id) ?? refuse('no such vzdump job')) }
    if (!call.user.isRoot) call.check(`/storage/${String(options['storage'] ?? job['storage'] ?? 'local')}`, ['Datastore.Allocate'])
    for (const key of deleted) delete job[key]
    Object.assign(job, verifyBackup(options, false))
    if (job['exclude'] !== undefined && job['pool'] === undefined) job['all'] = 1
    const gone =
      options['vmid'] !== undefined
        ? ['all', 'exclude', 'pool']
        : options['all']
          ? ['vmid', 'pool']
          : job['pool']
            ? ['vmid', 'all', 'exclude']
            : []
    for (const key of gone) delete job[key]
    backupJobs.set(id, verifyBackup(job, true))
  })
  return null
}

function deleteJob(call: Call): null {
  const id = str(call, 'id') ?? ''
  locked(() => {
    if (!call.world.backupJobs.delete(id)) throw paramError({ id: `No such job '${id}'` })
  })
  return null
}

function readJob(call: Call): Row {
  const id = str(call, 'id') ?? ''
  const job = call.world.backupJobs.get(id)
  if (job === undefined) throw paramError({ id: `No such job '${id}'` })
  return shown(id, job)
}

function listJobs({ world }: Call): Row[] {
  return [...world.backupJobs].map(([id, job]) => {
    const next = job['schedule'] === undefined ? undefined : nextRun(String(job['schedule']), world.clock.seconds())
    return { ...shown(id, job), ...(next === undefined ? {} : { 'next-run': next }) }
  })
}

/** Guests no job takes; only those the caller may see. */
function notBackedUp({ world, user }: Call): Row[] {
  const known = { vmids: world.guests.keys(), poolOf: (name: string) => world.access.pools.get(name)?.vms ?? [] }
  const covered = new Set([...world.backupJobs.values()].flatMap((job) => includedIn(job, { ...known, vmids: world.guests.keys() })))
  return [...world.guests.values()]
    .filter(({ vmid }) => !covered.has(vmid) && world.access.has(user, `/vms/${vmid}`, 'VM.Audit'))
    .map((guest) => ({ vmid: guest.vmid, type: guest.kind, name: guest.config.get('name') ?? `VM ${guest.vmid}` }))
}

export const backupRoutes: readonly Route[] = [
  { method: 'GET', path: '/cluster/backup', handler: listJobs },
  { method: 'POST', path: '/cluster/backup', handler: createJob },
  { method: 'GET', path: '/cluster/backup/{id}', handler: readJob },
  { method: 'PUT', path: '/cluster/backup/{id}', handler: updateJob },
  { method: 'DELETE', path: '/cluster/backup/{id}', handler: deleteJob },
  { method: 'GET', path: '/cluster/backup-info', handler: () => [{ subdir: 'not-backed-up' }] },
  { method: 'GET', path: '/cluster/backup-info/not-backed-up', handler: notBackedUp },
]
