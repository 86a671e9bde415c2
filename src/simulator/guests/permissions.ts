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
      'agent autostart bios description keyboard localtime migrate_downtime migrate_speed name onboot ostype protection reboot startdate startup tdf template',
    ),
  ],
  ['VM.PowerMgmt', setOf('freeze')],
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
    if (isDriveKey(key) || key === 'cdrom' || key === 'tags' || /^(?:unused|serial|usb|hostpci|virtiofs)\d+$/.test(key)) continue
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

type Verb = 'set' | 'modify' | 'delete'

/** Devices of the host: allowed by their value; mapped ones to whom their mapping is (PVE::API2::Qemu check_usb_perm and its like). */
export function checkDeviceValue(call: Pick<Call, 'user' | 'check'>, vmid: number, key: string, value: string, verb: Verb): void {
  const [, kind = '', index] = /^(serial|usb|hostpci|rng|virtiofs)(\d+)$/.exec(key) ?? []
  if (call.user.isRoot || index === undefined) return
  const needs = (privilege: string): void => call.check(`/vms/${vmid}`, [privilege])
  const part = (name: string): string | undefined => new RegExp(`(?:^|,)${name}=([^,]+)`).exec(value)?.[1]
  if (kind === 'serial') {
    if (value !== 'socket') refuse(`only root can ${verb} '${key}' config for real devices`)
    needs('VM.Config.HWType')
  } else if (kind === 'rng') {
    needs('VM.Config.HWType')
    if (/^(?:source=)?\/dev\/hwrng/.test(value)) call.check('/mapping/hwrng', ['Mapping.Use'])
  } else if (kind === 'virtiofs') {
    needs('VM.Config.Disk')
    call.check(`/mapping/dir/${part('dirid') ?? value.split(',')[0]}`, ['Mapping.Use'])
  } else checkHostDevice(call, { key, kind, mapping: part('mapping'), host: part('host') ?? bare(value) }, needs)
}

/** Devices of the host that a copy would use too (PVE::QemuServer check_mapping_access). */
export function checkMappings(call: Pick<Call, 'user' | 'check'>, config: Iterable<readonly [string, string]>): void {
  const nothing = (): void => {}
  for (const [key, value] of config) {
    const kind = /^(usb|hostpci)\d+$/.exec(key)?.[1]
    const part = (name: string): string | undefined => new RegExp(`(?:^|,)${name}=([^,]+)`).exec(value)?.[1]
    if (kind !== undefined && !call.user.isRoot)
      checkHostDevice(call, { key, kind, mapping: part('mapping'), host: part('host') ?? bare(value) }, nothing)
  }
}

/** A part without a key, which is the device itself. */
function bare(value: string): string | undefined {
  return value.split(',').find((part) => part !== '' && !part.includes('='))
}

function checkHostDevice(
  call: Pick<Call, 'check'>,
  device: { key: string; kind: string; mapping: string | undefined; host: string | undefined },
  needs: (privilege: string) => void,
): void {
  const { key, kind, mapping, host } = device
  if (kind === 'usb') needs('VM.Config.HWType')
  if (host !== undefined && !(kind === 'usb' && /^spice$/i.test(host)))
    refuse(`only root can set '${key}' config for ${kind === 'usb' ? 'real' : 'non-mapped'} devices`)
  if (host !== undefined) return
  if (mapping === undefined) refuse("either 'host' or 'mapping' must be set.")
  call.check(`/mapping/${kind === 'usb' ? 'usb' : 'pci'}/${mapping}`, ['Mapping.Use'])
  if (kind === 'hostpci') needs('VM.Config.HWType')
}

export function checkDrivePermissions(call: Pick<Call, 'check'>, vmid: number, key: string, text: string): void {
  const drive = parseDrive(key, text)
  const path = `/vms/${vmid}`
  if (drive && isCloudInit(drive)) call.check(path, ['VM.Config.Cloudinit', 'VM.Config.CDROM'])
  else if (drive && isCdrom(drive)) call.check(path, ['VM.Config.CDROM'])
  else call.check(path, ['VM.Config.Disk'])
}

/** SDN.Use on the bridge, or on each of its VLANs that the NIC has (check_vnet_access). */
export function checkBridges(call: Pick<Call, 'check' | 'world'>, settings: Iterable<readonly [string, string]>): void {
  const vnets = call.world.sections.get('sdn/vnets')
  const zoneOf = (bridge: string): string => {
    const zone = vnets?.get(bridge)?.['zone']
    return typeof zone === 'string' ? zone : 'localnetwork'
  }
  for (const [key, value] of settings)
    if (/^net\d+$/.test(key)) for (const path of bridgePaths(value, zoneOf)) call.check(path, ['SDN.Use'])
}
