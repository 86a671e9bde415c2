import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { Change } from './status.ts'

export const clonedFull = (vm: ProxmoxVM) => vm.spec.template.clone !== 'Linked'

/** Forgets VMID, node and slots; the MAC is for life. */
export const dropIntent: Change = ({ intentAt: _a, vmid: _b, step: _c, node: _d, template: _e, disks: _f, clonedAt: _g, ...status }) =>
  status
