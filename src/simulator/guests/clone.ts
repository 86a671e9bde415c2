import type { Identity } from '../access/identity.ts'
import { paramError, PveRefusal, refuse } from '../http/refusal.ts'
import { type Call, flag, int, str } from '../routes.ts'
import { splitVolid, type Volume } from '../storage/volume.ts'
import { InjectedFailure, type Worker } from '../tasks/worker.ts'
import type { World } from '../world/world.ts'
import { isCdrom, isCloudInit, isDriveKey, parseDrive, printDrive, volumeOf } from './drive.ts'
import { copyVolume, linkVolume, supportsLinkedClone } from './copy.ts'
import { checkLock, checkQuorum, findGuest, flockPath, loadGuest } from './find.ts'
import { Guest, type Section } from './guest.ts'
import { newMac, parseNet, printNet } from './net.ts'
import { checkBridges, checkMappings } from './permissions.ts'
import { formatSize } from './size.ts'

/** Waits of a clone for the source's and the new id's file lock. */
const flockMs = 1000

interface Plan {
  call: Call
  newid: number
  name: string | undefined
  description: string | undefined
  pool: string | undefined
  snapname: string | undefined
  storage: string | undefined
  format: string | undefined
  target: string | undefined
  bwlimitKiB: number
  wasRunning: boolean
}

interface Checked {
  full: boolean
  source: Section
}

/** POST clone: checked once before the answer, and again in the task under both file locks (PVE::API2::Qemu clone_vm). */
export function clone(call: Call): string {
  const { world, node, vmid, user } = call
  const target = str(call, 'target')
  const plan: Plan = {
    call,
    newid: int(call, 'newid') ?? 0,
    name: str(call, 'name'),
    description: str(call, 'description'),
    pool: str(call, 'pool'),
    snapname: str(call, 'snapname'),
    storage: str(call, 'storage'),
    format: str(call, 'format'),
    target: target === node || target === 'localhost' ? undefined : target,
    bwlimitKiB: int(call, 'bwlimit') ?? 0,
    wasRunning: findGuest(world, node, vmid).isRunning,
  }
  check(plan)
  const task = world.tasks.start({ node, type: 'qmclone', id: String(vmid), user: user.id, fault: call.fault?.task }, async (worker) => {
    const releaseSource = await worker.lock(flockPath(vmid), flockMs, plan.wasRunning ? 'exclusive' : 'shared')
    const releaseTarget = await worker.lock(flockPath(plan.newid), flockMs)
    await run(plan, worker)
    releaseTarget()
    releaseSource()
  })
  return task.upid
}

function check(plan: Plan): Checked {
  const { world, node, vmid, user } = plan.call
  if (plan.pool !== undefined && !world.access.pools.has(plan.pool))
    throw new PveRefusal(403, `Permission check failed (pool '${plan.pool}' does not exist)`)
  if (plan.target !== undefined && !world.nodes.has(plan.target)) refuse(`no such cluster node '${plan.target}'`)
  if (plan.storage !== undefined) {
    const storage = world.storage.usable(plan.storage, node)
    if (!storage.content.includes('images')) throw paramError({ storage: `storage '${plan.storage}' does not support vm images` })
    if (plan.target !== undefined) {
      world.storage.usable(plan.storage, plan.target)
      if (!storage.shared) refuse(`can't clone to non-shared storage '${plan.storage}'`)
    }
  }
  checkQuorum(world)
  const guest = loadGuest(world, node, vmid)
  checkLock(guest)
  if (guest.isRunning !== plan.wasRunning) refuse('unexpected state change')
  const snapshot = plan.snapname === undefined ? undefined : guest.snapshots.get(plan.snapname)
  if (plan.snapname !== undefined && !snapshot) refuse(`snapshot '${plan.snapname}' does not exist`)
  const full = flag(plan.call, 'full', !guest.isTemplate)
  if (plan.storage !== undefined && !full) refuse("parameter 'storage' not allowed for linked clones")
  if (plan.format !== undefined && !full) refuse("parameter 'format' not allowed for linked clones")
  const source = snapshot?.config ?? guest.config
  const isShared = checkStorages(world, user, node, source, plan.storage)
  checkMappings(plan.call, source)
  checkBridges(plan.call, source)
  if (plan.target !== undefined && !isShared) refuse(`can't clone VM to node '${plan.target}' (VM uses local storage)`)
  const taken = world.guests.get(plan.newid)
  if (taken && taken.node === node && taken.kind === 'qemu') refuse(`unable to create VM ${plan.newid}: config file already exists`)
  checkDrives(world, node, source, { full, isRunning: guest.isRunning && !snapshot, isSnapshot: snapshot !== undefined })
  return { full, source }
}

