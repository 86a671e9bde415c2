/** Who holds a VM off: entries of spec.suspensions, and its traffic. Pure. */
import type { ProxmoxVM, ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import { conditionOf } from '../api/condition.ts'
import { isHeldByTraffic, isThrottleOpen, usedSentence } from './traffic.ts'

export const isSuspended = (vm: ProxmoxVM): boolean => (vm.spec.suspensions ?? []).length > 0 || isHeldByTraffic(vm)

/** `billing (unpaid), abuse (spam)`, for messages. */
export const holdersOf = (vm: ProxmoxVM): string =>
  [
    ...(vm.spec.suspensions ?? []).map(({ by, reason }) => `${by} (${reason})`),
    ...(isHeldByTraffic(vm) ? [`traffic (${usedSentence(vm.status ?? {})})`] : []),
  ].join(', ')

/** Why a suspended VM is not started, and when it is. */
export function suspendedSentence(vm: ProxmoxVM): string {
  const ends = isHeldByTraffic(vm)
    ? `the one by traffic ends with the period (${vm.status?.usage?.periodEnd}) or with a higher limit`
    : undefined
  return `The VM is suspended by ${holdersOf(vm)}; the VM starts when the last suspension is removed${ends ? `: ${ends}` : ''}.`
}

/** The last suspension is gone, and the VM has not been started since. It may be gone before the shutdown it asked for had ended. */
export function isBeingUnsuspended(vm: ProxmoxVM, status: ProxmoxVMStatus): boolean {
  const said = conditionOf(status.conditions, 'Suspended')
  return !isSuspended(vm) && (said?.status === 'True' || said?.reason === 'Suspending')
}

/** Traffic suspends, throttles and lifts without an edit of the object: true until that is done and said. */
export function isTrafficOpen(vm: ProxmoxVM): boolean {
  const isSaid = conditionOf(vm.status?.conditions, 'Suspended')?.status === 'True'
  const isOpen = isSuspended(vm) ? !isSaid : isBeingUnsuspended(vm, vm.status ?? {})
  return isOpen || isThrottleOpen(vm)
}
