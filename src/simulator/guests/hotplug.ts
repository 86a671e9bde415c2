import { refuse } from '../http/refusal.ts'
import type { World } from '../world/world.ts'
import { recordChange } from './cloudinit-changes.ts'
import { cloudInitKey, isOnDrive, regenerate } from './cloudinit.ts'
import { isCdrom, isCloudInit, isDriveKey, parseDrive } from './drive.ts'
import type { Guest, Section } from './guest.ts'
import { parseNet } from './net.ts'
import { type Actor, cleanupPending, deleteOrDetach } from './pending.ts'
import { isCloudInitOption } from './permissions.ts'
import { memoryMiB } from './usage.ts'
import { registerUnused, tidy } from './write.ts'

/** Options that never touch the QEMU process (qemu-server $fast_plug_option). */
const fastPlug = new Set(
  'description hookscript lock migrate_downtime migrate_speed name onboot protection shares startup tags vmstatestorage'.split(' '),
)

type Outcome = 'done' | 'skip'

/** The host itself fails, outside PVE's guard: the call ends there, what was written stays pending. */
class HostFault extends Error {}

export function hotplugFeatures(config: Section): ReadonlySet<string> {
  const text = config.get('hotplug') ?? '1'
  if (text === '0') return new Set()
  return new Set(text === '1' ? ['network', 'disk', 'usb'] : text.split(/[,;\s]+/))
}

/** Applies what a running guest takes; the rest stays pending, refusals are returned (vmconfig_hotplug_pending). */
export function hotplugPending(
  world: World,
  guest: Guest,
  { actor, touched }: { actor: Actor; touched: ReadonlySet<string> },
): Record<string, string> {
  const features = hotplugFeatures(guest.config)
  const errors: Record<string, string> = {}
  for (const [key, value] of guest.pending) {
    if (!fastPlug.has(key) && !isCloudInitOption(key)) continue
    noteForDrive(guest, key, value)
    guest.config.set(key, value)
    guest.pending.delete(key)
  }
  const attempt = (key: string, work: () => Outcome): boolean => {
    try {
      return work() === 'done'
    } catch (fault) {
      if (fault instanceof HostFault) throw fault
      errors[key] = `hotplug problem - ${fault instanceof Error ? fault.message : String(fault)}\n`
      return false
    }
  }
  for (const [key, force] of [...guest.deletions].toSorted(([a], [b]) => a.localeCompare(b))) {
    if (!touched.has(key) || !attempt(key, () => unplug(world, guest, key, { features, force, actor }))) continue
    guest.deletions.delete(key)
    noteForDrive(guest, key, undefined)
    guest.config.delete(key)
  }
  for (const [key, value] of guest.pending) {
    if (!touched.has(key) || !attempt(key, () => plug(world, guest, key, value, features))) continue
    noteForDrive(guest, key, value)
    guest.config.set(key, value)
    guest.pending.delete(key)
    const drive = isDriveKey(key) ? parseDrive(key, value) : undefined
    if (drive && isCloudInit(drive)) regenerate(guest)
  }
  tidy(guest)
  cleanupPending(guest)
  const { added, recorded } = guest.cloudInitChanges
  if (features.has('cloudinit') && added.size + recorded.size > 0) regenerate(guest)
  return errors
}

/** Without a drive there is nothing to fall behind: the section is not written. */
function noteForDrive(guest: Guest, key: string, wanted: string | undefined): void {
  if (isOnDrive(key) && cloudInitKey(guest.config) !== undefined) recordChange(guest, key, guest.config.get(key), wanted)
}

function unplug(world: World, guest: Guest, key: string, o: { features: ReadonlySet<string>; force: boolean; actor: Actor }): Outcome {
  if (fastPlug.has(key) || isCloudInitOption(key)) return 'done'
  if (key === 'cpuunits' || key === 'cpulimit') return 'done'
  if (key === 'hotplug') return /cpu|memory/.test(guest.config.get('hotplug') ?? '') ? 'skip' : 'done'
  if (key === 'tablet') return o.features.has('usb') ? 'done' : 'skip'
  if (key === 'vcpus') return o.features.has('cpu') ? 'done' : 'skip'
  if (key === 'balloon') return guest.config.get('balloon') === '0' ? 'skip' : 'done'
  if (key === 'memory') return o.features.has('memory') ? 'done' : 'skip'
  if (/^usb\d+$/.test(key)) return canPlugUsb(guest, o.features) ? 'done' : 'skip'
  if (/^net\d+$/.test(key)) {
    if (!o.features.has('network')) return 'skip'
    mustUnplug(world, guest, key)
    return 'done'
  }
  if (!isDriveKey(key)) return 'skip'
  if (!o.features.has('disk') || /^(?:ide|sata|efidisk|tpmstate)/.test(key)) return 'skip'
  mustUnplug(world, guest, key)
  deleteOrDetach(world, guest, key, o.force, o.actor)
  return 'done'
}

