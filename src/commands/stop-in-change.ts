import type { ProxmoxVM, ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import type { CommandName } from '../api/proxmoxvmcommand.ts'
import { fails } from '../engine/conditions.ts'
import { type Change, judged } from '../engine/status.ts'
import { isBeingUnsuspended } from '../want/suspension.ts'

// A Stop or Shutdown pressed while something under way would start the VM: whoever pressed it wants the VM off afterwards, too.

export const switchesOff = (command: CommandName): boolean => command === 'Stop' || command === 'Shutdown'

/** The change of package under way would start the VM at its end. */
export const startsAfterChange = ({ change }: ProxmoxVMStatus): boolean => change?.wasRunning === true || change?.start === true

/**
 * It stays as it is now, whatever was under way: a change of package, the first start of a birth or a reinstall whose end was not noted yet,
 * the start that ends a suspension. `nowIso`: a VM that a Stop has switched off had been started before.
 */
export const noStartAfter =
  (vm: ProxmoxVM, nowIso: string): Change =>
  ({ openStop: _, ...status }) => {
    const next = {
      ...status,
      firstStartedAt: status.firstStartedAt ?? nowIso,
      ...(status.change && { change: withoutStart(status.change) }),
    }
    return isBeingUnsuspended(vm, status) ? judged(vm, nowIso, [fails('Suspended', 'NotSuspended', '')])(next) : next
  }

const withoutStart = ({ start: _, ...change }: Underway): Underway => ({ ...change, wasRunning: false })
type Underway = NonNullable<ProxmoxVMStatus['change']>
