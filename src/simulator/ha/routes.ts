// Everything below /cluster/ha.
import type { Route } from '../routes.ts'
import { haResourceRoutes } from './resource-routes.ts'
import { haRuleRoutes } from './rule-routes.ts'
import { haStatusRoutes } from './status-routes.ts'

export const haRoutes: readonly Route[] = [...haStatusRoutes, ...haResourceRoutes, ...haRuleRoutes]
