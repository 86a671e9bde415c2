import { isTrue } from '../api/condition.ts'
import type { ProxmoxVM, ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import type { BirthTemplate } from '../api/template.ts'

/**
 * Its disks were never those of a VM that was ready, so nothing of a customer is on them. Not so of a VM that the command Clone makes: disks
 * that the command Remove kept have its number too.
 */
export const holdsNothing = ({ firstReadyAt, reinstall }: ProxmoxVMStatus): boolean =>
  firstReadyAt === undefined || (reinstall?.running?.removed === true && !reinstall.running.isClone)

/** The template of the VM: a reinstall may have asked for another one. */
export const templateFor = (vm: ProxmoxVM, status: ProxmoxVMStatus): BirthTemplate =>
  status.reinstall?.running?.template ?? vm.spec.template

/** What is under way has no VM of before to respect: the ladder runs as at a birth. */
export const isBirth = (status: ProxmoxVMStatus) =>
  status.firstReadyAt === undefined || status.reinstall?.running !== undefined || status.restore?.running?.restoredAt !== undefined

/** The VMID that must not be changed: pinned by the user, or kept over a reinstall. */
export const pinnedVmidOf = (vm: ProxmoxVM, status: ProxmoxVMStatus) =>
  vm.spec.vmid ?? (status.reinstall?.running?.removed ? status.vmid : undefined)

/** The file that PVE is making this VM from. Undefined: it is made from a template, or it is there. */
export const fileOfBirth = ({ template, conditions }: ProxmoxVMStatus): string | undefined =>
  isTrue(conditions, 'Cloned') ? undefined : template?.volume
