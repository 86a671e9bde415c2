import type { Route } from '../routes.ts'
import { permissionRoutes } from './permission-routes.ts'
import { userRoutes } from './user-routes.ts'

/** Everything below /access. */
export const accessRoutes: readonly Route[] = [...permissionRoutes, ...userRoutes]
