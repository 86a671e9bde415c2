/** Options of a disk beside its size and limits: in our words, in PVE's, and where PVE does not know them (pure). */
import type { Package } from '../api/package.ts'
import type { DiskOptions } from '../ladder/machine.ts'

export type NamedOptions = NonNullable<NonNullable<Package['systemDisk']>['options']>

/** What an option means that is not set (qemu-server Drive.pm, `%drivedesc_base`). */
export const optionDefaults: DiskOptions = { discard: 'ignore', ssd: '0', iothread: '0', cache: 'none' }

/** In PVE's keys and values; only what is named. */
export function diskOptionsOf({ discard, ssd, ioThread, cache }: NamedOptions): DiskOptions {
  return {
    ...(discard !== undefined && { discard: discard ? 'on' : 'ignore' }),
    ...(ssd !== undefined && { ssd: ssd ? '1' : '0' }),
    ...(ioThread !== undefined && { iothread: ioThread ? '1' : '0' }),
    ...(cache !== undefined && { cache }),
  }
}

/** The controller on which a scsi disk can have a thread of its own; on others PVE starts the VM without it. */
const threadedController = 'virtio-scsi-single'

/**
 * Why a disk at that key cannot have what is asked for; undefined: it can. PVE refuses ssd on virtio, and iothread on ide and sata
 * (qemu-server Drive.pm).
 */
export function objectionToOptions(o: {
  readonly key: string
  readonly options: DiskOptions
  /** The `scsihw` of the guest. */
  readonly controller: string | undefined
}): string | undefined {
  const bus = o.key.replace(/\d+$/, '')
  if (o.options['ssd'] === '1' && bus === 'virtio') return 'a disk on the bus virtio takes no ssd; leave options.ssd out'
  if (o.options['iothread'] !== '1' || bus === 'virtio') return undefined
  if (bus !== 'scsi') return `a disk on the bus ${bus} takes no ioThread; leave options.ioThread out`
  if (o.controller === threadedController) return undefined
  return `ioThread takes the controller ${threadedController}, and this is ${o.controller ?? 'lsi'}; leave options.ioThread out`
}

/** Without what PVE does not take on the bus of that key. */
export const possibleOptions = (key: string, options: DiskOptions): DiskOptions =>
  Object.fromEntries(
    Object.entries(options).filter(
      ([name]) => !(name === 'ssd' && /^virtio/.test(key)) && !(name === 'iothread' && /^(ide|sata)/.test(key)),
    ),
  )
