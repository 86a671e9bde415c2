import { accessRoutes } from './access/routes.ts'
import { extractRoutes } from './backup/extract-routes.ts'
import { backupRoutes } from './backup/routes.ts'
import { clusterRoutes } from './cluster/routes.ts'
import { sdnRoutes } from './cluster/sdn-routes.ts'
import { clusterSectionRoutes } from './cluster/section-routes.ts'
import { consoleRoutes } from './console/routes.ts'
import { firewallRoutes } from './firewall/routes.ts'
import { guestRoutes } from './guests/routes.ts'
import { haRoutes } from './ha/routes.ts'
import { rrdRoutes } from './node/rrd-routes.ts'
import { systemRoutes } from './node/system-routes.ts'
import type { Route } from './routes.ts'
import { storageRoutes } from './storage/routes.ts'
import { taskRoutes } from './tasks/routes.ts'

/** Everything the simulator serves below /api2/json. */
export const allRoutes: readonly Route[] = [
  ...accessRoutes,
  ...clusterRoutes,
  ...backupRoutes,
  ...taskRoutes,
  ...storageRoutes,
  ...guestRoutes,
  ...firewallRoutes,
  ...haRoutes,
  ...consoleRoutes,
  ...extractRoutes,
  ...systemRoutes,
  ...rrdRoutes,
  ...sdnRoutes,
  ...clusterSectionRoutes,
]
