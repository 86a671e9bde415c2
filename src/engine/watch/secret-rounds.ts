/** Sees that the Secret of a cloud-init password was changed. Nobody may list or watch Secrets, so each is read by its name in turn. */
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import { keyOf } from '../../kube/keys.ts'
import type { KubeClient } from '../../kube/client.ts'
import type { Store } from '../../kube/store.ts'
import type { Clock } from '../../ops/clock.ts'
import { passwordVersionOf } from '../create/credentials.ts'
import { isTrue } from '../../api/condition.ts'
import { isPaused } from '../after-pass.ts'
import { isSettled } from '../status.ts'

/** Between two reads; PVE is not asked. */
const paceMs = 250
/** No Secret is read more often. */
const leastMs = 60_000

export class SecretRounds {
  readonly #o: { vms: Store<ProxmoxVM>; client: KubeClient; clock: Clock; look: (key: string) => void; onFault: (fault: unknown) => void }

  /** `look`: the password of this VM is another one than it was given. */
  constructor(o: {
    vms: Store<ProxmoxVM>
    client: KubeClient
    clock: Clock
    look: (key: string) => void
    onFault: (fault: unknown) => void
  }) {
    this.#o = o
  }

  async run(signal: AbortSignal): Promise<void> {
    const { vms, clock } = this.#o
    while (!signal.aborted) {
      const startedMs = clock.monotonicMs()
      for (const key of vms.list().filter(hasPassword).map(keyOf)) {
        const vm = vms.get(key)
        if (signal.aborted || !vm || !hasPassword(vm)) continue
        await this.#read(vm)
        await clock.sleep(paceMs, signal)
      }
      await clock.sleep(Math.max(paceMs, startedMs + leastMs - clock.monotonicMs()), signal)
    }
  }

  async #read(vm: ProxmoxVM): Promise<void> {
    const { client, look, onFault } = this.#o
    try {
      const version = await passwordVersionOf(vm, client)
      if (version !== undefined && version !== vm.status?.cloudInit?.passwordVersion) look(keyOf(vm))
    } catch (fault) {
      onFault(fault)
    }
  }
}

/** It was given a password from a Secret, and is at rest. */
const hasPassword = (vm: ProxmoxVM): boolean =>
  vm.status?.cloudInit?.passwordVersion !== undefined &&
  (vm.spec.cloudInit?.passwordSecretRef !== undefined || vm.spec.cloudInit?.generatePassword === true) &&
  isSettled(vm) &&
  // Nothing is done to these now, so they would be asked for in each round.
  !isPaused(vm) &&
  isTrue(vm.status.conditions, 'Ready')
