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

export const addressVerdict = ({ releasing, standing }: GuestState): ConditionUpdate =>
  holds('AddressesAllocated', 'Succeeded', [...stays(releasing), ...stands(standing)].join(' '))

const stays = (releasing: readonly string[]): string[] =>
  releasing.length === 0 ? [] : [`The guest may still use ${releasing.join(', ')}, which stays reserved until the next start from off.`]

const stands = (standing: readonly string[]): string[] =>
  standing.length === 0
    ? []
    : [
        `${standing.join(', ')} is not in spec.addresses, and PVE still shows it at this VM (ipconfigN or ipfilter-netN of a network card, or the ipfilter-net0 of a VM that was taken over), so it stays reserved. Remove it there, or run kubectl pve set-firewall for ipfilter-net0; or add it to spec.addresses.`,
      ]
