/** The commands that ask for work of the engine: each leaves its intent in the status of the VM or climbs one rung. */
import type { CommandName } from '../api/proxmoxvmcommand.ts'
import { resolvePackage } from '../want/package.ts'
import { ensureFinalizer } from '../engine/create/finalizer.ts'
import { unplanned } from '../engine/apply/change.ts'
import { askForPackage } from '../engine/adopt/as-found-state.ts'
import { isOnlyLeft } from '../engine/apply/leaving.ts'
import { claimAddresses } from '../engine/create/addresses.ts'
import { backupUnderWay } from '../engine/backup-under-way.ts'
import { forgetOldDisk, noteReinstallBegun } from '../engine/reinstall-state.ts'
import { beginReinstall } from '../engine/remove/reinstall.ts'
import { notePossessions } from '../engine/remove/foreign-possessions.ts'
import type { RemovalLook } from '../engine/remove/removal-look.ts'
import { hindranceOf, storageAway } from '../engine/remove/reinstall-check.ts'
import { removeFromPve } from '../engine/remove/removal.ts'
import { fails } from '../engine/conditions.ts'
import { holdsNothing } from '../want/birth.ts'
import { nothingSeen } from '../want/guest-seen.ts'
import { nowIso } from '../engine/dependencies.ts'
import { awaiting, judged, working } from '../engine/status.ts'
import { removals } from '../lifecycle.ts'
import { type Outcome, wait, isOutcome } from '../ladder/outcome.ts'
import type { CommandPass } from './command-pass.ts'
import { conditionOf } from '../api/condition.ts'
import { mayUsePackage, packageOf, prepare } from '../engine/apply/prepare.ts'
import { type CommandProgress, endSucceeded, endFailed } from './finish.ts'
import { migrate } from './migrate.ts'
import { resetPassword } from './reset-password.ts'
import { rollBack } from './roll-back.ts'
import { synchroniseDns } from './synchronise-dns.ts'
import { climbRung } from './climb-rung.ts'

/** Carries out one command that is no power button. `isNew`: this pass began it. */
export async function runWork(pass: CommandPass, name: CommandName, isNew: boolean): Promise<CommandProgress> {
  switch (name) {
    case 'Reinstall':
    case 'Clone':
      return await rebuild(pass, name, isNew)
    case 'ChangePackage':
      return await changePackage(pass, isNew)
    case 'Remove':
      return await remove(pass)
    case 'SetDedicatedIP':
      return await allocate(pass)
    case 'Rollback':
      return await rollBack(pass, isNew)
    case 'Migrate':
      return await migrate(pass)
    case 'ResetPassword':
      return await resetPassword(pass)
    case 'SetDNSRecords':
      return synchroniseDns(pass)
    default:
      return await climbRung(pass, name)
  }
}

/** The request ID is the command's own, so that it can never run twice. */
const requestIdOf = ({ command }: CommandPass) => `command/${command.command.metadata.uid}`

async function rebuild(pass: CommandPass, name: 'Reinstall' | 'Clone', isNew: boolean): Promise<CommandProgress> {
  const { draft, command, deps } = pass
  const requestID = requestIdOf(pass)
  const { completedIDs, running } = draft.status.reinstall ?? {}
  if (completedIDs?.includes(requestID))
    return endSucceeded(pass, name === 'Clone' ? 'The VM was cloned and is ready.' : 'The VM was reinstalled and is ready.')
  if (running?.requestID === requestID) return 'goes on'
  const { firstReadyAt, removedAt } = draft.status
  // Nobody makes a VM that was removed before it was ready, unless somebody asks for it.
  if (name === 'Clone' && !removedAt && (command.status.intentAt || !firstReadyAt)) return await followBirth(pass)
  if (!isNew && running) return endFailed(pass, 'AnotherCommand', `A newer reinstall (${running.requestID}) took its place.`)
  const { template } = command.command.spec
  const request = { requestID, ...(template && { template }) }
  const hindrance = await hindranceOf(pass, pass.cluster, request)
  if (hindrance) return hindrance.is === 'stalled' ? endFailed(pass, hindrance.reason, hindrance.message) : hindrance
  if (name === 'Reinstall') await beginReinstall(pass, request)
  else {
    const iso = nowIso(deps.clock)
    const cloned = { requestID, since: iso, removed: true, isClone: true }
    const verdict = fails('Cloned', 'Provisioning', 'The command Clone asked for the VM; the operator makes it next.')
    draft.change(forgetOldDisk(cloned), noteReinstallBegun(cloned), judged(draft.vm, iso, [verdict]))
    await draft.save()
  }
  return 'goes on'
}

