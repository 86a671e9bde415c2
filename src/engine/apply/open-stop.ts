/** A shutdown for a change of package whose answer was lost: PVE may begin it once the VM runs again, and then it was still the operator. */
import type { ProxmoxVMStatus } from '../../api/proxmoxvm-status.ts'
import type { Climb } from '../climb-pass.ts'
import { nowIso } from '../dependencies.ts'
import { findLostTask, tasksBefore } from '../lost-task.ts'
import { pveNowMs, pveTime } from '../pve-time.ts'
import { type Change, noted } from '../status.ts'
import { unplanned } from './change.ts'

const type = 'qmshutdown'

/** So long after the request, or after the start that followed it, PVE may still begin it (ms). */
const openForMs = 600_000

type OpenStop = ProxmoxVMStatus['openStop']

/** Before the request leaves. One that is open already stays open: this is another one. */
export function openedStop({ draft, cluster, deps }: Climb): Exclude<OpenStop, undefined> {
  const { openStop, vmid = 0 } = draft.status
  return {
    askedAt: openStop?.askedAt ?? pveTime(cluster, deps),
    tasks: [...new Set([...tasksBefore(cluster, deps, vmid, type), ...(openStop?.tasks ?? [])])].slice(0, 8),
  }
}

/** @param upid the answer to the newest request; `before`: what was open before it */
export function answeredStop(before: OpenStop, upid: string): Change {
  return withOpenStop(before && { ...before, tasks: [upid, ...before.tasks].slice(0, 8) })
}

export const withOpenStop =
  (openStop: OpenStop): Change =>
  ({ openStop: _, ...status }) => ({ ...status, ...(openStop && { openStop }) })

/** What switches the VM off from now on began after this start. */
export function startedSince({ draft, cluster, deps }: Climb): void {
  const { openStop } = draft.status
  if (openStop) draft.change(withOpenStop({ ...openStop, askedAt: pveTime(cluster, deps) }))
}

/** The VM is off: by the open request, if PVE lists a task that no other request accounts for. Then it is started again. */
export async function followOpenStop({ draft, look, cluster, deps, key }: Climb): Promise<void> {
  const { openStop, vmid = 0 } = draft.status
  if (!openStop) return
  if (pveNowMs(cluster, deps) - Date.parse(openStop.askedAt) > openForMs) return draft.change(withOpenStop(undefined))
  await look.need('power')
  if (look.seen.power !== 'stopped') return
  const known = new Set([...openStop.tasks, ...deps.commandsOf(key).map(({ status }) => status?.upid)])
  const late = await findLostTask(cluster, { node: look.at.node, vmid, type, askedAt: openStop.askedAt, known })
  if (late === undefined) return
  const iso = nowIso(deps.clock)
  const told = 'PVE carried out a shutdown for a change of package whose answer was lost; the operator starts the VM.'
  draft.change(withOpenStop(undefined), noted('stop', iso, 'LateStop', told), (status) => ({
    ...status,
    change: { ...(status.change ?? { since: iso, generation: unplanned }), wasRunning: true },
  }))
}
