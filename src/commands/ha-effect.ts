/** A power command on a VM that high availability looks after: PVE's task only hands the wish over, the effect comes 10 to 30 s later. */
import { startOfUpid, typeOfUpid } from '../proxmox/upid.ts'
import type { Reason } from '../api/reasons.ts'
import { parseDurationSeconds } from '../api/size.ts'
import { haErrorSentence } from '../engine/ha-error.ts'
import type { Look } from '../engine/look.ts'
import { type Outcome, wait } from '../ladder/outcome.ts'
import type { CommandPass } from './command-pass.ts'
import { pveNowMs } from '../engine/pve-time.ts'

/** Types of the tasks of each command (pve-manager, API2/Qemu). HA has none for a reboot or a reset. */
export const taskTypes = {
  own: { Start: 'qmstart', Stop: 'qmstop', Shutdown: 'qmshutdown', Reboot: 'qmreboot', Reset: 'qmreset' },
  ofHa: { Start: 'hastart', Stop: 'hastop', Shutdown: 'hastop', Reboot: 'qmreboot', Reset: 'qmreset' },
} as const

export const isOfHa = (upid: string): boolean => /^ha(start|stop)$/.test(typeOfUpid(upid))

/** Two rounds of the manager and one of the node, and room for a busy node; beside it the guest's own time to shut down or boot. */
const patienceMs = 120_000
/** One small request each; after half a minute every 10 s. */
const lookAgainMs = 3_000

export type HaEffect =
  | { readonly is: 'there' }
  | { readonly is: 'waits'; readonly wait: Outcome }
  | { readonly is: 'failed'; readonly reason: Reason; readonly why: string }

/** The guest itself says whether it is as wished; the wish is sent once. */
export async function haEffect(pass: CommandPass, look: Look, wished: 'running' | 'stopped', upid: string): Promise<HaEffect> {
  const { cluster, deps, draft } = pass
  const startedMs = startOfUpid(upid) * 1000
  const elapsedMs = Math.max(0, pveNowMs(cluster, deps) - startedMs)
  await look.need('power')
  const { power, haState = 'nothing yet' } = look.seen
  if (power === wished) return { is: 'there' }
  if (haState === 'error') return { is: 'failed', reason: 'HaError', why: haErrorSentence(look.at) }
  const guestMs = wished === 'stopped' ? parseDurationSeconds(draft.vm.spec.shutdownTimeout) * 1000 : 0
  const verb = wished === 'running' ? 'start' : 'stop'
  if (elapsedMs > patienceMs + guestMs) {
    const why = `PVE's high availability accepted the order to ${verb} VM ${look.at.vmid} and has not carried it out within ${Math.round(elapsedMs / 1000)} s (its state is ${haState}). PVE keeps the order; look at the HA tab of PVE.`
    return { is: 'failed', reason: 'CommandFailed', why }
  }
  const told = `PVE's high availability was asked to ${verb} VM ${look.at.vmid} and usually does so within 10 to 30 s (its state is ${haState}).`
  return { is: 'waits', wait: wait('HaPending', told, elapsedMs < 30_000 ? lookAgainMs : 10_000) }
}
