/** A cluster that is only observed: no write leaves for its PVE. */
import { PveError } from './pve-error.ts'

/** Error code of a write that did not leave. */
export const observing = 'OBSERVING'

/** A write in this mode is a fault of ours: whoever plans one asks first. */
export const observed = (method: string, route: string): PveError =>
  new PveError({
    message: 'The ProxmoxCluster is in mode Observe: the operator writes nothing to PVE.',
    status: 0,
    sent: false,
    code: observing,
    method,
    route,
  })
