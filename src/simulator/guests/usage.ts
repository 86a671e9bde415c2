import type { Section } from './guest.ts'
import { parseSizeBytes } from './size.ts'

/** vCPUs as status shows them: sockets × cores or `vcpus`, not more than the host has (PVE::QemuServer vmstatus). */
export function cpusOf(config: Section, hostCpus: number): number {
  const product = Number(config.get('sockets') ?? 1) * Number(config.get('cores') ?? 1)
  return Math.min(Number(config.get('vcpus') ?? product), hostCpus)
}

export function memoryMiB(config: Section): number {
  const text = config.get('memory') ?? '512'
  return Number(text.startsWith('current=') ? text.slice(8) : text)
}

export function memoryBytes(config: Section): number {
  return memoryMiB(config) * 1024 ** 2
}

/** Size of the first boot disk, 0 without one. */
export function maxDiskBytes(config: Section): number {
  const order = /order=([^,]*)/.exec(config.get('boot') ?? '')?.[1]?.split(';') ?? []
  const legacy = config.get('bootdisk')
  const candidates = legacy === undefined ? order : [legacy, ...order]
  for (const key of candidates) {
    const drive = config.get(key)
    if (!/^(ide|sata|scsi|virtio)\d+$/.test(key) || drive === undefined || drive.includes('media=cdrom')) continue
    const size = /(?:^|,)size=([^,]+)/.exec(drive)?.[1]
    return size === undefined ? 0 : (parseSizeBytes(size) ?? 0)
  }
  return 0
}
