import type { ProxmoxVM, ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import { conditionOf } from '../api/condition.ts'

export const isSuspended = (vm: ProxmoxVM) => (vm.spec.suspensions ?? []).length > 0

/** `billing (unpaid), abuse (spam)`, for messages. */
export const holdersOf = (vm: ProxmoxVM) => (vm.spec.suspensions ?? []).map(({ by, reason }) => `${by} (${reason})`).join(', ')

/** The last suspension is gone, and the VM has not been started since. It may be gone before the shutdown it asked for had ended. */
export function isBeingUnsuspended(vm: ProxmoxVM, status: ProxmoxVMStatus): boolean {
  const said = conditionOf(status.conditions, 'Suspended')
  return !isSuspended(vm) && (said?.status === 'True' || said?.reason === 'Suspending')
}
