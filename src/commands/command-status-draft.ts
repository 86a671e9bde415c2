import type { Condition } from '../api/object.ts'
import { proxmoxVMCommands } from '../api/meta.ts'
import type { ProxmoxVMCommand, ProxmoxVMCommandStatus } from '../api/proxmoxvmcommand.ts'
import type { Reason } from '../api/reasons.ts'
import { ended } from '../engine/after-pass.ts'
import type { PassObserver } from '../engine/dependencies.ts'
import type { KubeClient } from '../kube/client.ts'
import { isSameJson } from '../kube/json.ts'
import type { Store } from '../kube/store.ts'

export const isFinished = (command: ProxmoxVMCommand) => command.status?.finishedAt !== undefined

const retries = ' The operator retries.'

/** The status of one command. Only the operator writes it, and only forwards: begun, intended, finished. */
export class CommandStatusDraft {
  readonly #client: KubeClient
  readonly #store: Store<ProxmoxVMCommand>
  #command: ProxmoxVMCommand
  readonly #observe: Pick<PassObserver, 'commandEnded'>
  status: ProxmoxVMCommandStatus

  constructor(o: {
    command: ProxmoxVMCommand
    client: KubeClient
    store: Store<ProxmoxVMCommand>
    observe: Pick<PassObserver, 'commandEnded'>
  }) {
    this.#client = o.client
    this.#store = o.store
    this.#command = o.command
    this.#observe = o.observe
    this.status = o.command.status ?? {}
  }

  get command(): ProxmoxVMCommand {
    return this.#command
  }

  begin(iso: string, vmUID: string): void {
    if (this.status.startedAt) return
    this.status = {
      ...this.status,
      startedAt: iso,
      vmUID,
      phase: 'Running',
      ...this.#verdict('Running', 'CommandRunning', 'The operator carries out the command.', iso),
    }
  }

  /** What it waits for, for people. */
  say(message: string): void {
    this.status = { ...this.status, message }
  }

  /** Why the last attempt failed, in PVE's words; undefined: none did since, so what was said of one is over. */
  sayRetries(why: string | undefined): void {
    if (why !== undefined) return this.say(`${ended(why.trim())}${retries}`)
    if (!this.status.message?.endsWith(retries)) return
    const { message: _, ...status } = this.status
    this.status = status
  }

  finish(is: 'Succeeded' | 'Failed', reason: Reason, message: string, iso: string): void {
    this.status = {
      ...this.status,
      startedAt: this.status.startedAt ?? iso,
      finishedAt: iso,
      phase: is,
      message,
      ...this.#verdict(is, reason, message, iso),
    }
  }

  async save(): Promise<void> {
    if (isSameJson(this.status, this.#command.status)) return
    const wasFinished = isFinished(this.#command)
    this.#command = await this.#client.replaceStatus(proxmoxVMCommands, { ...this.#command, status: this.status })
    this.#store.put(this.#command)
    const reason = this.status.conditions?.find(({ type }) => type === 'Ready')?.reason
    if (!wasFinished && isFinished(this.#command))
      this.#observe.commandEnded(this.#command.spec.command, (reason ?? 'CommandFailed') as Reason)
  }

  /** kstatus: exactly one of Ready=True, Reconciling and Stalled; Complete and Failed as in a Job. */
  #verdict(is: 'Running' | 'Succeeded' | 'Failed', reason: Reason, message: string, iso: string) {
    const observedGeneration = this.#command.metadata.generation ?? 0
    const condition = (type: string, status: 'True' | 'False'): Condition => ({
      type,
      status,
      reason,
      message: message.slice(0, 4096),
      lastTransitionTime: iso,
      observedGeneration,
    })
    const sets = {
      Running: [condition('Ready', 'False'), condition('Reconciling', 'True')],
      Succeeded: [condition('Ready', 'True'), condition('Complete', 'True')],
      Failed: [condition('Ready', 'False'), condition('Failed', 'True'), condition('Stalled', 'True')],
    }
    return { observedGeneration, conditions: sets[is] }
  }
}
