import type { Route } from '../routes.ts'
import { groupRoutes } from './group-routes.ts'
import { permissionRoutes } from './permission-routes.ts'
import { realmRoutes } from './realm-routes.ts'
import { roleRoutes } from './role-routes.ts'
import { tokenRoutes } from './token-routes.ts'
import { userRoutes } from './user-routes.ts'

/** Everything below /access. */
export const accessRoutes: readonly Route[] = [
  ...permissionRoutes,
  ...userRoutes,
  ...tokenRoutes,
  ...groupRoutes,
  ...roleRoutes,
  ...realmRoutes,
]
