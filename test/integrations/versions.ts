import type { ProxmoxVM } from '../../src/api/proxmoxvm.ts'
import type { KubeClient } from '../../src/kube/client.ts'
import { jsonLines } from '../../src/kube/lines.ts'

/** Every version of every ProxmoxVM of a namespace, as the API server tells them: none is left out, unlike in a list now and then. */
export class Versions {
  readonly all: ProxmoxVM[] = []
  readonly #stop = new AbortController()
  #ended: Promise<void> = Promise.resolve()

  static async follow(client: KubeClient, namespace: string): Promise<Versions> {
    const versions = new Versions()
    const path = `/apis/pve.hosting/v1alpha1/namespaces/${namespace}/proxmoxvms?watch=true&timeoutSeconds=600`
    const stream = await client.stream(path, { signal: versions.#stop.signal, headersTimeoutMs: 30_000 })
    versions.#ended = (async () => {
      for await (const event of jsonLines(stream, () => undefined)) versions.all.push((event as { object: ProxmoxVM }).object)
    })().catch((fault: unknown) => {
      if (!versions.#stop.signal.aborted) throw fault
    })
    return versions
  }

  of(name: string): ProxmoxVM[] {
    return this.all.filter(({ metadata }) => metadata.name === name)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#ended
  }
}
