import { FormatError } from '../schema/format-error.ts'
import { splitPropertyString } from '../schema/property-string.ts'
import { type Property, vmOptions } from '../schema/schema.ts'
import { splitVolid } from '../storage/volume.ts'
import { formatSize, parseSizeBytes } from './size.ts'

/** A drive's options; `file` is the volume, `size` is kept as text. */
export type Drive = Record<string, string>

export const driveKeys: readonly string[] = [
  ...keys('ide', 4),
  ...keys('scsi', 31),
  ...keys('virtio', 16),
  ...keys('sata', 6),
  'efidisk0',
  'tpmstate0',
]

const driveKey = /^(?:ide[0-3]|sata[0-5]|scsi(?:[12]?\d|30)|virtio(?:\d|1[0-5])|efidisk0|tpmstate0)$/
/** `STORAGE:SIZE`: a disk to be made, SIZE in GiB (PVE::API2::Qemu NEW_DISK_RE). */
export const newDisk = /^(([^/:\s]+):)?(\d+(\.\d+)?)$/

function keys(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${prefix}${n}`)
}

export function isDriveKey(key: string): boolean {
  return driveKey.test(key)
}

function formatOf(key: string): Readonly<Record<string, Property>> {
  return (vmOptions[key]?.format ?? vmOptions['unused0']?.format) as Record<string, Property>
}

const pairs: readonly (readonly [string, string])[] = [
  ['mbps_max', 'mbps'],
  ['mbps_rd_max', 'mbps_rd'],
  ['mbps_wr_max', 'mbps_wr'],
  ['bps_max_length', 'mbps_max'],
  ['bps_rd_max_length', 'mbps_rd_max'],
  ['bps_wr_max_length', 'mbps_wr_max'],
  ['iops_max_length', 'iops_max'],
  ['iops_rd_max_length', 'iops_rd_max'],
  ['iops_wr_max_length', 'iops_wr_max'],
]
const truthy = (value: string | undefined) => value !== undefined && value !== '' && value !== '0'

/** PVE::QemuServer::Drive parse_drive; undefined where PVE gives up (`unable to parse drive options`). */
export function parseDrive(key: string, text: string): Drive | undefined {
  let drive: Drive
  try {
    drive = splitPropertyString(formatOf(key), text)
  } catch (fault) {
    if (fault instanceof FormatError) return undefined
    throw fault
  }
  if (drive['file'] === undefined) return undefined
  for (const limit of ['bps', 'bps_rd', 'bps_wr']) {
    if (drive[limit] === undefined) continue
    delete drive[limit]
    if (drive[`m${limit}`] !== undefined) return undefined
    // PVE 9.2 stores 0.000 whatever was given: it divides `defined(...)` instead of the value (recording 16).
    drive[`m${limit}`] = '0.000'
  }
  if (pairs.some(([option, needed]) => truthy(drive[option]) && !truthy(drive[needed]))) return undefined
  const both = (a: string, b: string) => truthy(drive[a]) && truthy(drive[b])
  if (both('mbps', 'mbps_rd') || both('mbps', 'mbps_wr') || both('iops', 'iops_rd') || both('iops', 'iops_wr')) return undefined
  if (drive['media'] === 'cdrom' && (truthy(drive['snapshot']) || drive['format'] !== undefined || key.startsWith('virtio')))
    return undefined
  const size = drive['size']
  if (size !== undefined) {
    const bytes = parseSizeBytes(size)
    if (bytes === undefined) return undefined
    drive['size'] = formatSize(bytes)
  }
  return drive
}

/** The volume first, then the options in alphabetical order (PVE::JSONSchema print_property_string). */
export function printDrive(drive: Drive): string {
  const { file = '', ...options } = drive
  return [
    file,
    ...Object.keys(options)
      .toSorted()
      .map((key) => `${key}=${options[key]}`),
  ].join(',')
}

/** A medium that is not a disk; the cloud-init drive counts unless it is left out. */
export function isCdrom(drive: Drive, withoutCloudInit = false): boolean {
  if (withoutCloudInit && isCloudInit(drive)) return false
  return drive['media'] === 'cdrom'
}

const cloudInitName = /(?:^|\/|:)vm-\d+-cloudinit(?:\.(?:raw|qcow2|vmdk))?$/

export function isCloudInit(drive: Drive): boolean {
  const file = drive['file'] ?? ''
  return file.endsWith(':cloudinit') || cloudInitName.test(file)
}

/** The volume of a drive, undefined for `none` and `cdrom`. */
export function volumeOf(drive: Drive | undefined): string | undefined {
  const file = drive?.['file']
  return file !== undefined && splitVolid(file) ? file : undefined
}