/** AllocateSpace on every disk's storage, content type, and whether all of them are shared (check_storage_access_clone). */
function checkStorages(world: World, user: Identity, node: string, source: Section, wanted: string | undefined): boolean {
  let isShared = true
  for (const [key, text] of source) {
    const drive = isDriveKey(key) ? parseDrive(key, text) : undefined
    if (!drive) continue
    const own = splitVolid(drive['file'] ?? '')?.storage
    if (isCdrom(drive, true)) {
      if (own !== undefined) {
        world.access.check(user, `/storage/${own}`, ['Datastore.AllocateSpace', 'Datastore.Audit'], true)
        if (!world.storage.usable(own, node).shared) isShared = false
      }
      continue
    }
    if (own !== undefined && !world.storage.definitions.get(own)?.shared) isShared = false
    const storage = wanted ?? own
    if (storage === undefined) continue
    world.access.check(user, `/storage/${storage}`, ['Datastore.AllocateSpace'])
    // A storage that was not asked for is taken as it is (recording 45).
    const definition = wanted === undefined ? undefined : world.storage.definitions.get(wanted)
    if (definition && !definition.content.includes('images'))
      throw paramError({ storage: `storage '${storage}' does not support vm images` })
  }
  return isShared
}

function checkDrives(world: World, node: string, source: Section, o: { full: boolean; isRunning: boolean; isSnapshot: boolean }): void {
  for (const [key, text] of source) {
    if (!isDriveKey(key)) continue
    if (o.full && o.isRunning && key === 'tpmstate0') refuse('cannot clone TPM state while VM is running')
    const drive = parseDrive(key, text)
    if (!drive) refuse(`unable to parse drive options for '${key}'`)
    if (o.full || isCdrom(drive)) continue
    const volume = world.storage.find(drive['file'] ?? '', node)
    const what = `${o.isSnapshot ? 'a snapshot of ' : ''}'${drive['file']}' (${key})`
    if (!volume || o.isSnapshot || !supportsLinkedClone(world, volume)) refuse(`Linked clone feature is not supported for ${what}`)
  }
}

async function run(plan: Plan, worker: Worker): Promise<void> {
  const { world, node, vmid } = plan.call
  await worker.sleep(world.spec.durations.cloneSilentMs)
  const { full, source } = check(plan)
  if (world.guests.has(plan.newid))
    refuse(`close (rename) atomic file '/etc/pve/nodes/${node}/qemu-server/${plan.newid}.conf' failed: File exists`)
  worker.log(`creating a clone of VM ${vmid} with ID ${plan.newid}`)
  const guest = new Guest(
    plan.newid,
    node,
    'qemu',
    new Map([
      ['description', ' qmclone temporary file'],
      ['lock', 'clone'],
    ]),
  )
  world.guests.set(plan.newid, guest)
  world.cloneFirewall(vmid, plan.newid)
  const made: Volume[] = []
  try {
    await copyDrives(plan, worker, { full, source, guest, made })
    guest.config.delete('lock')
    const pending = [...(world.guests.get(vmid)?.pending.keys() ?? [])]
    if (pending.length > 0 && plan.snapname === undefined)
      worker.log(`found pending changes for '${pending.join(',')}', discarding for clone`)
    if (plan.target !== undefined) guest.node = plan.target
    if (plan.pool !== undefined) world.access.pools.get(plan.pool)?.vms.add(plan.newid)
    world.access.changed()
  } catch (fault) {
    for (const volume of made) world.storage.remove(volume)
    world.firewall.delete(plan.newid)
    world.guests.delete(plan.newid)
    if (fault instanceof InjectedFailure) throw fault
    const text = fault instanceof Error ? fault.message.trimEnd() : String(fault)
    throw new Error(`clone failed: ${worker.isInterrupted ? 'unable to create image: interrupted by signal' : text}`)
  }
}