/** A VM on its first way up the ladder is cloned by the operator in any case, and a second clone would be one too many. */
async function followBirth(pass: CommandPass): Promise<CommandProgress> {
  const { draft, command, deps } = pass
  if (command.status.intentAt === undefined) {
    command.status = { ...command.status, intentAt: nowIso(deps.clock) }
    // Once the VM is ready nothing else tells that this was a birth.
    await command.save()
  }
  return draft.status.firstReadyAt ? endSucceeded(pass, 'The VM was cloned and is ready.') : 'goes on'
}

async function changePackage(pass: CommandPass, isNew: boolean): Promise<CommandProgress> {
  const { draft, deps, command } = pass
  if (command.status.intentAt && !draft.status.change)
    return endSucceeded(
      pass,
      conditionOf(draft.status.conditions, 'PackageApplied')?.message || 'The VM has the newest version of its package.',
    )
  if (command.status.intentAt && isOnlyLeft(draft.status)) {
    const told = conditionOf(draft.status.conditions, 'PackageApplied')
    return endFailed(pass, 'CommandFailed', told?.message ?? 'PVE refused part of the package.')
  }
  if (!isNew && command.status.intentAt) return 'goes on'
  // Before the one in force is let go.
  const newest = resolvePackage(draft.vm, {}, packageOf(deps, draft.vm), mayUsePackage(deps, draft.vm))
  if (isOutcome(newest)) return endFailed(pass, newest.reason, newest.message)
  // What could not be applied now would be applied at any later time, with a restart that nobody expects.
  const prepared = await prepare(pass)
  if (isOutcome(prepared)) return prepared.is === 'wait' ? prepared : endFailed(pass, prepared.reason, prepared.message)
  const since = nowIso(deps.clock)
  command.status = { ...command.status, intentAt: since }
  draft.change(askForPackage(since), ({ packageSource: _, ...status }) => ({
    ...status,
    change: { since, generation: unplanned, start: true },
  }))
  await draft.save()
  await command.save()
  return 'goes on'
}

async function remove(pass: CommandPass): Promise<CommandProgress> {
  const { draft, deps, cluster } = pass
  const gone = await removeFromPve(pass, cluster, {
    ladder: holdsNothing(draft.status) ? removals.setAsideUnfinished : removals.setAside,
    errand: { kind: 'Remove', id: pass.command.command.metadata.uid ?? '' },
    hindrance: async () => backupUnderWay(pass) ?? storageAway(await cluster.inventory.since(deps.clock.monotonicMs()), draft.status),
    before: async (_, look) => await noteForClone(pass, look),
  })
  // The brake on deletions lets it go on later.
  if (gone.is === 'stalled' && gone.reason === 'TooManyDeletions') return wait(gone.reason, gone.message)
  if (gone.is === 'stalled') return endFailed(pass, gone.reason, gone.message)
  if (gone.is === 'wait' && gone.task !== undefined) draft.change(awaiting('remove', nowIso(deps.clock), gone.task))
  if (gone.is !== 'done') return gone
  draft.change(
    ({ guestSeen, ...status }) => ({ ...status, ...(guestSeen && { guestSeen: nothingSeen(guestSeen) }), removedAt: nowIso(deps.clock) }),
    working('remove', nowIso(deps.clock)),
  )
  await draft.save()
  return endSucceeded(pass, `The operator deleted VM ${draft.status.vmid} and keeps its VMID, addresses and backups.`)
}

/** What Clone or Reinstall put back, in status before the VM goes. */
async function noteForClone(pass: CommandPass, look: RemovalLook): Promise<Outcome> {
  const outcome = await notePossessions(pass, pass.cluster, look)
  if (outcome.is === 'done') await pass.draft.save()
  return outcome
}

async function allocate(pass: CommandPass): Promise<CommandProgress> {
  await ensureFinalizer(pass.deps, pass.draft)
  const had = new Set(pass.draft.status.addresses?.map(({ address }) => address))
  const grants = await claimAddresses(pass.deps, pass.draft)
  if (isOutcome(grants)) return endFailed(pass, grants.reason, grants.message)
  const listed = (isNew: boolean) => grants.filter(({ address }) => had.has(address) !== isNew).map(({ address }) => address)
  const told = [listed(true), listed(false)].map((addresses) => addresses.join(', '))
  const sentences = [told[0] && `Allocated: ${told[0]}.`, told[1] && `The VM already has ${told[1]}.`].filter(Boolean)
  return endSucceeded(pass, sentences.join(' ') || 'The VM has no entry in spec.addresses.')
}
