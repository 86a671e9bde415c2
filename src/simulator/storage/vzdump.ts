/** POST /nodes/{node}/vzdump: backups made at once (PVE::API2::VZDump). */
import { archiveOf } from '../backup/archive.ts'
import { includedIn } from '../backup/jobs.ts'
import { checkBackupOptions, verifyBackup } from '../backup/verify.ts'
import { checkLock, flockPath, loadGuest } from '../guests/find.ts'
import { paramError, refuse } from '../http/refusal.ts'
import { type Call, flag, int, str } from '../routes.ts'
import { InjectedFailure, type Worker } from '../tasks/worker.ts'
import type { World } from '../world/world.ts'
import { volumePath } from './path.ts'
import { maxProtected, protectedLimit } from './protected.ts'
import type { Storage } from './table.ts'

/** A backup file on the storage, `lock: backup` meanwhile. Where none of the guests is on this node, PVE says `OK` and starts nothing. */
export function vzdump(call: Call): string {
  const { world, node, user } = call
  if (flag(call, 'stdout')) throw paramError({ stdout: 'option is only allowed on the command line interface.' })
  const storage = str(call, 'storage') ?? 'local'
  checkBackupOptions(call, call.params)
  if (call.params['prune-backups'] !== undefined) call.check(`/storage/${storage}`, ['Datastore.Allocate'])
  const options = verifyBackup({ ...call.params }, true)
  const vmids = localGuests(call, options)
  if (flag(call, 'stop')) call.check(`/nodes/${node}`, ['Sys.Modify'])
  if (vmids.length === 0 && (flag(call, 'stop') || options['all'] !== 1)) return 'OK'
  call.check(`/storage/${storage}`, ['Datastore.AllocateSpace'])
  const id = vmids.length === 1 ? String(vmids[0]) : ''
  return world.tasks.start({ node, type: 'vzdump', id, user: user.id, fault: call.fault?.task }, async (worker) => {
    if (world.spec.quirks?.backupFails !== undefined) refuse(world.spec.quirks.backupFails)
    const found = targetOf(call, storage)
    // One job at a time on a node, whoever asked for it (PVE::VZDump getlock).
    const release = await worker.lock(`${node}:/var/run/vzdump.lock`, (int(call, 'lockwait') ?? 180) * 60_000)
    worker.log(`INFO: starting new backup job: ${commandLine(call)}`)
    for (const vmid of vmids) if (world.guests.has(vmid)) call.check(`/vms/${vmid}`, ['VM.Backup'])
    let failed = 0
    for (const vmid of vmids) if (!(await backedUp(call, worker, vmid, found))) failed += 1
    worker.log(`INFO: Backup job finished ${failed > 0 ? 'with errors' : 'successfully'}`)
    release()
    if (failed > 0) refuse('job errors')
  }).upid
}

/** What the task looks at before it waits for its turn (PVE::VZDump new, storage_info). */
function targetOf(call: Call, storage: string): Storage {
  try {
    const found = call.world.storage.usable(storage, call.node)
    if (!found.online) refuse(`storage '${storage}' is not online`)
    if (found.content.includes('backup')) return found
  } catch (fault) {
    return refuse(`could not activate storage '${storage}': ${(fault as Error).message}`)
  }
  return refuse(`could not get storage information for '${storage}': can't use storage '${storage}' for backups - wrong content type`)
}

/** Why a guest was not backed up stands in the log alone: the task ends with `job errors` (PVE::VZDump exec_backup). */
async function backedUp(call: Call, worker: Worker, vmid: number, storage: Storage): Promise<boolean> {
  try {
    await backUp(call, worker, vmid, storage)
    return true
  } catch (fault) {
    if (fault instanceof InjectedFailure || worker.isInterrupted) throw fault
    worker.log(`ERROR: Backup of VM ${vmid} failed - ${(fault as Error).message.trimEnd()}`)
    return false
  }
}