/** Options that go over, with a new identity: uuid, vmgenid and MACs are the clone's own. */
function copiedOptions(plan: Plan, source: Section): Section {
  const { world, vmid } = plan.call
  const out: Section = new Map()
  for (const [key, value] of source) {
    if (/^unused\d+$/.test(key) || ['parent', 'snaptime', 'vmstate', 'snapstate', 'template', 'lock'].includes(key)) continue
    if (isDriveKey(key)) continue
    if (/^net\d+$/.test(key)) out.set(key, printNet({ ...parseNet(value), macaddr: newMac(world) }))
    else if (key === 'smbios1') out.set(key, value.replace(/(^|,)uuid=[^,]*/, '').replace(/^,/, ''))
    else if (key === 'vmgenid') out.set(key, world.random.uuid())
    else out.set(key, value)
  }
  const rest = out.get('smbios1')
  out.set('smbios1', [`uuid=${world.random.uuid()}`, rest].filter(Boolean).join(','))
  out.set('name', plan.name ?? `Copy-of-VM-${source.get('name') ?? vmid}`)
  if (plan.description) out.set('description', plan.description.trimEnd())
  out.set('lock', 'clone')
  return out
}

async function copyDrives(plan: Plan, worker: Worker, o: Checked & { guest: Guest; made: Volume[] }): Promise<void> {
  const { world, node } = plan.call
  const config = copiedOptions(plan, o.source)
  const drives = [...o.source].filter(([key]) => isDriveKey(key)).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const isWork = drives.some(([key, text]) => !isCdrom(parseDrive(key, text) ?? {}))
  if (!isWork) await worker.work(world.spec.durations.cloneLinkedMs)
  let spentMs = world.spec.durations.cloneSilentMs
  for (const [key, text] of drives) {
    const drive = parseDrive(key, text) ?? {}
    if (isCdrom(drive, true)) {
      config.set(key, text)
      continue
    }
    const volume = volumeOf(drive)
    const from = volume === undefined ? undefined : world.storage.find(volume, node)
    if (volume === undefined) continue
    worker.log(`create ${o.full || isCloudInit(drive) ? 'full' : 'linked'} clone of drive ${key} (${volume})`)
    const job = {
      world,
      worker,
      node,
      newid: plan.newid,
      volid: volume,
      from,
      storage: plan.storage,
      format: plan.format,
      bwlimitKiB: plan.bwlimitKiB,
      spentMs,
      made: o.made,
    }
    if (plan.wasRunning && o.full && world.spec.quirks?.liveCloneFails !== undefined) refuse(world.spec.quirks.liveCloneFails)
    const copy = o.full || isCloudInit(drive) ? await copyVolume({ ...job, isCloudInit: isCloudInit(drive) }) : await linkVolume(job)
    if (!isCloudInit(drive)) spentMs = 0
    delete drive['format']
    config.set(key, printDrive({ ...drive, file: `${copy.storage}:${copy.name}`, size: formatSize(copy.sizeBytes) }))
    o.guest.config = new Map(config)
  }
  o.guest.config = config
}
