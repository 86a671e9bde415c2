import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import { fails, holds, isTrue, type Verdict } from './conditions.ts'

export const isSuspended = (vm: ProxmoxVM) => (vm.spec.suspensions ?? []).length > 0

/** `billing (unpaid), abuse (spam)`, for messages. */
export const holdersOf = (vm: ProxmoxVM) => (vm.spec.suspensions ?? []).map(({ by, reason }) => `${by} (${reason})`).join(', ')

/** The last suspension is gone, and the VM has not been started since. */
export const isBeingUnsuspended = (vm: ProxmoxVM) => !isSuspended(vm) && isTrue(vm.status?.conditions, 'Suspended')

/** True only once the VM is off. */
export function suspensionVerdict(vm: ProxmoxVM, power: string | undefined): Verdict {
  if (!isSuspended(vm)) return fails('Suspended', 'NotSuspended', '')
  const message = `Held by ${holdersOf(vm)}.`
  return power === 'stopped'
    ? holds('Suspended', 'Suspended', message)
    : fails('Suspended', 'Suspending', `${message} The VM is being shut down.`)
}
