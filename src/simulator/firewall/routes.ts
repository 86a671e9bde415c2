import type { Route } from '../routes.ts'
import { firewallAliasRoutes } from './alias-routes.ts'
import { firewallGroupRoutes } from './group-routes.ts'
import { firewallIpsetRoutes } from './ipset-routes.ts'
import { firewallOptionRoutes } from './option-routes.ts'
import { firewallRuleRoutes } from './rule-routes.ts'

/** Everything below /cluster/firewall, /nodes/{node}/qemu/{vmid}/firewall and /nodes/{node}/firewall/options. */
export const firewallRoutes: readonly Route[] = [
  ...firewallOptionRoutes,
  ...firewallRuleRoutes,
  ...firewallIpsetRoutes,
  ...firewallAliasRoutes,
  ...firewallGroupRoutes,
]
