import { refuse } from '../http/refusal.ts'
import { type Call, flag, str } from '../routes.ts'
import { splitVolid } from '../storage/volume.ts'
import type { Worker } from '../tasks/worker.ts'
import type { World } from '../world/world.ts'
import { isCdrom, isDriveKey, parseDrive, volumeOf } from './drive.ts'
import { checkLock, flockPath, loadGuest } from './find.ts'
import { digestOf, type Guest, type Section, type Snapshot } from './guest.ts'
import { configView } from './view.ts'
import { start } from './power.ts'
import { launch, stopGuest } from './start.ts'
import { addUnused } from './write.ts'

const flockMs = 10_000

/** GET snapshot: the order is a hash's; `current` is not a snapshot. */
export function listSnapshots(call: Call): Record<string, unknown>[] {
  const guest = loadGuest(call.world, call.node, call.vmid)
  const rows: Record<string, unknown>[] = [...guest.snapshots].map(([name, s]) => {
    const row: Record<string, unknown> = {
      name,
      snaptime: s.snaptime,
      vmstate: s.vmstate === undefined ? 0 : 1,
      description: s.description,
    }
    if (s.parent !== undefined) row['parent'] = s.parent
    if (s.snapstate !== undefined) row['snapstate'] = s.snapstate
    return row
  })
  const current: Record<string, unknown> = {
    name: 'current',
    description: 'You are here!',
    digest: digestOf(guest),
    running: guest.isRunning ? 1 : 0,
  }
  const parent = guest.config.get('parent')
  if (parent !== undefined) current['parent'] = parent
  return call.world.random.shuffled([...rows, current])
}

/** A step of a snapshot operation under the file lock; between the steps only the config's `lock` keeps others out. */
type Locked = (step: (guest: Guest) => void) => Promise<Guest>

function begin(call: Call, type: string, body: (worker: Worker, locked: Locked) => Promise<void>): string {
  const { world, node, vmid, user } = call
  const task = world.tasks.start({ node, type, id: String(vmid), user: user.id, fault: call.fault?.task }, (worker) =>
    body(worker, async (step) => {
      const release = await worker.lock(flockPath(vmid), flockMs)
      try {
        const guest = loadGuest(world, node, vmid)
        step(guest)
        return guest
      } finally {
        release()
      }
    }),
  )
  return task.upid
}

/** Disks of a section that a snapshot covers. */
function disksOf(config: Section): [string, string][] {
  const out: [string, string][] = []
  for (const [key, text] of config) {
    const drive = isDriveKey(key) ? parseDrive(key, text) : undefined
    const volid = drive && !isCdrom(drive) ? volumeOf(drive) : undefined
    if (volid !== undefined) out.push([key, volid])
  }
  return out
}

function canSnapshot(world: World, guest: Guest): boolean {
  return disksOf(guest.config).every(([, volid]) => {
    const volume = world.storage.find(volid, guest.node)
    const type = world.storage.definitions.get(splitVolid(volid)?.storage ?? '')?.type
    if (!volume || type === 'lvm') return false
    return !world.storage.isFileBased(volume.storage) || volume.format === 'qcow2'
  })
}

/** POST snapshot. */
export function createSnapshot(call: Call): string {
  const name = str(call, 'snapname') ?? ''
  loadGuest(call.world, call.node, call.vmid)
  if (name === 'current' || name === 'pending') refuse(`unable to use snapshot name '${name}' (reserved name)`)
  const { world } = call
  return begin(call, 'qmsnapshot', async (worker, locked) => {
    const guest = await locked((g) => {
      checkLock(g)
      if (g.isTemplate) refuse("you can't take a snapshot if it's a template")
      if (g.snapshots.has(name)) refuse(`snapshot name '${name}' already used`)
      if (!canSnapshot(world, g)) refuse('snapshot feature is not available')
      g.config.set('lock', 'snapshot')
      g.snapshots.set(name, newSnapshot(call, g, name))
    })
    for (const [key, volid] of disksOf(guest.config)) worker.log(`snapshotting 'drive-${key}' (${volid})`)
    try {
      await worker.work(world.spec.durations.snapshotMs)
    } catch (fault) {
      guest.snapshots.delete(name)
      guest.config.delete('lock')
      throw fault
    }
    await locked((g) => {
      delete g.snapshots.get(name)?.snapstate
      g.config.set('parent', name)
      g.config.delete('lock')
    })
  })
}

