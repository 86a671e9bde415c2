/** Bad manifests of what a package grants beside the machine; see refusals.ts. */
import { snapshotRefusals } from './snapshot-refusals.ts'
import { trafficRefusals } from './traffic-refusals.ts'

export const grantRefusals = [...snapshotRefusals, ...trafficRefusals]
