import type { CommandName } from '../api/proxmoxvmcommand.ts'
import { type CommandFacts, commands } from '../api/proxmoxvmcommand.ts'
import type { ProxmoxVM, ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import { conditionOf } from '../api/condition.ts'
import type { Reason } from '../api/reasons.ts'
import type { Seen } from '../ladder/machine.ts'
import { templateSentence } from '../engine/guest-verdict.ts'
import { haErrorSentence } from '../engine/ha-error.ts'
import { isPaused } from '../engine/after-pass.ts'
import { isBeingRestored } from '../engine/restore/restore-state.ts'
import { isSuspended, suspendedSentence } from '../want/suspension.ts'

export interface CommandRefusal {
  readonly reason: Reason
  readonly why: string
}

/** The state a button is judged on, looked at just now. */
export interface ButtonState {
  readonly vm: ProxmoxVM
  readonly status: ProxmoxVMStatus
  readonly guest: Seen['guest']
  readonly power: 'running' | 'stopped' | undefined
  readonly lock: string | undefined
  /** What high availability says of the VM. */
  readonly haState?: string | undefined
  readonly isTemplate?: boolean
  readonly at?: { readonly node: string; readonly vmid: number }
  /** The ProxmoxCluster is in mode Observe. */
  readonly isObserved?: boolean
}

/** Why the button may not be pressed now; undefined: it may. Nothing was done for one that is refused. */
export function refusalOf(command: CommandName, state: ButtonState): CommandRefusal | undefined {
  return (
    notPaused(state) ?? notObserved(command, state) ?? notRestored(command, state) ?? specific(command, state) ?? marked(command, state)
  )
}

const refuse = (why: string): CommandRefusal => ({ reason: 'PreconditionFailed', why })

function notPaused({ vm }: ButtonState): CommandRefusal | undefined {
  if (vm.metadata.deletionTimestamp) return refuse('The VM is being deleted.')
  return isPaused(vm)
    ? refuse('Reconciliation of the VM is paused (annotation pve.hosting/paused); remove the annotation first.')
    : undefined
}

/** Records are not in PVE. */
const notObserved = (command: CommandName, { isObserved, vm }: ButtonState): CommandRefusal | undefined =>
  isObserved && command !== 'SetDNSRecords'
    ? {
        reason: 'Observing',
        why: `ProxmoxCluster "${vm.spec.clusterRef.name}" is in mode Observe: the operator writes nothing to PVE. Set spec.mode to Manage first.`,
      }
    : undefined

/** The VM of a file is nobody's to work on before it is whole and at its package. */
const notRestored = (command: CommandName, { status }: ButtonState): CommandRefusal | undefined =>
  isBeingRestored(status) && command !== 'SetDNSRecords' && command !== 'SetDedicatedIP' ? restores(status) : undefined

function specific(command: CommandName, state: ButtonState): CommandRefusal | undefined {
  const { vm, status, power } = state
  const { runStrategy } = vm.spec
  switch (command) {
    case 'Start':
      if (isSuspended(vm)) return refuse(suspendedSentence(vm))
      if (runStrategy === 'Halted') return refuse('spec.runStrategy is Halted; change it to start the VM.')
      return (
        exists(state) ??
        template(state) ??
        finished(status) ??
        // What a hibernated guest waits with is done after its start.
        (state.lock === 'suspended' ? undefined : onTop(status)) ??
        (power === 'running' ? refuse('The VM already runs.') : haError(state))
      )
    case 'Stop':
    case 'Shutdown':
      if (runStrategy === 'Always') return refuse('spec.runStrategy is Always, so the operator would start the VM again; change it first.')
      return exists(state) ?? running(power) ?? haError(state)
    case 'Reboot':
    case 'Reset':
      return exists(state) ?? running(power)
    case 'Reinstall':
      return finished(status) ?? unproved(state)
    case 'Clone':
      if (status.reinstall?.running) return reinstalls(status)
      if (status.restore?.running) return restores(status)
      return state.guest === 'ours' || state.guest === 'copying' ? refuse(`VM ${status.vmid} already exists.`) : unproved(state)
    case 'SetDedicatedIP':
    case 'SetDNSRecords':
      return undefined
    case 'ChangePackage':
      return exists(state) ?? finished(status)
    case 'Rollback':
    case 'Migrate':
    case 'ResetPassword':
      return exists(state) ?? finished(status) ?? onTopFor(command, status)
    default:
      return exists(state)
  }
}

function exists(state: ButtonState): CommandRefusal | undefined {
  const { guest, status } = state
  if (guest === 'ours') return undefined
  if (guest === 'copying') return refuse(`VM ${status.vmid} is still being cloned.`)
  return unproved(state) ?? refuse(`PVE has no VM of this object${status.removedAt ? ': the command Remove deleted it' : ''}.`)
}

/** "Cannot be seen" is never "does not exist". */
const unproved = ({ guest, status }: ButtonState) =>
  guest === 'unproved' ? refuse(`The operator cannot see whether VM ${status.vmid} exists; try again when its nodes are back.`) : undefined

const template = ({ isTemplate, at }: ButtonState) => (isTemplate && at ? refuse(templateSentence(at)) : undefined)

const haError = ({ haState, at }: ButtonState): CommandRefusal | undefined =>
  haState === 'error' && at ? { reason: 'HaError', why: haErrorSentence(at) } : undefined

const running = (power: string | undefined) => (power === 'running' ? undefined : refuse('The VM does not run.'))

/** One that is stuck names its way out. */
function reinstalls({ reinstall, conditions }: ProxmoxVMStatus): CommandRefusal {
  const { requestID, template } = reinstall?.running ?? {}
  const named = template?.name ?? template?.tag ?? template?.vmid
  const what = `Reinstall ${requestID}${named === undefined ? '' : ` (template ${named})`}`
  const stalled = conditionOf(conditions, 'Stalled')
  if (stalled?.status !== 'True') return refuse(`${what} is under way.`)
  return refuse(`${what} is stalled: ${stalled.message} Write a new spec.reinstall.requestID to replace it.`)
}

/** Until the VM of the file is there and at its package, nothing else is done to it. */
function restores({ restore, conditions }: ProxmoxVMStatus): CommandRefusal {
  const what = `Restore ${restore?.running?.requestID}`
  const stuck = conditionOf(conditions, 'Stalled')
  return refuse(stuck?.status === 'True' ? `${what} is stalled: ${stuck.message}` : `${what} is under way.`)
}

/** A word beside the ladder means that the VM has been on top of it. */
function finished(status: ProxmoxVMStatus): CommandRefusal | undefined {
  if (status.reinstall?.running) return reinstalls(status)
  if (status.restore?.running) return restores(status)
  return status.firstReadyAt ? undefined : refuse(`The VM is not ready yet: its local status is ${status.localStatus ?? 'creation'}.`)
}

/** The manual: Start only in local status `ready`; writing DNS records counts as that. */
function onTop({ localStatus }: ProxmoxVMStatus): CommandRefusal | undefined {
  if (localStatus === 'change_package')
    return refuse('The operator applies another package and starts the VM at the end if it ran before. Start needs local status ready.')
  const isReady = localStatus === 'ready' || localStatus === 'set_dns_records'
  return isReady ? undefined : refuse(`Start needs local status ready; it is ${localStatus ?? 'creation'}.`)
}

const onTopFor = (command: CommandName, { localStatus }: ProxmoxVMStatus): CommandRefusal | undefined =>
  localStatus === 'ready' || localStatus === 'set_dns_records'
    ? undefined
    : refuse(`${command} needs local status ready; it is ${localStatus ?? 'creation'}.`)

/** `**`: only on a stopped VM, and it never stops the VM itself. */
function marked(command: CommandName, { power, lock, guest }: ButtonState): CommandRefusal | undefined {
  const facts: CommandFacts = commands[command]
  if (facts.mark === '**' && power === 'running')
    return refuse('The VM runs, and this command needs a VM that is off: shut the VM down first.')
  // Neither addresses nor records are in PVE.
  const isElsewhere = command === 'SetDedicatedIP' || command === 'SetDNSRecords'
  if (lock && guest === 'ours' && lock !== 'suspended' && !isElsewhere)
    return { reason: 'VMLocked', why: `PVE holds the lock "${lock}" on the VM; try again when PVE releases it.` }
  return undefined
}
