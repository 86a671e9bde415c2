import type { ProxmoxVM, ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import { stalled, type Obstacle } from '../../ladder/outcome.ts'
import type { Change } from '../status.ts'
import { templateFor } from '../../want/birth.ts'

/** Whether the VM is a full clone, by the template in force for it. */
export const clonedFull = (vm: ProxmoxVM, status: ProxmoxVMStatus) => templateFor(vm, status).clone !== 'Linked'

/** Forgets VMID, node and slots; the MAC is for life. Over a reinstall the VMID is, too, and so is the time from which backups are this VM's. */
export const dropIntent: Change = ({ intentAt: _a, vmid, step: _c, node: _d, template: _e, disks: _f, clonedAt, ...status }) =>
  status.reinstall?.running?.removed
    ? { ...status, ...(vmid !== undefined && { vmid }), ...(clonedAt !== undefined && { clonedAt }) }
    : status

/** The pinned VMID has another owner: a person must choose. */
export const vmidTaken = (vmid: number): Obstacle =>
  stalled(
    'VMIDTaken',
    `VMID ${vmid} belongs to another guest, which the operator never takes over; free the VMID, or create another ProxmoxVM with another spec.vmid.`,
  )
