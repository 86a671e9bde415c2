import type { CommandName, ProxmoxVMCommand } from '../api/proxmoxvmcommand.ts'
import type { Reason } from '../api/words.ts'
import { resolvePackage } from '../want/package.ts'
import { ensureFinalizer } from '../engine/create/finalizer.ts'
import { unplanned } from '../engine/apply/change.ts'
import { climb } from '../engine/apply/climb.ts'
import { claimAddresses } from '../engine/create/addresses.ts'
import type { Look } from '../engine/look.ts'
import type { Memory } from '../engine/memory.ts'
import { freshMemory } from '../engine/memory.ts'
import type { Pass } from '../engine/pass.ts'
import { climbOf, lookAt, mayUsePackage, packageOf, prepare, wishOf } from '../engine/apply/provision.ts'
import { anew, begun } from '../engine/reinstall-state.ts'
import { beginReinstall } from '../engine/remove/reinstall.ts'
import { removals, removeFromPve } from '../engine/remove/removal.ts'
import { nowIso, tell, type Room } from '../engine/dependencies.ts'
import { isPaused } from '../engine/after-pass.ts'
import { working } from '../engine/status.ts'
import { stepOf } from '../lifecycle.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import { CommandRecord, isFinished } from './command-status-draft.ts'
import { isPowerButton, pressPower } from './power-buttons.ts'
import { refusalOf } from './preconditions.ts'
import { type Outcome, wait, waitForTask } from '../ladder/outcome.ts'
import type { Pressing } from './command-pass.ts'
import { conditionOf } from '../api/condition.ts'

type Pressed = Outcome | 'finished' | 'goes on'

/**
 * The commands of one VM, one at a time and each once. Undefined: nothing to wait for, the pass over the VM goes on. Commands that ask for work
 * of the engine (Reinstall, Clone, ChangePackage) leave their intent in the VM's status and end when that work has.
 */
export async function pressButtons(it: Pass, cluster: PveCluster | undefined): Promise<Outcome | undefined> {
  const open = openCommands(it)
  const current = open.find((command) => command.status?.startedAt) ?? open[0]
  if (!current) return undefined
  const command = new CommandRecord({ command: current, client: it.room.client, store: it.room.commands })
  for (const other of open) if (other !== current && command.status.startedAt) await refuseOther(it, other, current)
  if (!cluster) return wait('ClusterNotReady', 'The command waits for the cluster.')
  const pressed = await pressOne({ ...it, cluster, command })
  if (pressed === 'goes on') return undefined
  if (pressed !== 'finished') {
    command.say(pressed.is === 'wait' ? pressed.on : pressed.is === 'done' ? '' : pressed.why)
    await command.save()
    return { ...pressed, ...(pressed.is === 'wait' && { isQuiet: true }) }
  }
  await command.save()
  tellFinished(it, command)
  it.memory.auditDue = true
  return undefined
}

const openCommands = ({ room, key }: Pass): ProxmoxVMCommand[] =>
  room
    .commandsOf(key)
    .filter((command) => !isFinished(command))
    .toSorted((a, b) => timeOf(a).localeCompare(timeOf(b)))
const timeOf = ({ metadata }: ProxmoxVMCommand) => `${metadata.creationTimestamp} ${metadata.name}`

async function refuseOther(it: Pass, other: ProxmoxVMCommand, current: ProxmoxVMCommand): Promise<void> {
  await end(it.room, other, 'AnotherCommand', `Another command is under way: ${current.spec.command} (${current.metadata.name}).`)
}

async function end(room: Room, command: ProxmoxVMCommand, reason: Reason, why: string): Promise<void> {
  const refused = new CommandRecord({ command, client: room.client, store: room.commands })
  refused.finish('Failed', reason, why, nowIso(room.clock))
  await refused.save()
}

export const hasOpenCommand = (room: Room, key: string) => room.commandsOf(key).some((command) => !isFinished(command))

/** Those not begun when their VM is taken down; the others go with it. */
export async function refuseDeleting(room: Room, key: string): Promise<void> {
  for (const command of room.commandsOf(key))
    if (!isFinished(command) && !command.status?.startedAt) await end(room, command, 'PreconditionFailed', 'The VM is being deleted.')
}

/** Commands whose VM is not there. */
export async function refuseOrphans(room: Room, key: string): Promise<void> {
  for (const command of room.commandsOf(key)) {
    if (!isFinished(command))
      await end(room, command, 'VMNotFound', `There is no ProxmoxVM "${command.spec.vmRef.name}" in this namespace.`)
  }
}

