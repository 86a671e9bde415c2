import { refuse } from '../http/refusal.ts'
import type { Call } from '../routes.ts'
import { isCdrom, isCloudInit, isDriveKey, parseDrive } from './drive.ts'
import { bridgePaths } from './net.ts'

const setOf = (text: string): ReadonlySet<string> => new Set(text.split(' '))

const groups: readonly (readonly [string, ReadonlySet<string>])[] = [
  ['VM.Config.CPU', setOf('cores cpu cpulimit cpuunits numa smp sockets vcpus')],
  ['VM.Config.Memory', setOf('memory balloon shares allow-ksm')],
  ['VM.Config.HWType', setOf('acpi hotplug kvm machine scsihw smbios1 tablet vga watchdog audio0 rng0')],
  [
    'VM.Config.Options',
    setOf(
      'agent autostart bios description keyboard localtime migrate_downtime migrate_speed name onboot ostype protection reboot freeze startdate startup tdf template',
    ),
  ],
  ['VM.Config.Disk', setOf('boot bootdisk vmstatestorage')],
]
const cloudInit = setOf('cicustom cipassword citype ciuser ciupgrade nameserver searchdomain sshkeys')

export function isCloudInitOption(key: string): boolean {
  return cloudInit.has(key) || /^ipconfig\d+$/.test(key)
}

/** The privilege each option needs; options that no group names are for root alone (check_vm_modify_config_perm). */
export function checkOptionPermissions(call: Pick<Call, 'user' | 'check'>, vmid: number, keys: Iterable<string>): void {
  if (call.user.isRoot) return
  const path = `/vms/${vmid}`
  for (const key of keys) {
    if (isDriveKey(key) || key === 'cdrom' || /^(?:unused|serial|usb|hostpci)\d+$/.test(key)) continue
    if (key === 'tags') {
      call.check(path, ['VM.Config.Options'])
      continue
    }
    const group = /^numa\d+$/.test(key) ? 'VM.Config.CPU' : groups.find(([, names]) => names.has(key))?.[0]
    if (group !== undefined) {
      call.check(path, [group])
      if (key === 'startup') call.check('/', ['Sys.Modify'])
    } else if (/^net\d+$/.test(key)) call.check(path, ['VM.Config.Network'])
    else if (isCloudInitOption(key)) call.check(path, ['VM.Config.Cloudinit', 'VM.Config.Network'], true)
    else if (key === 'vmstate') call.check(path, ['VM.Config.Disk', 'VM.PowerMgmt'])
    else refuse(`only root can set '${key}' config`)
  }
}

/** Devices of the host: allowed by their value. */
export function checkDeviceValue(call: Pick<Call, 'user' | 'check'>, vmid: number, key: string, value: string): void {
  if (call.user.isRoot) return
  const path = `/vms/${vmid}`
  if (/^serial\d+$/.test(key)) {
    if (value === 'socket') call.check(path, ['VM.Config.HWType'])
    else refuse(`only root can modify '${key}' config for real devices`)
  } else if (/^usb\d+$/.test(key)) {
    if (value.startsWith('spice') || value.startsWith('host=spice') || value.includes('mapping=')) call.check(path, ['VM.Config.HWType'])
    else refuse(`only root can set '${key}' config for real devices`)
  } else if (/^hostpci\d+$/.test(key)) {
    if (value.includes('mapping=')) call.check(path, ['VM.Config.HWType'])
    else refuse(`only root can set '${key}' config for non-mapped devices`)
  }
}

export function checkDrivePermissions(call: Pick<Call, 'check'>, vmid: number, key: string, text: string): void {
  const drive = parseDrive(key, text)
  const path = `/vms/${vmid}`
  if (drive && isCloudInit(drive)) call.check(path, ['VM.Config.Cloudinit', 'VM.Config.CDROM'])
  else if (drive && isCdrom(drive)) call.check(path, ['VM.Config.CDROM'])
  else call.check(path, ['VM.Config.Disk'])
}

/** SDN.Use on the bridge, with its VLAN tag, of every NIC (check_bridge_access). */
export function checkBridges(call: Pick<Call, 'check'>, settings: Iterable<readonly [string, string]>): void {
  for (const [key, value] of settings) if (/^net\d+$/.test(key)) for (const path of bridgePaths(value)) call.check(path, ['SDN.Use'])
}
