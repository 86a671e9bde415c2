import type { ProxmoxVM, ProxmoxVMStatus } from '../api/proxmoxvm.ts'

/** The template of the VM: a reinstall may have asked for another one. */
export const templateFor = (vm: ProxmoxVM, status: ProxmoxVMStatus) => status.reinstall?.running?.template ?? vm.spec.template

/** What is under way has no VM of before to respect: the ladder runs as at a birth. */
export const isBirth = (status: ProxmoxVMStatus) =>
  status.firstReadyAt === undefined || status.reinstall?.running !== undefined || status.restore?.running?.restoredAt !== undefined

/** The VMID that must not be changed: pinned by the user, or kept over a reinstall. */
export const pinnedVmidOf = (vm: ProxmoxVM, status: ProxmoxVMStatus) =>
  vm.spec.vmid ?? (status.reinstall?.running?.removed ? status.vmid : undefined)
