import type { Route } from '../routes.ts'
import { storageContentRoutes } from './content-routes.ts'
import { storageDefinitionRoutes } from './definition-routes.ts'
import { storagePruneRoutes } from './prune-routes.ts'
import { storageUploadRoutes } from './upload.ts'
import { storageStatusRoutes } from './status-routes.ts'

/** /storage and everything below /nodes/{node}/storage. */
export const storageRoutes: readonly Route[] = [
  ...storageStatusRoutes,
  ...storageDefinitionRoutes,
  ...storageContentRoutes,
  ...storagePruneRoutes,
  ...storageUploadRoutes,
]
