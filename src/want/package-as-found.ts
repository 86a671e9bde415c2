/** The package in force of a guest that was taken over: what it has, until somebody asks for today's package (pure). */
import type { Package } from '../api/package.ts'
import { formatSize, parseCpuLimit, parseSizeMiB } from '../api/size.ts'
import { parseNet } from '../proxmox/net-string.ts'
import { diskSizeMiB, parseDrive } from '../proxmox/property-string.ts'
import { mergePackages } from './package-merge.ts'
import type { Resolved } from './package.ts'

type Values = Readonly<Record<string, string>>

/** No VMPackage has it: what was found waits as PackageOutdated until ChangePackage, or another packageRef, takes the newest. */
const foundGeneration = 0

/** As resolved where the guest has what the package says; inline fields always win, and come into force as any edit. */
export function packageAsFound(resolved: Resolved, inline: Package, values: Values): Resolved {
  const { source, merged } = resolved
  if (!source) return resolved
  const found = differences(merged, values)
  if (Object.keys(found).length === 0) return resolved
  const spec = mergePackages(source.spec ?? {}, found)
  const outdatedBy = resolved.outdatedBy ?? source.generation
  return { merged: mergePackages(spec, inline), source: { ...source, generation: foundGeneration, spec }, outdatedBy }
}

function differences(merged: Package, values: Values): Package {
  const cpu = cpuOf(merged, values)
  const memoryMiB = Number(values.memory?.replace('current=', '') ?? 512)
  const wantedMiB = merged.memory?.size ? parseSizeMiB(merged.memory.size) : memoryMiB
  const rateMbit = Number(parseNet(values.net0 ?? '').options.get('rate') ?? 0) * 8
  const diskMiB = systemDiskMiB(values)
  const wantedDiskMiB = merged.systemDisk?.size ? parseSizeMiB(merged.systemDisk.size) : 0
  return {
    ...(Object.keys(cpu).length > 0 && { cpu }),
    ...(wantedMiB !== memoryMiB && { memory: { size: formatSize(memoryMiB) } }),
    ...(diskMiB !== undefined && wantedDiskMiB > diskMiB && { systemDisk: { size: formatSize(diskMiB) } }),
    ...((merged.network?.rateMbit ?? 0) !== rateMbit && { network: { rateMbit } }),
  }
}

function cpuOf({ cpu }: Package, values: Values): NonNullable<Package['cpu']> {
  const [cores, sockets] = [Number(values.cores ?? 1), Number(values.sockets ?? 1)]
  const limit = Number(values.cpulimit ?? 0)
  return {
    ...((cpu?.cores ?? 1) !== cores && { cores }),
    ...((cpu?.sockets ?? 1) !== sockets && { sockets }),
    ...((cpu?.limit ? parseCpuLimit(cpu.limit) : 0) !== limit && { limit: String(limit) }),
  }
}

function systemDiskMiB(values: Values): number | undefined {
  const order = /(?:^|,)order=([^,]*)/.exec(values.boot ?? '')?.[1]?.split(';') ?? [values.bootdisk ?? '']
  const drive = order.map((key) => values[key]).find((value) => value !== undefined && !value.includes('media=cdrom'))
  const size = drive === undefined ? undefined : diskSizeMiB(parseDrive(drive).options.get('size'))
  return size === undefined ? undefined : Math.round(size)
}
