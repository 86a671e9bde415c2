/** Whether the Secret of a ProxmoxCluster was changed. Nobody may watch Secrets, so it is read by its name, which costs PVE nothing. */
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { Secret } from '../api/meta.ts'
import type { KubeClient } from '../kube/client.ts'
import type { Clock } from '../ops/clock.ts'
import type { ApiToken } from './cluster.ts'
import { isOtherLogin, readSecret, secretKeyOf } from './secret.ts'

/** How often it is read while the token is refused, and else. */
const lockedOutMs = 5_000
const healthyMs = 30_000

export class SecretLook {
  readonly #client: KubeClient
  readonly #clock: Clock
  #version: string | undefined
  #readMs = -Infinity

  constructor(o: { client: KubeClient; clock: Clock }) {
    this.#client = o.client
    this.#clock = o.clock
  }

  /** In how many ms to ask `hasChanged` again. */
  pauseMs = (isLockedOut: boolean): number => (isLockedOut ? lockedOutMs : healthyMs)

  /** It was read and used. */
  note(secret: Secret | undefined): void {
    this.#version = secret?.metadata.resourceVersion
    this.#readMs = this.#clock.monotonicMs()
  }

  /** `inUse`: the token PVE is asked with. While it is refused any change of the Secret may be the cure. */
  async hasChanged(object: ProxmoxCluster, o: { isLockedOut: boolean; inUse: ApiToken | undefined }): Promise<boolean> {
    const nowMs = this.#clock.monotonicMs()
    if (!o.isLockedOut && nowMs - this.#readMs < healthyMs) return false
    this.#readMs = nowMs
    const key = secretKeyOf(object)
    const secret = await readSecret(this.#client, key)
    if (o.isLockedOut || !o.inUse) return secret?.metadata.resourceVersion !== this.#version
    return isOtherLogin(secret, key, o.inUse)
  }
}
