/** The status of a ProxmoxVMConsole, phase by phase (pure). */
import type { Condition } from '../api/object.ts'
import type { ConsolePhase } from '../api/other-words.ts'
import type { ProxmoxVMConsole, ProxmoxVMConsoleStatus } from '../api/proxmoxvmconsole.ts'
import type { Reason } from '../api/reasons.ts'

type Verdict = { readonly reason: Reason; readonly message: string }

const statuses: Record<ConsolePhase, { readonly ready: Condition['status']; readonly also?: 'Reconciling' | 'Stalled' }> = {
  Pending: { ready: 'False', also: 'Reconciling' },
  Waiting: { ready: 'True' },
  Open: { ready: 'True' },
  Ended: { ready: 'True' },
  Refused: { ready: 'False', also: 'Stalled' },
}

/** The status with another phase; `now` is RFC 3339. Times of conditions that stay as they were are kept. */
export function consoleStatus(
  viewing: ProxmoxVMConsole,
  phase: ConsolePhase,
  { reason, message }: Verdict,
  now: string,
  more: Partial<ProxmoxVMConsoleStatus> = {},
): ProxmoxVMConsoleStatus {
  const observedGeneration = viewing.metadata.generation ?? 0
  const { ready, also } = statuses[phase]
  const condition = (type: string, status: Condition['status']): Condition => {
    const before = viewing.status?.conditions?.find((one) => one.type === type)
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : now
    return { type, status, reason, message: message.slice(0, 4096), lastTransitionTime, observedGeneration }
  }
  const conditions = [condition('Ready', ready), ...(also ? [condition(also, 'True')] : [])]
  return { ...viewing.status, ...more, observedGeneration, phase, message: message.slice(0, 4096), conditions }
}

/** Over, however it ended. */
export const isOver = ({ status }: ProxmoxVMConsole): boolean => status?.phase === 'Refused' || status?.endedAt !== undefined
