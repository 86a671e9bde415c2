import type { ProxmoxVMCommand } from '../api/proxmoxvmcommand.ts'
import type { KubeClient } from '../kube/client.ts'
import { keyOf } from '../kube/keys.ts'
import type { WorkQueue } from '../kube/queue.ts'
import type { Store } from '../kube/store.ts'
import type { Ages } from '../ops/clock.ts'
import { deleteCommand } from '../engine/remove/delete-command.ts'

/** Deletes finished commands after their ttlSecondsAfterFinished. Without one a command stays until its VM goes: one in Git must not run again. */
export class CommandCleanUp {
  readonly #client: KubeClient
  readonly #commands: Store<ProxmoxVMCommand>
  readonly #queue: WorkQueue
  readonly #finished: Ages

  constructor(o: { client: KubeClient; stores: { commands: Store<ProxmoxVMCommand> }; queue: WorkQueue; finished: Ages }) {
    this.#client = o.client
    this.#commands = o.stores.commands
    this.#queue = o.queue
    this.#finished = o.finished
  }

  async run(signal: AbortSignal): Promise<void> {
    const end = this.#commands.subscribe(({ key, new: now }) => {
      if (!now) this.#finished.forget(key)
      this.#queue.add(key)
    })
    for (const command of this.#commands.list()) this.#queue.add(keyOf(command))
    await this.#queue.run((key) => this.#keep(key), { workers: 1 }, signal)
    end()
  }

  async #keep(key: string): Promise<void> {
    const command = this.#commands.get(key)
    const seconds = command?.spec.ttlSecondsAfterFinished
    if (!command?.status?.finishedAt || seconds === undefined || command.metadata.deletionTimestamp) return
    const leftMs = seconds * 1000 - this.#finished.ageMs(key, command.metadata.uid ?? '', Date.parse(command.status.finishedAt))
    if (leftMs > 0) this.#queue.addAfter(key, leftMs)
    else await deleteCommand(this.#client, command)
  }
}
