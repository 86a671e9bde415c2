import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import { holdersOf, isSuspended } from '../../want/suspension.ts'
import { fails, holds, type ConditionUpdate } from '../conditions.ts'

/** True only once the VM is off. */
export function suspensionVerdict(vm: ProxmoxVM, power: string | undefined): ConditionUpdate {
  if (!isSuspended(vm)) return fails('Suspended', 'NotSuspended', '')
  const message = `Suspended by ${holdersOf(vm)}.`
  const reason = (vm.spec.suspensions ?? []).length === 0 ? 'TrafficExceeded' : 'Suspended'
  return power === 'stopped'
    ? holds('Suspended', reason, message)
    : fails('Suspended', 'Suspending', `${message} The operator shuts the VM down.`)
}
