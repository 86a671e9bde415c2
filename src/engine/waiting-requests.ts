/** What somebody asked of a VM that nobody can see: it waits, and says so (pure). */
import type { ProxmoxVM, ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import { requestedReinstall } from './reinstall-state.ts'
import { requestedRestore } from './restore/restore-state.ts'

/** Sentences, or nothing. */
export function waitingRequests({ vm, status }: { readonly vm: ProxmoxVM; readonly status: ProxmoxVMStatus }): string[] {
  if (vm.metadata.deletionTimestamp) return ['Its deletion waits for that, and keeps number and addresses.']
  const { restore, reinstall } = status
  return [
    ...told('Restore', restore?.running, restore?.running?.askedAt ?? restore?.running?.isDiskless, requestedRestore(vm, status)),
    ...told('Reinstall', reinstall?.running, reinstall?.running?.destroyAt, requestedReinstall(vm, status)),
  ]
}

function told(
  what: string,
  running: { readonly requestID: string } | undefined,
  hasDeleted: unknown,
  requested: string | undefined,
): string[] {
  if (running && hasDeleted) return [`${what} ${running.requestID} is under way and goes on then.`]
  const id = running?.requestID ?? requested
  return id === undefined ? [] : [`${what} ${id} has not begun and nothing was deleted; it waits for that too.`]
}
