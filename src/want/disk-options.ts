/** Options of a disk beside its size and limits, from our words to PVE's (pure). */
import type { Package } from '../api/package.ts'
import type { DiskOptions } from '../ladder/machine.ts'

export type NamedOptions = NonNullable<NonNullable<Package['systemDisk']>['options']>

/** In PVE's keys and values; only what is named. */
export function diskOptionsOf({ discard, ssd, ioThread, cache }: NamedOptions): DiskOptions {
  return {
    ...(discard !== undefined && { discard: discard ? 'on' : 'ignore' }),
    ...(ssd !== undefined && { ssd: ssd ? '1' : '0' }),
    ...(ioThread !== undefined && { iothread: ioThread ? '1' : '0' }),
    ...(cache !== undefined && { cache }),
  }
}
