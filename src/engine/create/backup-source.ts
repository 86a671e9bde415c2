/** A backup as what a new VM is made of: the same disks and devices on every node that reads it. */
import type { ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import type { BirthTemplate } from '../../api/template.ts'
import { capabilityOff } from '../../cluster/capabilities.ts'
import { type TemplateFacts, templateFactsOf } from '../../cluster/template-facts.ts'
import type { TemplateLook } from '../../cluster/templates.ts'
import { type Obstacle, isOutcome, stalled } from '../../ladder/outcome.ts'
import type { VmConfig } from '../../proxmox/answers.ts'
import type { Listing } from '../../proxmox/listing.ts'
import { isCdrom, isDriveKey, parseDrive } from '../../proxmox/property-string.ts'
import { objectionToOptions } from '../../steps/disk-options.ts'
import { reasonForCloudInit } from '../../want/cloud-init.ts'
import { diskOptionsOf } from '../../want/disk-options.ts'
import type { BackupConfig } from '../restore/backup-config.ts'
import { readBackup } from '../restore/read-backup.ts'
import { type FoundBackup, findBackupFile } from './backup-file.ts'
import type { IntentInput } from './intent-input.ts'
import type { Birth } from './template-objections.ts'

type Disks = NonNullable<ProxmoxVMStatus['disks']>

export interface BirthBackup {
  readonly volume: string
  /** Disks of the package that are in the file, in the slots they have there. */
  readonly disks: Disks
}

interface BackupSource {
  readonly copies: readonly { readonly node: string; readonly vmid: number }[]
  readonly lookAt: (copy: { readonly node: string; readonly vmid: number }) => TemplateLook
  readonly objection: (facts: TemplateFacts, birth: Birth) => Obstacle | undefined
  readonly backup: BirthBackup
}

/** Read once, from the first node that lists the file. */
export async function backupSource(
  input: IntentInput,
  listing: Listing,
  ref: NonNullable<BirthTemplate['backupRef']>,
): Promise<BackupSource | Obstacle> {
  const { cluster, draft } = input
  const off = capabilityOff(cluster.facts(), 'backup')
  if (off !== undefined) return stalled('PermissionDenied', off)
  const file = await findBackupFile(input, cluster, listing, ref)
  if (isOutcome(file)) return file
  const { volume, vmid, nodes } = file
  const pinned = draft.vm.spec.placement?.node
  const possible = pinned === undefined ? nodes : nodes.filter((node) => node === pinned)
  if (possible.length === 0)
    return stalled('NoCapacity', `Node ${pinned} (spec.placement.node) does not reach backup ${volume}; ${nodes.join(', ')} do.`)
  const read = await readBackup(cluster, possible[0] ?? '', volume)
  if (isOutcome(read)) return read
  const config = restoredConfig(read)
  return {
    copies: possible.map((node) => ({ node, vmid })),
    lookAt: (at) => ({ is: 'template', facts: templateFactsOf(at, config) }),
    objection: objectionTo(volume),
    backup: { volume, disks: disksOf(file, config) },
  }
}

/** Without the drives that are not in the file (backup=0): PVE does not restore them. */
function restoredConfig({ values, disks }: BackupConfig): VmConfig {
  const kept = new Map(disks.map((disk) => [disk.key, disk]))
  const entries = Object.entries(values).filter(([key, value]) => !isDriveKey(key) || kept.has(key) || isCdrom(parseDrive(String(value))))
  return { ...Object.fromEntries(entries), digest: '' }
}

/** The names of additional disks are in no file: those of the VM it is of, where they have the same slots. */
function disksOf({ owner }: FoundBackup, config: VmConfig): Disks {
  const there = (owner?.status?.disks ?? []).filter(({ name, key }) => name !== 'system' && config[key] !== undefined)
  // Whether one may be deleted, the package of this VM says: the other one's policy is not taken over.
  return there.map(({ name, key }) => ({ name, key }))
}

/** Pure; told before a number is taken. */
const objectionTo =
  (volume: string) =>
  ({ systemDisk, cloudInitKey, config }: TemplateFacts, { vm, merged, grants }: Birth): Obstacle | undefined => {
    if (String(config['template'] ?? '0') === '1')
      return stalled('BackupUnreadable', `${volume} is the backup of a template, and PVE would make a template of it again.`)
    if (!systemDisk) return stalled('BackupUnreadable', `${volume} has no disk to start from.`)
    const why = reasonForCloudInit(vm, grants)
    if (why !== undefined && cloudInitKey === undefined)
      return stalled('NoCloudInitDrive', `The VM in ${volume} has no cloud-init drive, and ${why}.`)
    const controller = config['scsihw'] === undefined ? undefined : String(config['scsihw'])
    const options = merged.systemDisk?.options
    const unfit = options && objectionToOptions({ key: systemDisk.key, options: diskOptionsOf(options), controller })
    return unfit ? stalled('PackageInvalid', `systemDisk of the package does not fit the VM in ${volume}: ${unfit}.`) : undefined
  }
