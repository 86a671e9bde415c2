/** What waits for the next start from off, as conditions. */
import { fails, holds, type ConditionUpdate } from '../conditions.ts'
import type { GuestState } from '../releasing.ts'

/** @param pending keys of PVE that a running VM does not take */
export function restartVerdict(pending: readonly string[], { behind, releasing }: GuestState): ConditionUpdate {
  const waiting = [...pending, ...behind.filter((field) => !pending.includes(field))]
  if (waiting.length === 0 && releasing.length === 0) return fails('RestartRequired', 'NoRestartRequired', '')
  const inForce = waiting.length > 0 ? [`Takes effect only at the next start from off: ${waiting.join(', ')}.`] : []
  return holds('RestartRequired', 'RestartRequired', [...inForce, ...stays(releasing)].join(' '))
}

export const addressVerdict = ({ releasing }: GuestState): ConditionUpdate =>
  holds('AddressesAllocated', 'Succeeded', stays(releasing).join(' '))

const stays = (releasing: readonly string[]): string[] =>
  releasing.length === 0 ? [] : [`The guest may still use ${releasing.join(', ')}, which stays reserved until the next start from off.`]