function newSnapshot(call: Call, guest: Guest, name: string): Snapshot {
  const config = new Map([...guest.config].filter(([key]) => !key.startsWith('unused') && !['lock', 'parent', 'description'].includes(key)))
  const snapshot: Snapshot = {
    config,
    snaptime: call.world.clock.seconds(),
    description: str(call, 'description')?.trimEnd() ?? '',
    snapstate: 'prepare',
  }
  const parent = guest.config.get('parent')
  if (parent !== undefined) snapshot.parent = parent
  if (flag(call, 'vmstate') && guest.process) {
    snapshot.vmstate = `state of ${name}`
    snapshot.inside = guest.process.inside
  }
  return snapshot
}

/** DELETE snapshot/{name}: nothing is checked before the task. */
export function deleteSnapshot(call: Call): string {
  const name = str(call, 'snapname') ?? ''
  const { world } = call
  return begin(call, 'qmdelsnapshot', async (worker, locked) => {
    await locked((guest) => {
      const snapshot = guest.snapshots.get(name)
      if (!snapshot) refuse(`snapshot '${name}' does not exist`)
      checkLock(guest)
      guest.config.set('lock', 'snapshot-delete')
      snapshot.snapstate = 'delete'
    })
    await worker.work(world.spec.durations.snapshotMs)
    const broken = breakage(world, world.guests.get(call.vmid), name)
    // The lock stays, and the snapshot in state `delete` (PVE::AbstractConfig snapshot_delete).
    if (broken !== undefined && !flag(call, 'force')) refuse(broken)
    if (broken !== undefined) worker.log(broken)
    await locked((guest) => dropSnapshot(world, guest, name))
  })
}

/** What the storage says when the snapshot of a volume is damaged; undefined when it is whole. */
function breakage(world: World, guest: Guest | undefined, name: string): string | undefined {
  const snapshot = guest?.snapshots.get(name)
  const [, volid = ''] = disksOf(snapshot?.config ?? new Map())[0] ?? []
  const parts = splitVolid(volid)
  if (!snapshot?.isBroken || !parts) return undefined
  const type = world.storage.definitions.get(parts.storage)?.type
  if (type === 'rbd') return `rbd snapshot '${name}' error: rbd: failed to remove snapshot: (2) No such file or directory`
  if (type === 'lvmthin')
    return `lvremove snapshot 'pve/snap_${parts.name}_${name}' error:   Failed to find logical volume "pve/snap_${parts.name}_${name}"`
  if (type === 'zfspool') return `zfs error: could not find any snapshots to destroy; check snapshot names.`
  return `command '/usr/bin/qemu-img snapshot -d ${name} ${parts.name}' failed: exit code 1`
}

/** The children get the parent, the config loses its lock. */
function dropSnapshot(world: World, guest: Guest, name: string): void {
  const snapshot = guest.snapshots.get(name)
  if (!snapshot) return
  for (const other of guest.snapshots.values()) if (other.parent === name) reparent(other, snapshot.parent)
  if (guest.config.get('parent') === name) {
    if (snapshot.parent === undefined) guest.config.delete('parent')
    else guest.config.set('parent', snapshot.parent)
  }
  guest.snapshots.delete(name)
  guest.config.delete('lock')
  keepOrphans(world, guest, snapshot)
}

function reparent(snapshot: Snapshot, parent: string | undefined): void {
  if (parent === undefined) delete snapshot.parent
  else snapshot.parent = parent
}