function tellFinished({ room, record }: Pass, { command, status }: CommandRecord): void {
  const isDone = status.phase === 'Succeeded'
  tell(
    room,
    record.vm,
    isDone ? 'Normal' : 'Warning',
    isDone ? 'CommandSucceeded' : 'CommandFailed',
    `${command.spec.command} (${command.metadata.name}): ${status.message}`,
  )
}

async function pressOne(it: Pressing): Promise<Pressed> {
  const { command, record, room } = it
  const name = command.command.spec.command
  const isNew = !command.status.startedAt
  if (!isNew && command.status.vmUID !== record.vm.metadata.uid)
    return failed(it, 'VMNotFound', 'The VM it was taken up for is gone; this is another one of the same name.')
  if (isNew) {
    const refusal = await refusalNow(it, name)
    if (refusal) return failed(it, refusal.reason, refusal.why)
    command.begin(nowIso(room.clock), record.vm.metadata.uid ?? '')
    await command.save()
  }
  if (isPowerButton(name)) {
    const look = lookAt({ ...it, memory: freshMemory() }, it.cluster)
    await look.need('presence')
    return await pressPower(it, look, name, isNew ? undefined : () => refusalNow(it, name))
  }
  if (!isNew && isPaused(record.vm)) return wait('Paused', 'The VM is paused; the command goes on when the annotation is gone.', 60_000)
  return await pressWork(it, name, isNew)
}

async function refusalNow(it: Pressing, name: CommandName) {
  const { record } = it
  const look: Look | undefined = record.status.intentAt ? lookAt({ ...it, memory: freshMemory() }, it.cluster) : undefined
  await look?.need('presence')
  const guest = look?.seen.guest ?? 'absent'
  if (guest === 'ours') await look?.need('power')
  return refusalOf(name, { vm: record.vm, guest, power: look?.seen.power, lock: look?.seen.lock })
}

async function pressWork(it: Pressing, name: CommandName, isNew: boolean): Promise<Pressed> {
  switch (name) {
    case 'Reinstall':
    case 'Clone':
      return await rebuild(it, name, isNew)
    case 'ChangePackage':
      return await changePackage(it, isNew)
    case 'Remove':
      return await remove(it)
    case 'SetDedicatedIP':
      return await allocate(it)
    case 'SetDNSRecords':
      return synchroniseDns(it)
    default:
      return await climbRung(it, name)
  }
}

/** The request ID is the command's own, so that it can never run twice. */
const requestIdOf = ({ command }: Pressing) => `command/${command.command.metadata.uid}`

async function rebuild(it: Pressing, name: 'Reinstall' | 'Clone', isNew: boolean): Promise<Pressed> {
  const { record, command, room } = it
  const requestID = requestIdOf(it)
  const { completedIDs, running } = record.status.reinstall ?? {}
  if (completedIDs?.includes(requestID))
    return succeeded(it, name === 'Clone' ? 'The VM was cloned and is ready.' : 'The VM was reinstalled and is ready.')
  if (running?.requestID === requestID) return 'goes on'
  if (name === 'Clone' && (command.status.intentAt || !record.status.firstReadyAt)) return followBirth(it)
  if (!isNew && running) return failed(it, 'AnotherCommand', `A newer reinstall (${running.requestID}) took its place.`)
  const { template } = command.command.spec
  if (name === 'Reinstall') await beginReinstall(it, { requestID, ...(template && { template }) })
  else {
    record.change(
      anew({ requestID, since: nowIso(room.clock), removed: true }),
      begun({ requestID, since: nowIso(room.clock), removed: true }),
    )
    await record.save()
  }
  return 'goes on'
}

/** A VM on its first way up the ladder is cloned by the operator in any case, and a second clone would be one too many. */
function followBirth(it: Pressing): Pressed {
  const { record, command, room } = it
  command.status = { ...command.status, intentAt: command.status.intentAt ?? nowIso(room.clock) }
  return record.status.firstReadyAt ? succeeded(it, 'The VM was cloned and is ready.') : 'goes on'
}

