/** Options of disks: what a drive string has of them, and what of them PVE would not take. */
import type { DiskOptions, Want } from '../ladder/machine.ts'
import { done } from '../ladder/outcome.ts'
import { refused, satisfied, type Step } from '../ladder/step.ts'
import { parseDrive, type Drive } from '../proxmox/property-string.ts'

/** What an option means that is not set (qemu-server Drive.pm, `%drivedesc_base`). */
const optionDefaults: DiskOptions = { discard: 'ignore', ssd: '0', iothread: '0', cache: 'none' }

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
  if (o.options['ssd'] === '1' && bus === 'virtio') return 'a disk on the bus virtio does not support ssd; remove options.ssd'
  if (o.options['iothread'] !== '1' || bus === 'virtio') return undefined
  if (bus !== 'scsi') return `a disk on the bus ${bus} does not support ioThread; remove options.ioThread`
  if (o.controller === threadedController) return undefined
  return `ioThread needs the controller ${threadedController}, and the controller is ${o.controller ?? 'lsi'}; remove options.ioThread`
}

/** Without what PVE does not take on the bus of that key. */
const possibleOptions = (key: string, options: DiskOptions): DiskOptions =>
  Object.fromEntries(
    Object.entries(options).filter(
      ([name]) => !(name === 'ssd' && key.startsWith('virtio')) && !(name === 'iothread' && /^(ide|sata)/.test(key)),
    ),
  )

/** The drive with these options; one that is asked for as PVE has it without a word is taken off. */
export function withOptions(key: string, drive: Drive, wanted: DiskOptions): Drive {
  const options = new Map(drive.options)
  for (const [name, value] of Object.entries(possibleOptions(key, wanted))) {
    if (value === optionDefaults[name]) options.delete(name)
    else options.set(name, value)
  }
  return { volume: drive.volume, options }
}

/** What a new disk has from the system disk, as `,name=value`, but for what it asks for itself. */
export function inheritedOptions(systemDisk: string | undefined, key: string, wanted: DiskOptions): string {
  const has = parseDrive(systemDisk ?? '').options
  const inherited = Object.fromEntries(Object.keys(optionDefaults).flatMap((name) => (has.has(name) ? [[name, has.get(name) ?? '']] : [])))
  const all = Object.entries(possibleOptions(key, { ...inherited, ...wanted }))
  return all.flatMap(([name, value]) => (value === optionDefaults[name] ? [] : [`,${name}=${value}`])).join('')
}

/** Options that this VM cannot have are told; all else of its disks is applied. */
export const impossibleOptions: Step = {
  name: 'set_additional_disk_bandwidth',
  rung: 'set_additional_disk_bandwidth',
  needs: 'config',
  check({ config }, want) {
    const told = disksOf(want).flatMap(({ what, key, options }) => {
      const objection = objectionToOptions({ key, options, controller: config?.values['scsihw'] })
      return objection === undefined ? [] : [`${what}: ${objection}`]
    })
    return told.length === 0 ? satisfied : refused('PackageInvalid', told.join('; '))
  },
  apply: () => Promise.resolve(done),
}

const disksOf = ({ systemDisk, additionalDisks }: Want) => [
  { what: 'system disk', key: systemDisk.key, options: systemDisk.options ?? {} },
  ...additionalDisks.map(({ name, key, options = {} }) => ({ what: `disk ${name}`, key, options })),
]