function plug(world: World, guest: Guest, key: string, value: string, features: ReadonlySet<string>): Outcome {
  if (key === 'cpuunits' || key === 'cpulimit') {
    if (world.spec.quirks?.cgroupFails !== undefined) throw new HostFault(world.spec.quirks.cgroupFails)
    return 'done'
  }
  if (key === 'hotplug') return /cpu|memory/.test(`${value} ${guest.config.get('hotplug') ?? ''}`) ? 'skip' : 'done'
  if (key === 'tablet') return features.has('usb') ? 'done' : 'skip'
  if (key === 'vcpus') return features.has('cpu') ? 'done' : 'skip'
  if (key === 'memory') {
    if (!features.has('memory') || guest.config.get('numa') !== '1') return 'skip'
    if (memoryMiB(new Map([[key, value]])) < 1024)
      refuse("memory can't be lower than 1024 MB at /usr/share/perl5/PVE/QemuServer/Memory.pm line 219.")
    return 'done'
  }
  if (key === 'balloon') return (guest.config.get('balloon') !== '0') === (value !== '0') ? 'done' : 'skip'
  if (key === 'agent') return plugAgent(guest, value)
  if (/^usb\d+$/.test(key)) return canPlugUsb(guest, features) ? 'done' : 'skip'
  if (/^net\d+$/.test(key)) return plugNet(world, guest, key, value, features.has('network'))
  if (isDriveKey(key)) return plugDrive(world, guest, key, value, features.has('disk'))
  return 'skip'
}

/** Only Linux and Windows 8 and newer take USB devices while they run. */
function canPlugUsb(guest: Guest, features: ReadonlySet<string>): boolean {
  return features.has('usb') && /^(?:l26|win8|win1\d)$/.test(guest.config.get('ostype') ?? '')
}

/** Only the sub-options of an agent that is there already change live (vmconfig_update_agent). */
function plugAgent(guest: Guest, value: string): Outcome {
  const main = (text: string | undefined) => (text ?? '').split(',')[0]?.replace('enabled=', '')
  const type = (text: string | undefined) => /type=(\w+)/.exec(text ?? '')?.[1]
  const old = guest.config.get('agent')
  if (old === undefined) return 'skip'
  return main(old) === main(value) && type(old) === type(value) ? 'done' : 'skip'
}

function plugNet(world: World, guest: Guest, key: string, value: string, canPlug: boolean): Outcome {
  const old = guest.config.get(key)
  if (old !== undefined) {
    const [before, after] = [parseNet(old), parseNet(value)]
    if (['model', 'macaddr', 'queues', 'mtu'].every((part) => before[part] === after[part])) return 'done'
    if (!canPlug) return 'skip'
    mustUnplug(world, guest, key)
  }
  return canPlug ? 'done' : 'skip'
}

const coldOptions = ['aio', 'discard', 'iothread', 'queues', 'product', 'cache', 'ssd', 'vendor', 'ro']

function plugDrive(world: World, guest: Guest, key: string, value: string, canPlug: boolean): Outcome {
  if (key === 'efidisk0' || key === 'tpmstate0') return 'skip'
  const after = parseDrive(key, value) ?? {}
  const text = guest.config.get(key)
  const before = text === undefined ? undefined : parseDrive(key, text)
  if (before && text !== undefined) {
    if ((before['media'] ?? 'disk') !== (after['media'] ?? 'disk')) refuse('unable to change media type')
    if (isCdrom(before)) {
      if (isCloudInit(before) && before['file'] !== after['file']) registerUnused(world, guest, key, text)
      return 'done'
    }
    if (before['file'] === after['file']) return coldOptions.some((option) => before[option] !== after[option]) ? 'skip' : 'done'
    if (!canPlug) return 'skip'
    mustUnplug(world, guest, key)
    registerUnused(world, guest, key, text)
    return 'done'
  }
  return !canPlug || /^(?:ide|sata)/.test(key) ? 'skip' : 'done'
}

/**
 * Takes a device out of QEMU. A SCSI disk on a controller it shares goes at once; PCI devices (NICs, virtio-blk, a controller that only
 * serves this disk) need the guest to let go of them, which one without a system does not do (PVE::QemuServer vm_deviceunplug; recordings 61, 65).
 */
function mustUnplug(world: World, guest: Guest, key: string): void {
  const order = /order=([^,]*)/.exec(guest.config.get('boot') ?? '')?.[1]?.split(';') ?? []
  if (isDriveKey(key) && order.includes(key)) refuse(`can't unplug bootdisk '${key}'`)
  const device = pciDeviceOf(guest, key)
  if (device !== undefined && !world.spec.durations.guestsObeyShutdown)
    refuse(`error on hot-unplugging device '${device}' - still busy in guest?`)
}

/** The PCI device that goes with a config key, undefined when none does. */
function pciDeviceOf(guest: Guest, key: string): string | undefined {
  const index = /^scsi(\d+)$/.exec(key)?.[1]
  if (index === undefined) return key
  const hardware = guest.config.get('scsihw')
  if (hardware === 'virtio-scsi-single') return `virtioscsi${index}`
  const perController = hardware?.startsWith('lsi') || hardware === undefined ? 7 : 256
  const controller = Math.floor(Number(index) / perController)
  const isShared = [...guest.config.keys()].some((other) => {
    const at = /^scsi(\d+)$/.exec(other)?.[1]
    return other !== key && at !== undefined && Number(at) < (perController - 1) * (controller + 1)
  })
  return isShared ? undefined : `scsihw${controller}`
}
