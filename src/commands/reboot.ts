import type { Look } from '../engine/look.ts'
import { endOf } from '../proxmox/task-end.ts'
import { startOfUpid } from '../proxmox/upid.ts'
import { type Outcome, wait } from '../ladder/outcome.ts'
import type { CommandPass } from './command-pass.ts'
import { pveNowMs } from '../engine/pve-time.ts'

// The end of a Reboot. qmreboot ends OK when the guest is down; its start is a second task, by root@pam, 1 to 2 s later, and may fail.

/** PVE starts the guest within seconds; qm cleanup may hold it up for 30 s. */
const startsWithinMs = 60_000
/** Four requests each time, so the longer it is down the more seldom. */
const lookAgainMs = (downMs: number): number => Math.min(10_000, Math.max(1_000, downMs / 2))
/** Both are told in whole seconds. */
const slackSeconds = 2

export type RebootEnd = Outcome | { readonly is: 'succeeded' } | { readonly is: 'failed'; readonly why: string }

/** Succeeded once the guest runs in a process that is younger than the reboot. */
export async function rebootEnd(pass: CommandPass, look: Look, upid: string): Promise<RebootEnd> {
  const { cluster, deps, memory, draft } = pass
  const nowMs = deps.clock.monotonicMs()
  const downSinceMs = (memory.command.downSinceMs ??= nowMs)
  const startedSeconds = startOfUpid(upid)
  const elapsedSeconds = pveNowMs(cluster, deps) / 1000 - startedSeconds
  const { status, uptimeSeconds } = await cluster.pve.statusCurrent(look.at)
  if (status === 'running' && uptimeSeconds <= elapsedSeconds + slackSeconds) return { is: 'succeeded' }
  const start = status === 'running' ? undefined : await startAfter(pass, look, startedSeconds)
  if (start?.is === 'failed')
    return { is: 'failed', why: `The guest shut down for the reboot, and PVE failed to start it again: ${start.exitstatus}` }
  // However long the start takes: a Start beside it would fail.
  if (start?.is === 'runs')
    return wait('CommandRunning', 'The guest has shut down; PVE is starting it again.', lookAgainMs(nowMs - downSinceMs))
  if (nowMs - downSinceMs < startsWithinMs)
    return wait(
      'CommandRunning',
      'The guest has shut down; the operator waits for PVE to start it again.',
      lookAgainMs(nowMs - downSinceMs),
    )
  const why =
    status === 'running'
      ? `The VM has not rebooted yet; it has run for ${uptimeSeconds} s.`
      : `The guest shut down for the reboot, and PVE has not started VM ${draft.status.vmid} within a minute. Use the command Start.`
  return { is: 'failed', why }
}

/** The start that followed, if it runs or has failed. The newest counts: somebody may have tried again. */
async function startAfter(
  { cluster, draft }: CommandPass,
  look: Look,
  since: number,
): Promise<{ readonly is: 'runs' } | { readonly is: 'failed'; readonly exitstatus: string } | undefined> {
  const query = { typefilter: 'qmstart', vmid: draft.status.vmid ?? 0, since, limit: 20 }
  const running = await cluster.pve.tasks(look.at.node, { ...query, source: 'active' })
  if (running.some(({ status }) => status === 'RUNNING')) return { is: 'runs' }
  const [newest] = (await cluster.pve.tasks(look.at.node, { ...query, source: 'archive' })).toSorted((a, b) => b.starttime - a.starttime)
  const end = newest && endOf(newest.status)
  return end?.is === 'failed' ? end : undefined
}
