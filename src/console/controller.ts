/** The operator's side of consoles: judges them, makes their URL, ends them, and takes them away. Shows no screen itself. */
import { proxmoxClusters, proxmoxVMConsoles, proxmoxVMs } from '../api/meta.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { ProxmoxVMConsole, ProxmoxVMConsoleStatus } from '../api/proxmoxvmconsole.ts'
import { parseDurationSeconds } from '../api/size.ts'
import { timeInSeconds } from '../api/time.ts'
import { keyOf } from '../kube/keys.ts'
import { hasChangedSince, lookUp } from '../kube/look-up.ts'
import { isOutdated } from '../kube/kube-error.ts'
import { isSameJson } from '../kube/json.ts'
import type { WorkQueue } from '../kube/queue.ts'
import type { Store } from '../kube/store.ts'
import { consoleStatus, isOver } from './console-status.ts'
import { hashOf } from './key.ts'
import { judgeConsole, type JudgeOptions } from './judge.ts'
import { deleteUrlSecret, urlKey, urlSecretName } from './url-secret.ts'
import { type NoConsole, whyOver } from './verdict.ts'

/** How long a console that is over stays, so that its page and its maker can read why. */
export const keptAfterEndMs = 600_000

export interface ConsoleControllerOptions extends JudgeOptions {
  readonly consoles: Store<ProxmoxVMConsole>
  readonly vms: Store<ProxmoxVM>
  readonly clusters: Store<ProxmoxCluster>
  /** Keys are namespace/name of ProxmoxVMConsoles. */
  readonly queue: WorkQueue
}

/** Until the next look at a console whose VM has changed: the watch calls sooner, unless it is being opened again. */
const againMs = 2_000

const vmKeyOf = ({ metadata, spec }: ProxmoxVMConsole): string => `${metadata.namespace}/${spec.vmRef.name}`

export class ConsoleController {
  readonly #o: ConsoleControllerOptions
  readonly #consolesOf: (vm: string) => ProxmoxVMConsole[]

  constructor(o: ConsoleControllerOptions) {
    this.#o = o
    this.#consolesOf = o.consoles.index('VM of a console', (viewing) => [vmKeyOf(viewing)])
  }

