import { observes } from '../engine/observe.ts'
import type { CommandName, ProxmoxVMCommand } from '../api/proxmoxvmcommand.ts'
import type { Reason } from '../api/reasons.ts'
import type { Look } from '../engine/look.ts'
import { freshMemory } from '../engine/memory.ts'
import type { Pass } from '../engine/pass.ts'
import { nowIso, recordEvent, type Dependencies } from '../engine/dependencies.ts'
import { isPaused } from '../engine/after-pass.ts'
import type { PveCluster } from '../cluster/cluster.ts'
import { CommandStatusDraft, isFinished } from './command-status-draft.ts'
import { isPowerCommand, runPowerCommand } from './power-buttons.ts'
import { refusalOf } from './preconditions.ts'
import { noStartAfter, startsAfterChange, switchesOff } from './stop-in-change.ts'
import { type Outcome, wait } from '../ladder/outcome.ts'
import type { CommandPass } from './command-pass.ts'
import { hasVMChanged, vmChanged } from './vm-changed.ts'
import { silenceOf } from '../engine/references.ts'
import { unreportedEnd } from '../engine/unreported-end.ts'
import { lookOf } from '../engine/apply/ascent.ts'
import { judge } from '../proxmox/failures.ts'
import { PveError } from '../proxmox/pve-error.ts'
import { type CommandProgress, endFailed, endSucceeded } from './finish.ts'
import { runWork } from './work.ts'

/**
 * The commands of one VM, one at a time and each once. Undefined: nothing to wait for, the pass over the VM goes on. Commands that ask for work
 * of the engine (Reinstall, Clone, ChangePackage) leave their intent in the VM's status and end when that work has.
 */
export async function runCommands(pass: Pass, cluster: PveCluster | undefined): Promise<Outcome | undefined> {
  const open = openCommands(pass)
  const current = open.find((command) => command.status?.startedAt) ?? open[0]
  if (!current) return undefined
  const command = new CommandStatusDraft({
    command: current,
    client: pass.deps.client,
    store: pass.deps.commands,
    observe: pass.deps.observe,
  })
  for (const other of open) if (other !== current && command.status.startedAt) await refuseOther(pass, other, current)
  if (!cluster) return wait('ClusterNotReady', 'The command waits for the ProxmoxCluster.')
  const silence = silenceOf(cluster, pass.deps.clock)
  const pressed = silence
    ? unanswered(silence)
    : await runCommand({ ...pass, cluster, command }).catch((fault: unknown) => told(command, fault))
  if (pressed === 'goes on') return undefined
  if (pressed !== 'finished') {
    // What was said stands while nothing but time passes, such as the failure before a pause.
    if (pressed.is !== 'wait' || !pressed.isQuiet || !command.status.message) command.say(pressed.is === 'done' ? '' : pressed.message)
    await command.save()
    return { ...pressed, ...(pressed.is === 'wait' && { isQuiet: true }) }
  }
  await command.save()
  tellFinished(pass, command)
  pass.memory.audit.isDue = true
  return undefined
}

/** What PVE or the way to it did instead: the pass tries again, and the command says why it waits. */
async function told(command: CommandStatusDraft, fault: unknown): Promise<never> {
  if (fault instanceof PveError) {
    command.sayRetries(judge(fault).message)
    await command.save()
  }
  throw fault
}

/** PVE is silent as a whole: the command waits, and its spec.timeout says for how long. */
const unanswered = (silence: Outcome): Outcome => wait('Unreachable', silence.is === 'done' ? '' : silence.message, 10_000)

/** Oldest first. */
export const openCommands = ({ deps, key }: Pick<Pass, 'deps' | 'key'>): ProxmoxVMCommand[] =>
  deps
    .commandsOf(key)
    .filter((command) => !isFinished(command))
    .toSorted((a, b) => timeOf(a).localeCompare(timeOf(b)))
const timeOf = ({ metadata }: ProxmoxVMCommand) => `${metadata.creationTimestamp} ${metadata.name}`

async function refuseOther(pass: Pass, other: ProxmoxVMCommand, current: ProxmoxVMCommand): Promise<void> {
  await end(pass.deps, other, 'AnotherCommand', `Another command runs: ${current.spec.command} (${current.metadata.name}).`)
}

async function end(deps: Dependencies, command: ProxmoxVMCommand, reason: Reason, why: string): Promise<void> {
  const refused = new CommandStatusDraft({ command, client: deps.client, store: deps.commands, observe: deps.observe })
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

/** The event of a command that has ended. */
export function tellFinished({ deps, draft }: Pass, { command, status }: CommandStatusDraft): void {
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
  let seen: Look | undefined
  if (isNew || command.status.vmUID !== draft.vm.metadata.uid) {
    if (await hasVMChanged(pass, command.command)) return vmChanged
  }
  if (!isNew && command.status.vmUID !== draft.vm.metadata.uid)
    return endFailed(pass, 'VMNotFound', 'The VM of this command no longer exists; another ProxmoxVM has its name now.')
  if (isNew) {
    const { refusal, power, look } = await judgeNow(pass, name)
    seen = look
    if (switchesOff(name) && power === 'stopped' && startsAfterChange(draft.status)) return await staysOff(pass)
    if (refusal) return endFailed(pass, refusal.reason, refusal.why)
    delete pass.memory.command.locked
    command.begin(nowIso(deps.clock), draft.vm.metadata.uid ?? '')
    await command.save()
  }
  // While the node of its task is silent, nobody can look at the guest.
  const { upid } = command.status
  const unreported = upid === undefined ? undefined : unreportedEnd(pass.cluster, upid, { of: name, isShown: true })
  if (unreported) return unreported
  if (isPowerCommand(name)) {
    const look = seen ?? (await commandLook(pass))
    return await runPowerCommand(pass, look, name, isNew ? undefined : async () => (await judgeNow(pass, name)).refusal)
  }
  if (!isNew && isPaused(draft.vm))
    return wait(
      'Paused',
      'Reconciliation of the VM is paused; the command continues when the annotation pve.hosting/paused is removed.',
      60_000,
    )
  return await runWork(pass, name, isNew)
}

/** Pressed while the change of package has the VM off: there is nothing to switch off, and nothing is started afterwards. */
async function staysOff(pass: CommandPass): Promise<CommandProgress> {
  pass.draft.change(noStartAfter(pass.draft.vm, nowIso(pass.deps.clock)))
  await pass.draft.save()
  return endSucceeded(pass, 'The VM is off while the operator applies the package, and stays off afterwards.')
}

async function judgeNow(pass: CommandPass, name: CommandName) {
  const { draft } = pass
  const look = draft.status.intentAt ? await commandLook(pass) : undefined
  const guest = look?.seen.guest ?? 'absent'
  if (guest === 'ours') await look?.need('power')
  const { power, lock, haState, config } = look?.seen ?? {}
  const isTemplate = config?.values.template === '1'
  const at = look?.at ?? { node: '', vmid: 0 }
  return {
    refusal: refusalOf(name, {
      vm: draft.vm,
      status: draft.status,
      guest,
      power,
      lock,
      haState,
      isTemplate,
      at,
      isObserved: observes(pass.cluster),
    }),
    power,
    look,
  }
}

/** Of its own: nothing that the VM's passes carry from one to the next. What it shows of power and lock counts for them too. */
async function commandLook(pass: CommandPass): Promise<Look> {
  const look = lookOf({ ...pass, memory: { ...freshMemory(), listing: pass.memory.listing } }, pass.cluster)
  await look.need('presence')
  return look
}
