/** Why a VM cannot be made of a template, told before the clone and with what to write instead. */
import type { Package } from '../../api/package.ts'
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import { parseSizeMiB } from '../../api/size.ts'
import type { TemplateFacts } from '../../cluster/template-facts.ts'
import { isDriveKey } from '../../proxmox/property-string.ts'
import { type Obstacle, stalled } from '../../ladder/outcome.ts'
import { reasonForCloudInit } from '../../want/cloud-init.ts'
import { objectionToOptions } from '../../steps/disk-options.ts'
import { diskOptionsOf } from '../../want/disk-options.ts'
import { leastHotplugMiB } from '../../steps/set-cpu-ram.ts'
import type { GrantedAddress } from '../../want/granted-address.ts'

export interface Birth {
  readonly vm: ProxmoxVM
  readonly merged: Package
  readonly grants: readonly Pick<GrantedAddress, 'address'>[]
}

/** Pure. Undefined: nothing stands against it. */
export const objectionToTemplate = (template: TemplateFacts, birth: Birth): Obstacle | undefined =>
  withoutBoot(template) ?? withoutDrive(template, birth) ?? withTooLittleMemory(template, birth) ?? withoutThoseOptions(template, birth)

/** A VM that boots from nothing is found only by a person at its console. Booting from the network is left to whoever made the template. */
function withoutBoot({ bootOrder, disks, vmid, node }: TemplateFacts): Obstacle | undefined {
  const there = disks.map(({ key }) => key)
  const lacking = bootOrder.filter((key) => isDriveKey(key) && !there.includes(key))
  if (disks.length > 0 && (lacking.length === 0 || bootOrder.some((key) => there.includes(key)))) return undefined
  if (disks.length === 0 && bootOrder.some((key) => key.startsWith('net'))) return undefined
  const has = there.length === 0 ? 'it has no disk' : `its disks are ${there.join(', ')}`
  const remedy = `An admin must correct the boot order on that node: qm set ${vmid} --boot order=${there[0] ?? 'scsi0'}`
  return stalled(
    'TemplateInvalid',
    `Template ${vmid} on ${node} boots from ${lacking.join(', ') || 'nothing'}, which it does not have; ${has}. ${remedy}.`,
  )
}

function withoutDrive({ cloudInitKey, vmid, node }: TemplateFacts, { vm, grants }: Birth): Obstacle | undefined {
  const why = reasonForCloudInit(vm, grants)
  if (why === undefined || cloudInitKey !== undefined) return undefined
  const remedy = `qm set ${vmid} --ide2 STORAGE:cloudinit`
  return stalled(
    'NoCloudInitDrive',
    `Template ${vmid} on ${node} has no cloud-init drive, and ${why}. An admin must add a drive on that node: ${remedy}.`,
  )
}

function withTooLittleMemory({ config, vmid, node }: TemplateFacts, { merged }: Birth): Obstacle | undefined {
  const hasHotplug = String(config['hotplug'] ?? '')
    .split(',')
    .includes('memory')
  const sizeMiB = merged.memory?.size ? parseSizeMiB(merged.memory.size) : 0
  if (!hasHotplug || sizeMiB === 0 || sizeMiB >= leastHotplugMiB) return undefined
  const remedy = `qm set ${vmid} --hotplug network,disk,usb`
  return stalled(
    'PackageInvalid',
    `The package has ${sizeMiB} MiB of memory, and template ${vmid} on ${node} has memory hotplug, and with it PVE does not start a VM below ${leastHotplugMiB} MiB. Write memory.size: 1Gi, or an admin removes memory from the template's hotplug on that node: ${remedy}.`,
  )
}

function withoutThoseOptions({ systemDisk, config, vmid, node }: TemplateFacts, { merged }: Birth): Obstacle | undefined {
  const asked = [
    { what: 'systemDisk', options: merged.systemDisk?.options },
    ...(merged.additionalDisks ?? []).map(({ name, options }) => ({ what: `disk "${name}"`, options })),
  ]
  for (const { what, options } of asked) {
    const controller = config['scsihw'] === undefined ? undefined : String(config['scsihw'])
    const objection = options && objectionToOptions({ key: systemDisk?.key ?? '', options: diskOptionsOf(options), controller })
    if (objection) return stalled('PackageInvalid', `${what} of the package does not fit template ${vmid} on ${node}: ${objection}.`)
  }
  return undefined
}
