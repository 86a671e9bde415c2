import type { CommandName, ProxmoxVMCommand } from '../api/proxmoxvmcommand.ts'
import type { Reason } from '../api/words.ts'
import { resolvePackage } from '../want/package.ts'
import { ensureFinalizer } from '../engine/create/finalizer.ts'
import { unplanned } from '../engine/apply/change.ts'
import { climbLadder } from '../engine/apply/climb.ts'
import { claimAddresses } from '../engine/create/addresses.ts'
import type { Look } from '../engine/look.ts'
import type { Memory } from '../engine/memory.ts'
import { freshMemory } from '../engine/memory.ts'
import type { Pass } from '../engine/pass.ts'
import { forgetOldDisk, noteReinstallBegun } from '../engine/reinstall-state.ts'
import { beginReinstall } from '../engine/remove/reinstall.ts'
import { notePossessions } from '../engine/remove/foreign-possessions.ts'
import type { RemovalLook } from '../engine/remove/removal-look.ts'
import { hindranceOf } from '../engine/remove/reinstall-check.ts'
import { removeFromPve } from '../engine/remove/removal.ts'
import { nowIso, recordEvent, type Dependencies } from '../engine/dependencies.ts'
import { isPaused } from '../engine/after-pass.ts'
import { working } from '../engine/status.ts'
import { removals, stepOf } from '../lifecycle.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import { CommandStatusDraft, isFinished } from './command-status-draft.ts'
import { isPowerCommand, runPowerCommand } from './power-buttons.ts'
import { refusalOf } from './preconditions.ts'
import { noStartAfterChange, startsAfterChange, switchesOff } from './stop-in-change.ts'
import { type Outcome, wait, isOutcome } from '../ladder/outcome.ts'
import type { CommandPass } from './command-pass.ts'
import { conditionOf } from '../api/condition.ts'
import { beginLook, climbOf, lookOf, wantWithSlots } from '../engine/apply/ascent.ts'
import { mayUsePackage, packageOf, prepare } from '../engine/apply/prepare.ts'
import { readTask } from './command-task.ts'

type CommandProgress = Outcome | 'finished' | 'goes on'

/**
 * The commands of one VM, one at a time and each once. Undefined: nothing to wait for, the pass over the VM goes on. Commands that ask for work
 * of the engine (Reinstall, Clone, ChangePackage) leave their intent in the VM's status and end when that work has.
 */
export async function runCommands(pass: Pass, cluster: PveCluster | undefined): Promise<Outcome | undefined> {
  const open = openCommands(pass)
  const current = open.find((command) => command.status?.startedAt) ?? open[0]
  if (!current) return undefined
  const command = new CommandStatusDraft({ command: current, client: pass.deps.client, store: pass.deps.commands })
  for (const other of open) if (other !== current && command.status.startedAt) await refuseOther(pass, other, current)
  if (!cluster) return wait('ClusterNotReady', 'The command waits for the cluster.')
  const pressed = await runCommand({ ...pass, cluster, command })
  if (pressed === 'goes on') return undefined
  if (pressed !== 'finished') {
    command.say(pressed.is === 'done' ? '' : pressed.message)
    await command.save()
    return { ...pressed, ...(pressed.is === 'wait' && { isQuiet: true }) }
  }
  await command.save()
  tellFinished(pass, command)
  pass.memory.audit.isDue = true
  return undefined
}

const openCommands = ({ deps, key }: Pick<Pass, 'deps' | 'key'>): ProxmoxVMCommand[] =>
  deps
    .commandsOf(key)
    .filter((command) => !isFinished(command))
    .toSorted((a, b) => timeOf(a).localeCompare(timeOf(b)))
const timeOf = ({ metadata }: ProxmoxVMCommand) => `${metadata.creationTimestamp} ${metadata.name}`

async function refuseOther(pass: Pass, other: ProxmoxVMCommand, current: ProxmoxVMCommand): Promise<void> {
  await end(pass.deps, other, 'AnotherCommand', `Another command is under way: ${current.spec.command} (${current.metadata.name}).`)
}

async function end(deps: Dependencies, command: ProxmoxVMCommand, reason: Reason, why: string): Promise<void> {
  const refused = new CommandStatusDraft({ command, client: deps.client, store: deps.commands })
  refused.finish('Failed', reason, why, nowIso(deps.clock))
  await refused.save()
}

export const countOpenCommands = (pass: Pick<Pass, 'deps' | 'key'>): number => openCommands(pass).length

/** Those not begun when their VM is taken down or let go; of the former the others go with it. */
export async function refuseCommands(deps: Dependencies, key: string, why: string): Promise<void> {
  for (const command of deps.commandsOf(key))
    if (!isFinished(command) && !command.status?.startedAt) await end(deps, command, 'PreconditionFailed', why)
}

