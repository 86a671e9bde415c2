import type { ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import type { CommandName } from '../api/proxmoxvmcommand.ts'
import type { Change } from '../engine/status.ts'

// A Stop or Shutdown pressed during a change of package: whoever pressed it wants the VM off afterwards, too.

export const switchesOff = (command: CommandName): boolean => command === 'Stop' || command === 'Shutdown'

/** The change of package under way would start the VM at its end. */
export const startsAfterChange = ({ change }: ProxmoxVMStatus): boolean => change?.wasRunning === true || change?.start === true

/** It stays as it is now. */
export const noStartAfterChange: Change = (status) => {
  if (!status.change) return status
  const { start: _, ...change } = status.change
  return { ...status, change: { ...change, wasRunning: false } }
}
