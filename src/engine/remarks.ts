/** The column REMARKS: what takes nothing away from Ready and is worth knowing, as reasons in one short string. Pure. */
import type { Condition } from '../api/object.ts'
import type { ProxmoxVMStatus } from '../api/proxmoxvm-status.ts'
import { type Reason, reasons } from '../api/reasons.ts'
import { undoneIn } from './undone-words.ts'

/** `PackageOutdated,RestartRequired`; undefined: there is nothing to remark. */
export function remarksIn({ conditions = [], haState }: ProxmoxVMStatus): string | undefined {
  const told = [...conditions.flatMap(remarksOf), ...(haState ? [`HA:${haState}`] : [])]
  const remarks = [...new Set(told)].join(',').slice(0, 256)
  return remarks === '' ? undefined : remarks
}

function remarksOf({ type, status, reason, message }: Condition): string[] {
  switch (type) {
    case 'PackageApplied':
      return status === 'False' ? undoneIn({ reason, message }).filter(isWorthKnowing) : []
    case 'RestartRequired':
      return status === 'True' ? ['RestartRequired'] : []
    case 'Paused':
      return status === 'True' ? ['Paused'] : []
    case 'TemplateApplied':
    case 'FirewallConfigured':
    case 'DNSSynced':
    case 'TrafficWithinLimit':
      return status === 'False' && isWorthKnowing(reason) ? [reason] : []
    case 'CloudInitConfigured':
      return isWorthKnowing(reason) ? [reason] : []
    default:
      return []
  }
}

/** Somebody must act, now or some day; what passes by itself would only come and go. */
function isWorthKnowing(reason: string): boolean {
  const who = reasons[reason as Reason]?.who
  return who === 'user' || who === 'admin'
}
