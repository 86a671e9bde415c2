import { paramError, refuse } from '../http/refusal.ts'
import { type Call, flag, int, str } from '../routes.ts'
import type { World } from '../world/world.ts'
import { checkStorageAccess, createDisks } from './disks.ts'
import { isCdrom, isDriveKey, parseDrive, volumeOf } from './drive.ts'
import { checkDigest, checkLock, checkProtection, flockPath, loadGuest } from './find.ts'
import type { Guest } from './guest.ts'
import { hotplugPending } from './hotplug.ts'
import { memoryMiB } from './usage.ts'
import { checkHookscript, listOf, normalise, onlyRoot, optionExists, settingsOf, storedPassword } from './options.ts'
import { applyPending, cleanupPending, freeVolume } from './pending.ts'
import { checkBridges, checkDeviceValue, checkDrivePermissions, checkOptionPermissions } from './permissions.ts'
import { storedValue } from './stored.ts'
import { checkTags, uniqueTags } from './tags.ts'
import { registerUnused, tidy } from './write.ts'

const flockMs = 10_000

interface Change {
  settings: Record<string, string>
  deletions: string[]
  reverts: string[]
  force: boolean
  digest: string | undefined
}

/** PUT config: everything inside the request. */
export async function putConfig(call: Call): Promise<null> {
  const change = readChange(call)
  precheck(call, change)
  const release = await call.world.flocks.take(flockPath(call.vmid), flockMs)
  try {
    const guest = precheck(call, change)
    await perform(call, guest, change, () => {})
    await call.world.clock.sleep(call.world.spec.durations.configMs)
    return null
  } finally {
    release()
  }
}

/** POST config: checked at once, done in a task; `background_delay` waits for its end. */
export async function postConfig(call: Call): Promise<string | null> {
  const change = readChange(call)
  precheck(call, change)
  const { world, vmid, node, user } = call
  const task = world.tasks.start({ node, type: 'qmconfig', id: String(vmid), user: user.id, fault: call.fault?.task }, async (worker) => {
    const release = await worker.lock(flockPath(vmid), flockMs)
    const guest = precheck(call, change)
    worker.log(
      `update VM ${vmid}: ${[...Object.entries(change.settings).map(([k, v]) => `-${k} ${v}`), ...change.deletions.map((k) => `-delete ${k}`)].join(' ')}`,
    )
    await worker.work(world.spec.durations.configMs)
    await perform(call, guest, change, (line) => worker.log(line))
    release()
  })
  const delay = int(call, 'background_delay')
  if (delay === undefined) return task.upid
  await Promise.race([task.done, world.clock.sleep(delay * 1000)])
  if (task.exitstatus === undefined) return task.upid
  if (task.exitstatus === 'OK' || task.exitstatus.startsWith('WARNINGS')) return null
  return refuse(`failed to update VM ${vmid}: ${task.exitstatus}`)
}

/** PUT unlink: a deletion by another name. */
export async function putUnlink(call: Call): Promise<null> {
  const params = { ...call.params, delete: str(call, 'idlist') ?? '' }
  return putConfig({ ...call, params })
}

function readChange(call: Call): Change {
  onlyRoot(call, 'skiplock')
  for (const [key, value] of Object.entries(call.rawParams))
    if (value === null && optionExists(key)) refuse(`unable to parse value of '${key}' - got undefined value`)
  const given = settingsOf(call)
  const deletions = listOf(call, 'delete').map((key) => (key === 'cdrom' ? 'ide2' : key))
  const reverts = listOf(call, 'revert')
  if (Object.keys(given).length === 0 && deletions.length === 0 && reverts.length === 0) refuse('no options specified')
  for (const key of reverts) {
    if (!optionExists(key)) throw paramError({ revert: `unknown option '${key}'` })
    if (given[key] !== undefined) throw paramError({ delete: `you can't use '-${key}' and -revert ${key}' at the same time` })
  }
  for (const key of deletions) {
    if (given[key] !== undefined) throw paramError({ delete: `you can't use '-${key}' and -delete ${key}' at the same time` })
    if (reverts.includes(key)) throw paramError({ revert: `you can't use '-${key}' and -revert ${key}' at the same time` })
    if (!optionExists(key)) throw paramError({ delete: `unknown option '${key}'` })
  }
  const settings = normalise(call.world, given)
  if (given['hookscript'] !== undefined) checkHookscript(call.world, given['hookscript'])
  checkOptionPermissions(call, call.vmid, deletions)
  checkOptionPermissions(call, call.vmid, Object.keys(settings))
  checkBridges(call, Object.entries(settings))
  checkStorageAccess({ world: call.world, user: call.user, node: call.node, vmid: call.vmid }, settings)
  return { settings, deletions, reverts, force: flag(call, 'force'), digest: str(call, 'digest') }
}