/** Disks that only the deleted snapshot named become unused. */
function keepOrphans(world: World, guest: Guest, snapshot: Snapshot): void {
  const sections = [guest.config, ...[...guest.snapshots.values()].map((s) => s.config)]
  const named = new Set(sections.flatMap((s) => disksOf(s).map(([, volid]) => volid)))
  for (const [, volid] of disksOf(snapshot.config)) if (!named.has(volid) && world.storage.find(volid, guest.node)) addUnused(guest, volid)
}

/** POST snapshot/{name}/rollback: the guest is stopped; `start` begins a task of its own afterwards. */
export function rollback(call: Call): string {
  const name = str(call, 'snapname') ?? ''
  const { world } = call
  return begin(call, 'qmrollback', async (worker, locked) => {
    await locked((guest) => {
      const snapshot = guest.snapshots.get(name)
      if (!snapshot) refuse(`snapshot '${name}' does not exist`)
      if (guest.isTemplate) refuse("you can't rollback if vm is a template")
      checkIsNewest(world, guest, name, snapshot)
      checkLock(guest)
      if (snapshot.snapstate !== undefined) refuse(`unable to rollback to incomplete snapshot (snapstate = ${snapshot.snapstate})`)
      if (guest.isRunning) stopGuest(world, guest)
      guest.config.set('lock', 'rollback')
    })
    await worker.work(world.spec.durations.snapshotMs)
    await locked((guest) => restore(world, guest, name))
    if (flag(call, 'start') && !world.guests.get(call.vmid)?.isRunning) start({ ...call, params: {}, fault: undefined })
  })
}

/** ZFS goes back to the last snapshot of a disk only (PVE::Storage::ZFSPoolPlugin volume_rollback_is_possible). */
function checkIsNewest(world: World, guest: Guest, name: string, snapshot: Snapshot): void {
  const others = [...guest.snapshots].filter(([other]) => other !== name)
  for (const [, volid] of disksOf(snapshot.config)) {
    if (world.storage.definitions.get(splitVolid(volid)?.storage ?? '')?.type !== 'zfspool') continue
    const isInNewer = others.some(
      ([, { snaptime, config }]) => snaptime >= snapshot.snaptime && disksOf(config).some(([, v]) => v === volid),
    )
    if (isInNewer) refuse(`can't rollback, '${name}' is not most recent snapshot on '${volid}'`)
  }
}

function restore(world: World, guest: Guest, name: string): void {
  const snapshot = guest.snapshots.get(name)
  if (!snapshot) return
  const before = disksOf(guest.config)
  // PVE keeps what is said of the guest, and its unused disks (PVE::AbstractConfig, __snapshot_apply_config).
  const kept = [...guest.config].filter(([key]) => key.startsWith('unused') || key === 'description')
  guest.config = new Map([...snapshot.config, ...kept])
  guest.config.set('parent', name)
  guest.pending.clear()
  guest.deletions.clear()
  const now = new Set(disksOf(guest.config).map(([, volid]) => volid))
  for (const [, volid] of before) if (!now.has(volid)) addUnused(guest, volid)
  if (guest.config.has('vmgenid')) guest.config.set('vmgenid', world.random.uuid())
  // Saved memory is resumed at once, without a new cloud-init drive (PVE::QemuConfig __snapshot_rollback_vm_start).
  if (snapshot.inside) launch(world, guest, snapshot.inside)
}

/** GET snapshot/{name}/config. */
export function snapshotConfig(call: Call): Record<string, unknown> {
  const guest = loadGuest(call.world, call.node, call.vmid)
  const { digest: _digest, ...view } = configView(guest, { current: false, snapshot: str(call, 'snapname') })
  return view
}

/** PUT snapshot/{name}/config: only the description. */
export function putSnapshotConfig(call: Call): null {
  const guest = loadGuest(call.world, call.node, call.vmid)
  checkLock(guest)
  const name = str(call, 'snapname') ?? ''
  const snapshot = guest.snapshots.get(name)
  if (!snapshot) refuse(`snapshot '${name}' does not exist`)
  snapshot.description = str(call, 'description')?.trimEnd() ?? snapshot.description
  return null
}