/** Commands whose VM is not there. */
export async function refuseOrphans(deps: Dependencies, key: string): Promise<void> {
  for (const command of deps.commandsOf(key)) {
    if (!isFinished(command))
      await end(deps, command, 'VMNotFound', `There is no ProxmoxVM "${command.spec.vmRef.name}" in this namespace.`)
  }
}

function tellFinished({ deps, draft }: Pass, { command, status }: CommandStatusDraft): void {
  const isDone = status.phase === 'Succeeded'
  recordEvent(
    deps,
    draft.vm,
    isDone ? 'Normal' : 'Warning',
    isDone ? 'CommandSucceeded' : 'CommandFailed',
    `${command.spec.command} (${command.metadata.name}): ${status.message}`,
  )
}

async function runCommand(pass: CommandPass): Promise<CommandProgress> {
  const { command, draft, deps } = pass
  const name = command.command.spec.command
  const isNew = !command.status.startedAt
  if (!isNew && command.status.vmUID !== draft.vm.metadata.uid)
    return failed(pass, 'VMNotFound', 'The VM it was taken up for is gone; this is another one of the same name.')
  if (isNew) {
    const { refusal, power } = await judgeNow(pass, name)
    if (switchesOff(name) && power === 'stopped' && startsAfterChange(draft.status)) return await staysOff(pass)
    if (refusal) return failed(pass, refusal.reason, refusal.why)
    delete pass.memory.command.lockedSinceMs
    command.begin(nowIso(deps.clock), draft.vm.metadata.uid ?? '')
    await command.save()
  }
  if (isPowerCommand(name)) {
    const look = lookOf({ ...pass, memory: freshMemory() }, pass.cluster)
    await look.need('presence')
    return await runPowerCommand(pass, look, name, isNew ? undefined : async () => (await judgeNow(pass, name)).refusal)
  }
  if (!isNew && isPaused(draft.vm)) return wait('Paused', 'The VM is paused; the command goes on when the annotation is gone.', 60_000)
  return await runWork(pass, name, isNew)
}

/** Pressed while the change of package has the VM off: there is nothing to switch off, and nothing is started afterwards. */
async function staysOff(pass: CommandPass): Promise<CommandProgress> {
  pass.draft.change(noStartAfterChange)
  await pass.draft.save()
  return succeeded(pass, 'The VM is off for the change of package and stays off after it.')
}

async function judgeNow(pass: CommandPass, name: CommandName) {
  const { draft } = pass
  const look: Look | undefined = draft.status.intentAt ? lookOf({ ...pass, memory: freshMemory() }, pass.cluster) : undefined
  await look?.need('presence')
  const guest = look?.seen.guest ?? 'absent'
  if (guest === 'ours') await look?.need('power')
  const { power, lock } = look?.seen ?? {}
  return { refusal: refusalOf(name, { vm: draft.vm, status: draft.status, guest, power, lock }), power }
}

async function runWork(pass: CommandPass, name: CommandName, isNew: boolean): Promise<CommandProgress> {
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
    return succeeded(pass, name === 'Clone' ? 'The VM was cloned and is ready.' : 'The VM was reinstalled and is ready.')
  if (running?.requestID === requestID) return 'goes on'
  if (name === 'Clone' && (command.status.intentAt || !draft.status.firstReadyAt)) return followBirth(pass)
  if (!isNew && running) return failed(pass, 'AnotherCommand', `A newer reinstall (${running.requestID}) took its place.`)
  const { template } = command.command.spec
  const request = { requestID, ...(template && { template }) }
  const hindrance = await hindranceOf(pass, pass.cluster, request)
  if (hindrance) return hindrance.is === 'stalled' ? failed(pass, hindrance.reason, hindrance.message) : hindrance
  if (name === 'Reinstall') await beginReinstall(pass, request)
  else {
    draft.change(
      forgetOldDisk({ requestID, since: nowIso(deps.clock), removed: true }),
      noteReinstallBegun({ requestID, since: nowIso(deps.clock), removed: true }),
    )
    await draft.save()
  }
  return 'goes on'
}

/** A VM on its first way up the ladder is cloned by the operator in any case, and a second clone would be one too many. */
function followBirth(pass: CommandPass): CommandProgress {
  const { draft, command, deps } = pass
  command.status = { ...command.status, intentAt: command.status.intentAt ?? nowIso(deps.clock) }
  return draft.status.firstReadyAt ? succeeded(pass, 'The VM was cloned and is ready.') : 'goes on'
}