/** What both modes look at before anything is written. */
function precheck(call: Call, change: Change): Guest {
  const guest = loadGuest(call.world, call.node, call.vmid)
  if (!call.world.quorate)
    refuse(`unable to open file '/etc/pve/nodes/${call.node}/qemu-server/${call.vmid}.conf.tmp.1' - Permission denied`)
  checkDigest(guest, change.digest)
  const dropsState = change.deletions.includes('vmstate') && guest.lock === 'suspended'
  if (!dropsState) checkLock(guest)
  const { memory, balloon } = change.settings
  if (memory !== undefined || balloon !== undefined) {
    const merged = new Map([...guest.config, ...guest.pending, ...Object.entries(change.settings)])
    if (Number(merged.get('balloon') ?? 0) > memoryMiB(merged)) refuse('balloon value too large (must be smaller than assigned memory)')
  }
  return guest
}

async function perform(call: Call, guest: Guest, change: Change, log: (line: string) => void): Promise<void> {
  const { world } = call
  const settings = { ...change.settings }
  const deletions = [...change.deletions]
  for (const key of change.reverts) {
    const now = guest.config.get(key)
    if (now !== undefined) settings[key] = now
    else if (guest.pending.has(key)) deletions.push(key)
    guest.deletions.delete(key)
  }
  let bootOrder = orderOf(guest.config.get('boot'))
  const setOrder = (order: string[]) => {
    bootOrder = order
    guest.pending.set('boot', order.length > 0 ? `order=${order.join(';')}` : ' ')
  }
  for (const key of deletions) {
    if (bootOrder.includes(key) && !deletions.includes('boot')) setOrder(bootOrder.filter((k) => k !== key))
    deleteOption(call, guest, key, change.force, log)
  }
  for (const [key, value] of Object.entries(settings)) {
    if (guest.pending.get(key) === value) continue
    if (isDriveKey(key)) await setDrive(call, guest, key, value, log)
    else if (key === 'cipassword') guest.config.set(key, storedValue(key, storedPassword(world, guest.config, value)))
    else setOption(call, guest, key, value, { settings, deletions })
    if (isDriveKey(key) && bootOrder.length > 0) {
      const drive = parseDrive(key, value)
      if (drive && isCdrom(drive, true) && !bootOrder.includes(key)) setOrder([...bootOrder, key])
    }
    guest.deletions.delete(key)
    tidy(guest)
  }
  cleanupPending(guest)
  tidy(guest)
  if (guest.pending.size === 0 && guest.deletions.size === 0) return
  pinMachine(guest)
  const errors = guest.isRunning
    ? hotplugPending(world, guest, { actor: call.user, touched: new Set([...deletions, ...Object.keys(settings), 'boot']) })
    : applyPending(world, guest, call.user)
  for (const text of Object.values(errors)) await world.clock.sleep(busyMs(text))
  if (Object.keys(errors).length > 0) throw paramError(errors)
}

/** PVE looks once a second whether the guest has let go of a device: for 5 s, for a SCSI controller for 15 s. */
function busyMs(text: string): number {
  if (!text.includes('still busy in guest?')) return 0
  return /'(?:virtioscsi|scsihw)\d+'/.test(text) ? 16_000 : 6000
}

/** A Windows guest keeps the machine version it was set up with (PVE::QemuServer::Machine, recording 14). */
function pinMachine(guest: Guest): void {
  const wanted = (key: string) => guest.pending.get(key) ?? guest.config.get(key)
  const machine = wanted('machine')
  if (!wanted('ostype')?.startsWith('w') || (machine !== undefined && machine !== 'q35' && machine !== 'pc')) return
  guest.pending.set('machine', machine === 'q35' ? 'pc-q35-10.0+pve1' : 'pc-i440fx-10.0+pve1')
}

