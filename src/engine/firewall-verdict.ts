/** The condition FirewallConfigured of a VM whose rules are as they should be: whether PVE enforces them. Pure. */
import { type ConditionUpdate, fails, holds } from './conditions.ts'

/** `isEnforced`: undefined where the token may not ask. */
export function firewallVerdict(isWanted: boolean, isEnforced: boolean | undefined): ConditionUpdate {
  if (!isWanted || isEnforced !== false) return holds('FirewallConfigured')
  return fails(
    'FirewallConfigured',
    'NotEnforced',
    'The firewall rules are written, but the datacenter firewall is off; an admin must turn it on in PVE (Datacenter, Firewall, Options).',
  )
}