async function changePackage(it: Pressing, isNew: boolean): Promise<Pressed> {
  const { record, room, command } = it
  if (command.status.intentAt && !record.status.change)
    return succeeded(it, conditionOf(record.status.conditions, 'PackageApplied')?.message || 'The newest package is applied.')
  if (!isNew && command.status.intentAt) return 'goes on'
  // Before the one in force is let go.
  const newest = resolvePackage(record.vm, {}, packageOf(room, record.vm), mayUsePackage(room, record.vm))
  if ('is' in newest) return failed(it, 'reason' in newest ? newest.reason : 'PackageInvalid', 'why' in newest ? newest.why : '')
  const since = nowIso(room.clock)
  command.status = { ...command.status, intentAt: since }
  record.change(({ packageSource: _, ...status }) => ({
    ...status,
    change: { since, generation: unplanned, start: true },
  }))
  await record.save()
  await command.save()
  return 'goes on'
}

async function remove(it: Pressing): Promise<Pressed> {
  const { record, room, cluster } = it
  const gone = await removeFromPve(it, cluster, removals.remove)
  if (gone.is === 'stalled') return failed(it, gone.reason, gone.why)
  if (gone.is !== 'done') return gone
  record.change((status) => ({ ...status, removedAt: nowIso(room.clock) }), working('remove', nowIso(room.clock)))
  await record.save()
  return succeeded(it, `VM ${record.status.vmid} was removed; VMID, addresses and backups are kept.`)
}

async function allocate(it: Pressing): Promise<Pressed> {
  await ensureFinalizer(it.room, it.record)
  const grants = await claimAddresses(it.room, it.record)
  if ('is' in grants)
    return failed(it, 'reason' in grants ? grants.reason : 'CommandFailed', 'why' in grants ? grants.why : 'on' in grants ? grants.on : '')
  return succeeded(
    it,
    grants.length === 0 ? 'The VM declares no address.' : `Allocated: ${grants.map((grant) => grant.address).join(', ')}.`,
  )
}

/** The track of DNS does it and tells, whenever its servers answer; asked again after a crash it finds nothing to do. */
function synchroniseDns(it: Pressing): Pressed {
  const { room, key, memory } = it
  const command = it.command.command.metadata.uid ?? ''
  if (memory.dns?.command !== command) {
    const asked: NonNullable<Memory['dns']> = { command }
    memory.dns = asked
    void room.synchroniseDns(key).then((report) => (asked.report = report))
  }
  const { report } = memory.dns
  if (!report) return wait('CommandRunning', 'The records are being synchronised.', 500)
  return report.ok ? succeeded(it, `${report.message}.`) : failed(it, 'CommandFailed', `${report.message}.`)
}

/** Brings one setting to the package; nothing is sent if it is already so. Looked at again after a crash, so it needs no note. */
async function climbRung(it: Pressing, name: CommandName): Promise<Pressed> {
  const { cluster } = it
  const step = stepOf(name)
  if (!step) return failed(it, 'CommandFailed', `${name} has no step.`)
  const prepared = await prepare(it)
  if ('is' in prepared) return 'why' in prepared ? failed(it, prepared.reason, prepared.why) : prepared
  const failure = readTask(it)
  if (failure) return failure
  const look = lookAt(it, cluster)
  const climbed = await climb(climbOf(it, cluster, look, [step], () => wishOf(it, cluster, prepared, look)))
  if ('is' in climbed) {
    if (climbed.is === 'wait' && climbed.task) it.command.status = { ...it.command.status, upid: climbed.task }
    return climbed.is === 'stalled' ? failed(it, climbed.reason, climbed.why) : climbed
  }
  const [refusal] = climbed.refusals
  if (refusal?.verdict.is === 'refused') return failed(it, refusal.verdict.reason, refusal.verdict.what)
  return succeeded(it, `${step.name} is as the package says.`)
}

/** The task of the last pass: waited for, or failed, which ends the command. The VM's own pass tries again by itself. */
function readTask(it: Pressing): Pressed | undefined {
  const { command, cluster } = it
  const { upid, ...status } = command.status
  if (!upid) return undefined
  const end = cluster.tasks.ended(upid)
  if (!end) return waitForTask(upid, `${command.command.spec.command} is under way.`)
  command.status = status
  return end.is === 'failed' ? failed(it, 'CommandFailed', end.exitstatus) : undefined
}

function succeeded({ command, room }: Pressing, message: string): 'finished' {
  command.finish('Succeeded', 'Succeeded', message, nowIso(room.clock))
  return 'finished'
}

function failed({ command, room }: Pressing, reason: Reason, why: string): 'finished' {
  command.finish('Failed', reason, why, nowIso(room.clock))
  return 'finished'
}
