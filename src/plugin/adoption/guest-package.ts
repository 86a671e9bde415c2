/** A guest as PVE shows it, in the words of a package (pure). */
import type { ListedGuest } from '../../api/guest-list.ts'
import type { Package } from '../../api/package.ts'
import { formatSize, parseSizeMiB } from '../../api/size.ts'
import type { VMPackage } from '../../api/vmpackage.ts'
import { parseNet } from '../../proxmox/net-string.ts'
import { diskSizeMiB, isCdrom, isDriveKey, parseDrive } from '../../proxmox/property-string.ts'

export type GuestOptions = Readonly<Record<string, string>>

/** `OPTION=VALUE` as a table. */
export const optionsOfGuest = ({ options }: Pick<ListedGuest, 'options'>): GuestOptions =>
  Object.fromEntries(options.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]))

export interface GuestPackage {
  readonly package: Package
  /** Which slot each additional disk of the package has. */
  readonly disks: readonly { readonly name: string; readonly key: string }[]
  /** What a package has no words for. */
  readonly notes: readonly string[]
}

/** First of the boot order that is a disk, as PVE reads both spellings (qemu-server, `get_default_bootdevices`). */
export function systemDiskKey(options: GuestOptions): string | undefined {
  const listed = /(?:^|,)order=([^,]*)/.exec(options['boot'] ?? '')?.[1]?.split(';') ?? [options['bootdisk'] ?? '']
  return listed.find((key) => isDriveKey(key) && options[key] !== undefined && !isCdrom(parseDrive(options[key])))
}

export function packageOfGuest(options: GuestOptions): GuestPackage {
  const notes: string[] = []
  const system = systemDiskKey(options)
  const others = Object.keys(options).filter((key) => key !== system && isDriveKey(key) && !isCdrom(parseDrive(options[key] ?? '')))
  const additionalDisks = others.toSorted().flatMap((key) => {
    const disk = diskOf(options[key] ?? '', key, notes)
    return disk.size === undefined ? [] : [{ name: key, ...disk, size: disk.size }]
  })
  const systemDisk = system === undefined ? undefined : diskOf(options[system] ?? '', system, notes)
  return {
    package: {
      cpu: cpuOf(options, notes),
      memory: memoryOf(options),
      ...(systemDisk && { systemDisk }),
      ...(additionalDisks.length > 0 && { additionalDisks }),
      network: networkOf(options, notes),
    } as Package,
    disks: additionalDisks.map(({ name }) => ({ name, key: name })),
    notes: [...notes, ...leftNotes(options)],
  }
}

function cpuOf(options: GuestOptions, notes: string[]): object {
  const limit = Number(options['cpulimit'] ?? 0)
  const units = Number(options['cpuunits'] ?? 0)
  const type = options['cpu']?.split(',')[0]?.replace(/^cputype=/, '')
  if (options['cpu']?.includes(',')) notes.push(`cpu ${options['cpu']}: only the type is in a package`)
  if (options['vcpus'] !== undefined) notes.push(`vcpus ${options['vcpus']} stays; a package has none`)
  return {
    cores: Number(options['cores'] ?? 1),
    ...(Number(options['sockets'] ?? 1) !== 1 && { sockets: Number(options['sockets']) }),
    ...(type && { type }),
    ...(limit > 0 && { limit: String(limit) }),
    ...(units > 0 && { units }),
  }
}

function memoryOf(options: GuestOptions): object {
  const balloon = options['balloon']
  const size = formatSize(Number((options['memory'] ?? '512').replace('current=', '')))
  return { size, ...(balloon !== undefined && { minimum: balloon === '0' ? 0 : formatSize(Number(balloon)) }) }
}

const limits = {
  mbps_rd: 'readMiBps',
  mbps_wr: 'writeMiBps',
  iops_rd: 'readIOPS',
  iops_wr: 'writeIOPS',
  mbps_rd_max: 'readMiBpsBurst',
  mbps_wr_max: 'writeMiBpsBurst',
  iops_rd_max: 'readIOPSBurst',
  iops_wr_max: 'writeIOPSBurst',
} as const

function diskOf(text: string, key: string, notes: string[]): { size?: string; bandwidth?: Record<string, number> } {
  const { options } = parseDrive(text)
  const sizeMiB = diskSizeMiB(options.get('size'))
  const bandwidth: Record<string, number> = {}
  for (const [option, field] of Object.entries(limits)) {
    const value = Number(options.get(option) ?? 0)
    if (Number.isInteger(value) && value > 0) bandwidth[field] = value
    else if (value > 0) notes.push(`${key}.${option} ${value} is not a whole number and stays as it is`)
  }
  if (sizeMiB !== undefined && (sizeMiB < 1024 || !Number.isInteger(sizeMiB))) {
    notes.push(`disk ${key} of ${options.get('size')} stays as it is: a package has whole MiB, at least 1Gi`)
    return Object.keys(bandwidth).length > 0 ? { bandwidth } : {}
  }
  return {
    ...(sizeMiB !== undefined && { size: formatSize(sizeMiB) }),
    ...(Object.keys(bandwidth).length > 0 && { bandwidth }),
  }
}

/** PVE's rate is in MB/s, a package's in Mbit/s. */
function networkOf(options: GuestOptions, notes: string[]): object {
  const { model, options: net } = parseNet(options['net0'] ?? '')
  const rateMbit = Number(net.get('rate') ?? 0) * 8
  if (!Number.isInteger(rateMbit)) notes.push(`net0.rate ${net.get('rate')} is not a whole number of Mbit/s and stays as it is`)
  const [bridge, tag, mtu] = [net.get('bridge'), net.get('tag'), net.get('mtu')]
  return {
    ...(bridge && { bridge }),
    // A pool with a VLAN would tag the card; 0 is what the guest has.
    vlan: Number(tag ?? 0),
    ...(rateMbit > 0 && Number.isInteger(rateMbit) && { rateMbit }),
    ...(['virtio', 'e1000', 'vmxnet3', 'rtl8139'].includes(model) && { model }),
    ...(mtu && model === 'virtio' && { mtu: Number(mtu) }),
    firewall: net.get('firewall') === '1',
  }
}

function leftNotes(options: GuestOptions): string[] {
  const left = Object.keys(options).filter((key) => /^(?:net[1-9]\d*|hostpci\d+|usb\d+|unused\d+|efidisk0|tpmstate0)$/.test(key))
  return left.length > 0 ? [`left as they are: ${left.join(', ')}`] : []
}

/** VMPackages that say what the guest has: CPU, memory, system disk and rate. What a package leaves open fits anything. */
export function fittingPackages(of: Package, packages: readonly VMPackage[]): string[] {
  const isSame = (wanted: unknown, found: unknown) => wanted === undefined || wanted === found
  const sizeOf = (size: string | number | undefined) => (size ? parseSizeMiB(size as string) : undefined)
  return packages
    .filter(({ spec }) => {
      const hasSize = spec.cpu?.cores !== undefined && spec.memory?.size !== undefined
      return (
        hasSize &&
        isSame(spec.cpu?.cores, of.cpu?.cores) &&
        (spec.cpu?.sockets ?? 1) === (of.cpu?.sockets ?? 1) &&
        isSame(spec.cpu?.limit, of.cpu?.limit) &&
        isSame(sizeOf(spec.memory?.size), sizeOf(of.memory?.size)) &&
        isSame(sizeOf(spec.systemDisk?.size), sizeOf(of.systemDisk?.size)) &&
        (spec.network?.rateMbit ?? 0) === (of.network?.rateMbit ?? 0)
      )
    })
    .map(({ metadata }) => metadata.name)
    .toSorted()
}