  async run(signal: AbortSignal): Promise<void> {
    const { consoles, vms, clusters, queue } = this.#o
    const leave = [
      consoles.subscribe(({ key, old, new: now }) => {
        if (now) queue.add(key)
        else if (old) void this.#forget(old)
      }),
      vms.subscribe(({ key }) => this.#wake(this.#consolesOf(key))),
      clusters.subscribe(({ key }) => this.#wake(consoles.list().filter((one) => this.#vmOf(one)?.spec.clusterRef.name === key))),
    ]
    this.#wake(consoles.list())
    await queue.run((key) => this.#pass(key), { workers: 4 }, signal)
    for (const end of leave) end()
  }

  #wake(consoles: readonly ProxmoxVMConsole[]): void {
    for (const viewing of consoles) this.#o.queue.add(keyOf(viewing))
  }

  /** Kubernetes collects the Secret by its owner as well; where no garbage collector runs, this does. */
  async #forget(viewing: ProxmoxVMConsole): Promise<void> {
    await deleteUrlSecret(this.#o.client, viewing).catch(() => undefined)
  }

  #vmOf = (viewing: ProxmoxVMConsole): ProxmoxVM | undefined => this.#o.vms.get(vmKeyOf(viewing))

  async #pass(key: string): Promise<void> {
    const viewing = this.#o.consoles.get(key)
    if (!viewing || viewing.metadata.deletionTimestamp) return
    try {
      await this.#look(key, viewing)
      this.#o.queue.forget(key)
    } catch (fault) {
      if (!isOutdated(fault)) throw fault
      this.#o.queue.addAfter(key, 100) // the store is about to learn what it was
    }
  }

  async #look(key: string, viewing: ProxmoxVMConsole): Promise<void> {
    const { queue, clock } = this.#o
    const { status } = viewing
    const vm = await lookUp({ client: this.#o.client, store: this.#o.vms, resource: proxmoxVMs }, vmKeyOf(viewing))
    if (status?.vmUID && vm?.metadata.uid !== status.vmUID)
      return (await this.#hasChanged(vm)) ? queue.addAfter(key, againMs) : await this.#delete(viewing)
    if (isOver(viewing)) return await this.#linger(key, viewing)
    const cluster = vm && (await this.#clusterOf(vm))
    if (!status?.keyHash) return await this.#begin(key, viewing, { vm, cluster })
    const over = whyOver(viewing, { vm, cluster, nowMs: clock.now() })
    if (over) return (await this.#hasChanged(vm)) ? queue.addAfter(key, againMs) : await this.#end(viewing, over)
    if (status.openedAt) await this.#opened(viewing)
    const next = status.openedAt ? status.endsAt : status.openBefore
    if (next) queue.addAfter(key, Math.max(0, Date.parse(next) - clock.now()))
  }

  /** Whether the VM was changed since it was read: asked once, before a console ends or is refused for good. */
  async #hasChanged(vm: ProxmoxVM | undefined): Promise<boolean> {
    const { client, vms: store } = this.#o
    return vm !== undefined && (await hasChangedSince({ client, store, resource: proxmoxVMs }, vm))
  }

  #clusterOf = async ({ spec }: ProxmoxVM): Promise<ProxmoxCluster | undefined> =>
    await lookUp({ client: this.#o.client, store: this.#o.clusters, resource: proxmoxClusters }, spec.clusterRef.name)

  async #begin(
    key: string,
    viewing: ProxmoxVMConsole,
    { vm, cluster }: { vm: ProxmoxVM | undefined; cluster: ProxmoxCluster | undefined },
  ): Promise<void> {
    const { client, clock, queue } = this.#o
    const judgement = await judgeConsole(viewing, { vm, cluster }, this.#o).catch(async (fault: unknown) => {
      const message = `The operator cannot judge the console yet: ${fault instanceof Error ? fault.message : String(fault)}. Retrying.`
      await this.#write(viewing, consoleStatus(viewing, 'Pending', { reason: 'Retrying', message }, this.#now()))
      throw fault
    })
    const vmUID = vm?.metadata.uid ?? ''
    if (judgement && (await this.#hasChanged(vm))) return queue.addAfter(key, againMs)
    if (judgement)
      return await this.#write(viewing, { ...consoleStatus(viewing, 'Refused', judgement, this.#now(), { vmUID }), endedAt: this.#now() })
    const urlSecretKey = await urlKey(client, viewing, cluster?.spec.console?.url ?? '')
    const secret = urlSecretName(viewing.metadata.name)
    if (urlSecretKey === undefined) {
      const message = `Secret "${secret}" exists and belongs to something else; give the console another name.`
      return await this.#write(viewing, {
        ...consoleStatus(viewing, 'Refused', { reason: 'SecretConflict', message }, this.#now(), { vmUID }),
        endedAt: this.#now(),
      })
    }
    const seconds = parseDurationSeconds(viewing.spec.ttl?.open ?? '60s')
    const openBefore = timeInSeconds(clock.now() + seconds * 1000)
    const verdict = { reason: 'ConsoleWaiting', message: `The URL is in Secret "${secret}"; it opens once, until ${openBefore}.` } as const
    const keyHash = hashOf(urlSecretKey)
    const more = { vmUID, keyHash, urlHash: keyHash, openBefore, secretRef: { name: secret } }
    await this.#write(viewing, consoleStatus(viewing, 'Waiting', verdict, this.#now(), more))
  }

  /** The broker has opened it: nobody needs the URL any more. */
  async #opened(viewing: ProxmoxVMConsole): Promise<void> {
    if (!viewing.status?.secretRef) return
    await deleteUrlSecret(this.#o.client, viewing)
    const { secretRef: _, ...status } = viewing.status
    await this.#write(viewing, status)
  }

  async #end(viewing: ProxmoxVMConsole, { reason, message }: NoConsole): Promise<void> {
    await deleteUrlSecret(this.#o.client, viewing)
    const { secretRef: _, ...status } = consoleStatus(viewing, 'Ended', { reason, message }, this.#now())
    await this.#write(viewing, { ...status, endedAt: this.#now() })
  }

  async #linger(key: string, viewing: ProxmoxVMConsole): Promise<void> {
    const leftMs = Date.parse(viewing.status?.endedAt ?? '') + keptAfterEndMs - this.#o.clock.now()
    if (leftMs > 0) this.#o.queue.addAfter(key, leftMs)
    else await this.#delete(viewing)
  }

  async #delete(viewing: ProxmoxVMConsole): Promise<void> {
    const { namespace = '', name, uid = '' } = viewing.metadata
    await deleteUrlSecret(this.#o.client, viewing)
    await this.#o.client.delete(proxmoxVMConsoles, { namespace, name }, { uid })
  }

  async #write(viewing: ProxmoxVMConsole, status: ProxmoxVMConsoleStatus): Promise<void> {
    if (isSameJson(status, viewing.status)) return
    this.#o.consoles.put(await this.#o.client.replaceStatus(proxmoxVMConsoles, { ...viewing, status }))
  }

  #now = (): string => timeInSeconds(this.#o.clock.now())
}
