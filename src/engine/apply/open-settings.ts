/** A request for the configuration whose answer was lost, and which a withdrawn edit no longer asks for: PVE may begin it late. */
import type { ProxmoxVMStatus } from '../../api/proxmoxvm-status.ts'
import { type Obstacle, wait } from '../../ladder/outcome.ts'
import type { Seen } from '../../ladder/machine.ts'
import type { Climb } from '../climb-pass.ts'
import { pveTime } from '../pve-time.ts'
import type { Change } from '../status.ts'
import { unansweredForMs } from '../unanswered.ts'

/** So long after it PVE may still begin it (ms), as with a clone. */
const openForMs = 300_000

/** Until the next look at it (ms). */
const lookAfterMs = 10_000

/** Before the request leaves: PVE refuses it once the configuration has another digest than this one. */
export const settingsSent =
  ({ deps, cluster }: Climb, digest: string): Change =>
  (status) => ({ ...status, ...(status.change && { change: { ...status.change, sent: { digest, askedAt: pveTime(cluster, deps) } } }) })

/** @param open what was open before a request that PVE has refused; absent: PVE has answered that it carries the request out */
export const settingsAnswered =
  (open?: NonNullable<ProxmoxVMStatus['change']>['sent']): Change =>
  (status) => {
    if (!status.change) return status
    const { sent: _, ...change } = status.change
    return { ...status, change: { ...change, ...(open && { sent: open }) } }
  }

/** PVE would still carry it out: nobody has changed the configuration since. */
export const areSettingsOpen = ({ change }: ProxmoxVMStatus, config: Seen['config']): boolean =>
  change?.sent !== undefined && change.sent.digest === config?.digest

/** Nothing is missing, but it may come: until then no address goes back to its pool, and no disk is forgotten. */
export function openSettings(climb: Climb): Obstacle | undefined {
  const { draft, look } = climb
  const { change } = draft.status
  if (!change?.sent || !areSettingsOpen(draft.status, look.seen.config)) return undefined
  if (unansweredForMs(climb, `${draft.vm.metadata.uid} ${change.sent.askedAt}`) > openForMs) return undefined
  const message = `PVE's answer to the change of settings of ${change.sent.askedAt} may have been lost, and PVE may still carry it out; the operator looks for it for 5 minutes.`
  return wait('Retrying', message, lookAfterMs)
}
