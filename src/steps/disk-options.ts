/** Options of disks: what a drive string has of them, and what of them PVE would not take. */
import type { DiskOptions, Want } from '../ladder/machine.ts'
import { done } from '../ladder/outcome.ts'
import { refused, satisfied, type Step } from '../ladder/step.ts'
import { parseDrive, type Drive } from '../proxmox/property-string.ts'
import { objectionToOptions, optionDefaults, possibleOptions } from '../want/disk-options.ts'

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