export function orderOf(boot: string | undefined): string[] {
  return (
    /order=([^,]*)/
      .exec(boot ?? '')?.[1]
      ?.split(/[;\s]+/)
      .filter(Boolean) ?? []
  )
}

function deleteOption(call: Call, guest: Guest, key: string, force: boolean, log: (line: string) => void): void {
  const { world } = call
  const pending = guest.pending.get(key)
  const value = guest.config.get(key) ?? pending
  guest.pending.delete(key)
  if (value === undefined) {
    log(`cannot delete '${key}' - not set in current configuration!`)
    return
  }
  if (key.startsWith('unused')) {
    checkProtection(guest, `can't remove unused disk '${value}'`)
    call.check(`/vms/${guest.vmid}`, ['VM.Config.Disk'])
    freeVolume(world, guest, key, value, call.user)
    guest.config.delete(key)
    return
  }
  if (key === 'vmstate') {
    dropState(world, guest)
    return
  }
  if (key === 'tags') {
    checkTags(call, guest.vmid, value, '')
    guest.config.delete(key)
    return
  }
  if (isDriveKey(key)) {
    checkProtection(guest, `can't remove drive '${key}'`)
    checkDrivePermissions(call, guest.vmid, key, value)
    if (pending !== undefined) registerUnused(world, guest, key, pending)
  } else {
    checkDeviceValue(call, guest.vmid, key, value, 'delete')
    checkBridges(call, [[key, value]])
  }
  if (guest.config.has(key)) guest.deletions.set(key, force)
}

/** Throws away a suspended guest's saved memory. */
function dropState(world: World, guest: Guest): void {
  const volume = world.storage.find(guest.config.get('vmstate') ?? '', guest.node)
  if (volume) world.storage.remove(volume)
  for (const key of ['vmstate', 'runningmachine', 'runningcpu']) guest.config.delete(key)
  if (guest.lock === 'suspended') guest.config.delete('lock')
}

async function setDrive(call: Call, guest: Guest, key: string, value: string, log: (line: string) => void): Promise<void> {
  const { world } = call
  const now = guest.config.get(key)
  if (now !== undefined) checkDrivePermissions(call, guest.vmid, key, now)
  checkDrivePermissions(call, guest.vmid, key, value)
  const before = guest.pending.get(key)
  if (before !== undefined) registerUnused(world, guest, key, before)
  const copy = (bytes: number) => world.clock.sleep((bytes / 1024 ** 3) * world.spec.durations.cloneFullMsPerGiB)
  const made = await createDisks({ world, user: call.user, node: call.node, vmid: guest.vmid, log, copy }, guest, { [key]: value })
  const text = made.result[key] ?? value
  guest.pending.set(key, text)
  const volume = volumeOf(parseDrive(key, text))
  for (const [other, held] of guest.config) if (other.startsWith('unused') && held === volume) guest.config.delete(other)
}

function setOption(
  call: Call,
  guest: Guest,
  key: string,
  value: string,
  o: { settings: Record<string, string>; deletions: string[] },
): void {
  const now = guest.config.get(key)
  if (now !== undefined) checkBridges(call, [[key, now]])
  if (now !== undefined) checkDeviceValue(call, guest.vmid, key, now, 'modify')
  checkDeviceValue(call, guest.vmid, key, value, 'modify')
  if (key === 'tags') {
    checkTags(call, guest.vmid, now ?? '', value)
    guest.pending.set(key, storedValue(key, uniqueTags(call.world, value)))
    return
  }
  const order = key === 'boot' ? orderOf(value) : []
  if (key === 'boot') {
    for (const device of order) {
      const exists = guest.config.has(device) || guest.pending.has(device) || o.settings[device] !== undefined
      if (!exists || o.deletions.includes(device)) refuse(`invalid bootorder: device '${device}' does not exist'`)
    }
    if (guest.config.has('bootdisk') && order.length > 0) guest.deletions.set('bootdisk', false)
  }
  guest.pending.set(key, storedValue(key, order.length > 0 ? `order=${order.join(';')}` : value))
}
