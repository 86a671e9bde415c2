/** What is measured of a fleet at one size. */
import type { Lags } from './fleet-changes.ts'
import type { Creation } from './fleet-create.ts'
import type { Idleness } from './fleet-idle.ts'
import type { Restart } from './fleet-restart.ts'

export interface FleetSize {
  readonly count: number
  readonly creation: Creation
  readonly idle: Idleness
  readonly restart: Restart
  readonly lags: Lags
}
