/** What `limits.deletions` of a ProxmoxCluster and the leave of a person allow. */
import { allowDeletionsAnnotation } from '../api/group.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import { parseDurationSeconds } from '../api/size.ts'
import { type DeletionLimit, usualMax } from './deletion-brake.ts'

const usualWindow = '10m'

/** `vms`: ProxmoxVMs of the cluster. A leave that is no time is none. */
export function deletionLimitOf({ spec, metadata }: ProxmoxCluster, vms: number): DeletionLimit {
  const { max, window = usualWindow } = spec.limits.deletions ?? {}
  const liftedUntilMs = Date.parse(metadata.annotations?.[allowDeletionsAnnotation] ?? '')
  return {
    max: max ?? usualMax(vms),
    windowMs: parseDurationSeconds(window) * 1000,
    ...(Number.isFinite(liftedUntilMs) && { liftedUntilMs }),
  }
}
