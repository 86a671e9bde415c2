/**
 * PVE's option strings: `virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=7`. Parsing and printing lose nothing, because PVE replaces
 * such a string as a whole: a sub-option that is not sent again is gone (qemu-server parse_drive, recording 16).
 */
export interface Property {
  /** Absent for a value without key (the volume of a drive, the model of a NIC). */
  readonly key?: string
  readonly value: string
}

export function parseProperties(text: string): Property[] {
  return text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const at = part.indexOf('=')
      return at === -1 ? { value: part } : { key: part.slice(0, at), value: part.slice(at + 1) }
    })
}

export type Options = ReadonlyMap<string, string>

function optionsOf(properties: readonly Property[]): Map<string, string> {
  return new Map(properties.flatMap(({ key, value }) => (key === undefined ? [] : [[key, value] as const])))
}

export const printOptions = (options: Options): string[] => [...options].map(([key, value]) => `${key}=${value}`)

/** PVE reads 1|on|yes|true and 0|off|no|false inside option strings and writes 1 and 0 back; numbers lose trailing zeros. */
function canonical(value: string): string {
  if (/^(?:on|yes|true)$/i.test(value)) return '1'
  if (/^(?:off|no|false)$/i.test(value)) return '0'
  return /^\d+(?:\.\d+)?$/.test(value) ? String(Number(value)) : value
}

/** Options for which an explicit 0 and absence are the same thing to PVE. */
const zeroIsAbsent: ReadonlySet<string> = new Set(['firewall', 'link_down', 'iothread', 'ssd', 'ro', 'rate', 'tag'])

/** Same options for PVE, whatever their order and spelling. */
export function sameOptions(a: Options, b: Options, ignored: ReadonlySet<string> = new Set()): boolean {
  const clean = (options: Options) =>
    new Map(
      [...options]
        .map(([key, value]) => [key, canonical(value)] as const)
        .filter(([key, value]) => !ignored.has(key) && !(value === '0' && (zeroIsAbsent.has(key) || isThrottle(key)))),
    )
  const left = clean(a)
  const right = clean(b)
  return left.size === right.size && [...left].every(([key, value]) => right.get(key) === value)
}

/** A disk, CD-ROM or cloud-init drive. */
export interface Drive {
  /** `local-lvm:vm-100-disk-0`, `none`, or `local-lvm:32` in a request to allocate 32 GiB. */
  readonly volume: string
  readonly options: Options
}

export function parseDrive(text: string): Drive {
  const properties = parseProperties(text)
  const volume = properties.find(({ key }) => key === undefined || key === 'file')?.value ?? ''
  return { volume, options: optionsOf(properties.filter(({ key }) => key !== 'file')) }
}

export const printDrive = (drive: Drive): string => [drive.volume, ...printOptions(drive.options)].join(',')

/** Equal for PVE: order, spelling of booleans and numbers aside. `size` only informs and is left out. */
export const sameDrive = (a: Drive, b: Drive): boolean => a.volume === b.volume && sameOptions(a.options, b.options, new Set(['size']))

/** The throttle options that we own. The total limits `mbps` and `iops` exclude them in one string (qemu-server parse_drive). */
const throttleKeys = ['mbps_rd', 'mbps_wr', 'iops_rd', 'iops_wr', 'mbps_rd_max', 'mbps_wr_max', 'iops_rd_max', 'iops_wr_max'] as const
/** Limits of a drive by PVE's keys; absent = unlimited. */
export type Throttle = Readonly<Partial<Record<(typeof throttleKeys)[number], number>>>

/** Every spelling of a limit: the eight above, totals, bytes, and the `_length` of a burst. */
const isThrottle = (key: string): boolean => /^(?:mbps|iops|bps)(?:_rd|_wr)?(?:_max)?(?:_length)?$/.test(key)

/** The drive with exactly these limits: 0 or absent = unlimited, and totals or lengths that the template brought are dropped. */
export function withThrottle(drive: Drive, throttle: Throttle): Drive {
  const options = new Map([...drive.options].filter(([key]) => !isThrottle(key)))
  for (const key of throttleKeys) {
    const limit = throttle[key]
    if (limit !== undefined && limit !== 0) options.set(key, String(limit))
  }
  return { volume: drive.volume, options }
}

/** Storage of `local-lvm:vm-100-disk-0`; undefined for `none`, `cdrom` and paths. */
export function storageOf(volume: string): string | undefined {
  const at = volume.indexOf(':')
  return at > 0 ? volume.slice(0, at) : undefined
}

export const isCdrom = (drive: Drive): boolean => drive.options.get('media') === 'cdrom'
/** PVE names the volume `vm-<vmid>-cloudinit`, with an extension on directory storages (qemu-server Cloudinit.pm). */
export const isCloudInit = (drive: Drive): boolean => isCdrom(drive) && /(?:^|[:/-])cloudinit(?:\.|$)/.test(drive.volume)

/** Keys that hold drives: buses of disks, EFI and TPM state aside (qemu-server Drive.pm). */
export const isDriveKey = (key: string): boolean => /^(?:scsi(?:[12]?\d|30)|virtio(?:\d|1[0-5])|sata[0-5]|ide[0-3])$/.test(key)

const unitMiB: Readonly<Record<string, number>> = { K: 1 / 1024, M: 1, G: 1024, T: 1024 * 1024 }

/** `size=` of a drive in MiB: a number with K, M, G or T, or plain bytes (pve-common JSONSchema parse_size). */
export function diskSizeMiB(size: string | undefined): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(size ?? '')
  if (match === null) return undefined
  const unit = unitMiB[match[2] ?? '']
  return Number(match[1]) * (unit ?? 1 / (1024 * 1024))
}

/** The guest has a drive from which it learns what cloud-init is to do. */
export const hasCloudInitDrive = (values: Readonly<Record<string, string>>): boolean =>
  Object.entries(values).some(([key, value]) => isDriveKey(key) && isCloudInit(parseDrive(value)))