/** Without `remove` the retention of the storage is a limit; and so many files may be protected (PVE::VZDump exec_backup_task). */
function checkLimits(call: Call, vmid: number, storage: Storage): void {
  const { world, node } = call
  const files = world.storage.listed(storage.storage, node).filter((file) => file.content === 'backup' && file.vmid === vmid)
  const most = maxProtected(call, storage)
  if (flag(call, 'protected')) {
    if (most > -1 && files.filter(({ isProtected }) => isProtected).length >= most) refuse(protectedLimit(most, storage.storage))
    return
  }
  const rules = [...(str(call, 'prune-backups') ?? storage.properties['prune-backups'] ?? '').matchAll(/keep-(\w+)=(\d+)/g)]
  const limit = rules.some(([, rule]) => rule === 'all') ? 0 : rules.reduce((sum, [, , count]) => sum + Number(count), 0)
  if (limit > 0 && call.params['remove'] === 0 && files.filter(({ isProtected }) => !isProtected).length >= limit)
    refuse(
      `There is a max backup limit of ${limit} enforced by the target storage or the vzdump parameters. Either increase the limit or delete old backups.`,
    )
}

/** Of the guests the call names those on this node, and those that are nowhere: they fail visibly. */
function localGuests(call: Call, options: Readonly<Record<string, unknown>>): number[] {
  const { guests, access } = call.world
  const named = includedIn(options, { vmids: guests.keys(), poolOf: (pool) => access.pools.get(pool)?.vms ?? [] })
  return named.filter((vmid) => guests.get(vmid)?.node === call.node || !guests.has(vmid))
}

async function backUp(call: Call, worker: Worker, vmid: number, storage: Storage): Promise<void> {
  const { world, node } = call
  if (!world.guests.has(vmid)) refuse(`unable to find VM '${vmid}'`)
  if (str(call, 'mode') === 'stop' && world.ha.wanted(`vm:${vmid}`) === 'started')
    refuse('Cannot execute a backup with stop mode on a HA managed and enabled Service. Use snapshot mode or disable the Service.')
  checkLimits(call, vmid, storage)
  const release = await worker.lock(flockPath(vmid), 10_000)
  const guest = loadGuest(world, node, vmid)
  checkLock(guest)
  guest.config.set('lock', 'backup')
  release()
  const { name, format } = archiveName(world, storage, vmid)
  worker.log(`INFO: Starting Backup of VM ${vmid} (qemu)`)
  worker.log(
    storage.type === 'pbs'
      ? `INFO: creating Proxmox Backup Server archive '${name.replace('backup/', '')}'`
      : `INFO: creating vzdump archive '${volumePath(storage, name, 'backup')}'`,
  )
  try {
    await worker.work(world.spec.durations.backupMs)
  } finally {
    guest.config.delete('lock')
  }
  world.storage.add({
    storage: storage.storage,
    node: storage.shared ? undefined : node,
    name,
    format,
    sizeBytes: 1024 ** 3,
    usedBytes: 1024 ** 3,
    content: 'backup',
    vmid,
    archive: archiveOf(world, guest),
    ...notes(call, vmid, guest.config.get('name')),
    ...(flag(call, 'protected') ? { isProtected: true } : {}),
  })
  worker.log(`INFO: Finished Backup of VM ${vmid}`)
}

/** The name has the time at which the backup began. */
function archiveName(world: World, { type }: Storage, vmid: number): { name: string; format: string } {
  const iso = new Date(world.clock.now()).toISOString().slice(0, 19)
  if (type === 'pbs') return { name: `backup/vm/${vmid}/${iso}Z`, format: 'pbs-vm' }
  const date = iso.replaceAll('-', '_').replace('T', '-').replaceAll(':', '_')
  return { name: `backup/vzdump-qemu-${vmid}-${date}.vma.zst`, format: 'vma.zst' }
}

/** The command line as the log of the job shows it (PVE::VZDump::Common command_line). */
function commandLine(call: Call): string {
  const { params, node } = call
  const { vmid: _, ...options } = params
  const quoted = (text: string) => (/^[\w.,:/@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)
  const named = Object.entries(options).map(([key, value]) => ` --${key} ${quoted(String(value))}`)
  return `vzdump ${str(call, 'vmid') ?? ''}${named.join('')} --node ${node}`
}

/** `{{guestname}}` and its like in a notes-template. */
function notes(call: Call, vmid: number, name = `VM ${vmid}`): { notes?: string } {
  const template = str(call, 'notes-template')
  if (template === undefined) return {}
  const values: Readonly<Record<string, string>> = {
    guestname: name,
    node: call.node,
    vmid: String(vmid),
    cluster: call.world.spec.clusterName ?? 'standalone node',
  }
  return { notes: template.replaceAll('\\n', '\n').replaceAll(/\{\{(\w+)\}\}/g, (all, key: string) => values[key] ?? all) }
}
