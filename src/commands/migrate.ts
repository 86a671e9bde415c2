/** The command Migrate: one request, noted before it; where the VM is tells whether it was done. */
import { capabilityOff } from '../cluster/capabilities.ts'
import { lookOf } from '../engine/apply/ascent.ts'
import { findLostTask } from '../engine/lost-task.ts'
import { pveTime } from '../engine/pve-time.ts'
import { mayBeginMs, unansweredForMs } from '../engine/unanswered.ts'
import { isLongUnlocked, unreportedEnd } from '../engine/unreported-end.ts'
import type { Look } from '../engine/look.ts'
import { freshMemory } from '../engine/memory.ts'
import { isPaused } from '../engine/after-pass.ts'
import { wait, waitForTask } from '../ladder/outcome.ts'
import { judge } from '../proxmox/failures.ts'
import { PveError } from '../proxmox/pve-error.ts'
import { type CommandPass, requestOf } from './command-pass.ts'
import { goneGuest } from './gone-guest.ts'
import { type CommandProgress, endFailed, endSucceeded } from './finish.ts'
import { behindLock, isOwnLock, pauseBehindLock } from './own-lock.ts'

/** The manager of high availability moves a guest in its own time. */
const movesWithinMs = 600_000

export async function migrate(pass: CommandPass): Promise<CommandProgress> {
  const { command, cluster, deps } = pass
  const target = command.command.spec.node ?? ''
  // The listing may still show it where it was.
  const look = lookOf({ ...pass, memory: freshMemory() }, cluster)
  await look.need('presence')
  const { upid, intentAt } = command.status
  const isThere = look.seen.guest === 'ours' && look.at.node === target
  if (upid !== undefined) return await followMove(pass, look, upid)
  if (intentAt !== undefined) {
    if (isThere) return moved(pass)
    const lost = await lostMove(pass, look)
    if (lost !== undefined) return await receipted(pass, lost)
    if (unansweredForMs(pass, requestOf(pass)) < mayBeginMs)
      return wait('CommandRunning', "PVE's answer was lost; the operator asks PVE for the result.", 3_000)
  }
  if (isThere) return endFailed(pass, 'PreconditionFailed', `The VM is already on ${target}.`)
  const why = await objection(pass, look, target)
  if (why !== undefined) return endFailed(pass, 'PreconditionFailed', why)
  const pause = pauseBehindLock(pass)
  if (pause) return pause
  command.status = { ...command.status, intentAt: pveTime(cluster, deps) }
  await command.save()
  deps.mayAct()
  unansweredForMs(pass, requestOf(pass))
  const online = look.seen.power === 'running'
  try {
    const request = { node: target, online, withLocalDisks: command.command.spec.withLocalDisks === true }
    return await receipted(pass, await cluster.pve.support(look.at).migrate(request))
  } catch (fault) {
    if (!(fault instanceof PveError)) throw fault
    const failure = judge(fault)
    if (failure.kind === 'unknown-outcome')
      return wait('CommandRunning', "PVE's answer was lost; the operator asks PVE for the result.", 3_000)
    if (isOwnLock(failure.message)) return await behindLock(pass, failure.message)
    return endFailed(pass, failure.reason, failure.message)
  }
}

async function receipted({ command }: CommandPass, upid: string): Promise<CommandProgress> {
  command.status = { ...command.status, upid }
  await command.save()
  return waitForTask(upid, `PVE moves the VM to ${command.command.spec.node}.`)
}

/** The task is of the node where the VM was. */
async function lostMove({ cluster, command, deps, key, draft }: CommandPass, look: Look): Promise<string | undefined> {
  const known = new Set(deps.commandsOf(key).map((other) => other.status?.upid))
  const of = { node: look.at.node, vmid: draft.status.vmid ?? 0, askedAt: command.status.intentAt ?? '', known }
  return (await findLostTask(cluster, { ...of, type: 'qmigrate' })) ?? (await findLostTask(cluster, { ...of, type: 'hamigrate' }))
}

async function followMove(pass: CommandPass, look: Look, upid: string): Promise<CommandProgress> {
  const { cluster, command } = pass
  const target = command.command.spec.node ?? ''
  const isThere = look.seen.guest === 'ours' && look.at.node === target
  const end = cluster.tasks.ended(upid)
  if (!end) return waitForTask(upid, `PVE moves the VM to ${target}.`)
  if (end.is === 'failed' && isOwnLock(end.exitstatus)) return await behindLock(pass, end.exitstatus)
  if (end.is === 'failed') return endFailed(pass, 'CommandFailed', end.exitstatus)
  const isGone = look.seen.guest !== 'ours' && look.seen.guest !== 'unproved'
  // The listing may not show yet where it is now.
  if (!isGone && (isThere || (await isOn(pass, target)))) return moved(pass)
  const gone = goneGuest(pass, look)
  if (gone) return gone
  const unreported = unreportedEnd(cluster, upid, { of: 'Migrate', isShown: isLongUnlocked(pass, upid) })
  if (unreported) return unreported
  const waitsForHa = upid.includes(':hamigrate:') && unansweredForMs(pass, upid) < movesWithinMs
  if (waitsForHa) return wait('CommandRunning', `PVE's high availability moves the VM to ${target}.`, 5_000)
  return endFailed(pass, 'CommandFailed', `The task ended, and VM ${look.at.vmid} is on ${look.at.node}.`)
}

/** Its configuration lies there; the listing may be older. */
async function isOn({ cluster, draft }: CommandPass, node: string): Promise<boolean> {
  try {
    await cluster.pve.config({ node, vmid: draft.status.vmid ?? 0 })
    return true
  } catch (fault) {
    // A token with rights through a PVE pool is refused a guest that PVE does not have.
    if (['absent', 'denied'].includes(judge(fault).kind)) return false
    throw fault
  }
}

function moved(pass: CommandPass): CommandProgress {
  const target = pass.command.command.spec.node ?? ''
  pass.draft.change((status) => ({ ...status, node: target }))
  return endSucceeded(pass, `The VM is on ${target}.`)
}

async function objection(pass: CommandPass, look: Look, target: string): Promise<string | undefined> {
  const { cluster, command, draft } = pass
  if (isPaused(draft.vm)) return 'Reconciliation of the VM is paused (annotation pve.hosting/paused); remove the annotation first.'
  const off = capabilityOff(cluster.facts(), 'migrate')
  if (off !== undefined) return off
  const { guest, lock } = look.seen
  if (guest !== 'ours') return `PVE does not show VM ${draft.status.vmid} as the VM of this object; try again later.`
  if (lock) return `PVE holds the lock "${lock}" on the VM; try again when PVE releases it.`
  const nodes = [...(cluster.inventory.current()?.nodes.values() ?? [])]
  const node = nodes.find((one) => one.node === target)
  if (!node)
    return `PVE has no node "${target}"; there are ${nodes
      .map((one) => one.node)
      .toSorted()
      .join(', ')}.`
  if (!node.online) return `Node ${target} is offline.`
  await look.need('power')
  if (command.command.spec.withLocalDisks === true) return undefined
  const local = await cluster.pve.support(look.at).localDisks()
  if (local.length === 0) return undefined
  return `${local.map(({ volume }) => volume).join(', ')} are on storages that only ${look.at.node} has: write withLocalDisks: true to copy them.`
}