async function changePackage(pass: CommandPass, isNew: boolean): Promise<CommandProgress> {
  const { draft, deps, command } = pass
  if (command.status.intentAt && !draft.status.change)
    return succeeded(pass, conditionOf(draft.status.conditions, 'PackageApplied')?.message || 'The newest package is applied.')
  if (!isNew && command.status.intentAt) return 'goes on'
  // Before the one in force is let go.
  const newest = resolvePackage(draft.vm, {}, packageOf(deps, draft.vm), mayUsePackage(deps, draft.vm))
  if (isOutcome(newest)) return failed(pass, newest.reason, newest.message)
  const since = nowIso(deps.clock)
  command.status = { ...command.status, intentAt: since }
  draft.change(({ packageSource: _, ...status }) => ({
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
    ladder: removals.setAside,
    errand: { kind: 'Remove', id: pass.command.command.metadata.uid ?? '' },
    before: async (_, look) => await noteForClone(pass, look),
  })
  // The brake on deletions lets it go on later.
  if (gone.is === 'stalled' && gone.reason === 'TooManyDeletions') return wait(gone.reason, gone.message)
  if (gone.is === 'stalled') return failed(pass, gone.reason, gone.message)
  if (gone.is !== 'done') return gone
  draft.change((status) => ({ ...status, removedAt: nowIso(deps.clock) }), working('remove', nowIso(deps.clock)))
  await draft.save()
  return succeeded(pass, `VM ${draft.status.vmid} was removed; VMID, addresses and backups are kept.`)
}

/** What Clone or Reinstall put back, in status before the VM goes. */
async function noteForClone(pass: CommandPass, look: RemovalLook): Promise<Outcome> {
  const outcome = await notePossessions(pass, pass.cluster, look)
  if (outcome.is === 'done') await pass.draft.save()
  return outcome
}

async function allocate(pass: CommandPass): Promise<CommandProgress> {
  await ensureFinalizer(pass.deps, pass.draft)
  const grants = await claimAddresses(pass.deps, pass.draft)
  if (isOutcome(grants)) return failed(pass, grants.reason, grants.message)
  return succeeded(
    pass,
    grants.length === 0 ? 'The VM declares no address.' : `Allocated: ${grants.map((grant) => grant.address).join(', ')}.`,
  )
}

/** The track of DNS does it and tells, whenever its servers answer; asked again after a crash it finds nothing to do. */
function synchroniseDns(pass: CommandPass): CommandProgress {
  const { deps, key, memory } = pass
  const command = pass.command.command.metadata.uid ?? ''
  if (memory.command.dns?.command !== command) {
    const asked: NonNullable<Memory['command']['dns']> = { command }
    memory.command.dns = asked
    void deps.synchroniseDns(key).then((report) => (asked.report = report))
  }
  const { report } = memory.command.dns
  if (!report) return wait('CommandRunning', 'The records are being synchronised.', 500)
  return report.ok ? succeeded(pass, `${report.message}.`) : failed(pass, 'CommandFailed', `${report.message}.`)
}

/** Brings one setting to the package; nothing is sent if it is already so. Looked at again after a crash, so it needs no note. */
async function climbRung(pass: CommandPass, name: CommandName): Promise<CommandProgress> {
  const { cluster } = pass
  const step = stepOf(name)
  if (!step) return failed(pass, 'CommandFailed', `${name} has no step.`)
  const prepared = await prepare(pass)
  if (isOutcome(prepared)) return prepared.is === 'wait' ? prepared : failed(pass, prepared.reason, prepared.message)
  const task = readTask(pass)
  if (task) return 'failedWith' in task ? failed(pass, 'CommandFailed', task.failedWith) : task
  const look = beginLook(pass, cluster)
  const climbed = await climbLadder(climbOf(pass, cluster, look, [step], () => wantWithSlots(pass, cluster, prepared, look)))
  if (isOutcome(climbed)) {
    if (climbed.is === 'wait' && climbed.task) pass.command.status = { ...pass.command.status, upid: climbed.task }
    return climbed.is === 'stalled' ? failed(pass, climbed.reason, climbed.message) : climbed
  }
  const [refusal] = climbed.refusals
  if (refusal?.verdict.is === 'refused') return failed(pass, refusal.verdict.reason, refusal.verdict.message)
  return succeeded(pass, `${step.name} is as the package says.`)
}

function succeeded({ command, deps }: CommandPass, message: string): 'finished' {
  command.finish('Succeeded', 'Succeeded', message, nowIso(deps.clock))
  return 'finished'
}

function failed({ command, deps }: CommandPass, reason: Reason, why: string): 'finished' {
  command.finish('Failed', reason, why, nowIso(deps.clock))
  return 'finished'
}
