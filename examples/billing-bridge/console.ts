/** The console of a service: a ProxmoxVMConsole, and the URL that opens it once. docs/console.md of the operator has the whole story. */
import type { ApiServer } from './api-server.ts'
import { NeedsSomebody, NotNow } from './service.ts'
import type { Condition } from './vm.ts'

interface Viewing {
  readonly status?: {
    readonly conditions?: readonly Condition[]
    readonly secretRef?: { readonly name: string }
    /** Until when the URL opens. */
    readonly openBefore?: string
  }
}

export interface ConsoleLink {
  /** For the customer's browser, at once: redirect to it. It is a key: never store, log or mail it. */
  readonly url: string
  readonly openBefore: string | undefined
}

/**
 * Makes the console `requestID` of the VM and waits for its URL. The same request again gives the same URL as long as nobody has
 * opened it; afterwards ask with another requestID. Ends with NeedsSomebody when the operator refuses: the VM is off or suspended.
 */
export async function openConsole(o: {
  api: ApiServer
  namespace: string
  vm: string
  requestID: string
  signal: AbortSignal
}): Promise<ConsoleLink> {
  const { api, namespace, signal } = o
  const collection = `/apis/pve.hosting/v1alpha1/namespaces/${namespace}/proxmoxvmconsoles`
  const name = `${o.vm}-console-${o.requestID}`
  await api.create(collection, {
    apiVersion: 'pve.hosting/v1alpha1',
    kind: 'ProxmoxVMConsole',
    metadata: { name },
    spec: { vmRef: { name: o.vm } },
  })
  const { status } = await judged(api.follow<Viewing>(collection, name, signal), name)
  const data = (await api.get<{ data?: { url?: string } }>(`/api/v1/namespaces/${namespace}/secrets/${status?.secretRef?.name}`))?.data
  if (!data?.url) throw new NotNow(`the URL of ${name} was used, or its time has ended; ask with another request ID`)
  return { url: Buffer.from(data.url, 'base64').toString(), openBefore: status?.openBefore }
}

/** The console once it has a URL. */
async function judged(versions: AsyncIterable<Viewing | undefined>, name: string): Promise<Viewing> {
  for await (const viewing of versions) {
    const condition = (type: string): Condition | undefined => viewing?.status?.conditions?.find((one) => one.type === type)
    const stalled = condition('Stalled')
    if (stalled?.status === 'True') throw new NeedsSomebody(stalled.reason, stalled.message)
    if (viewing && condition('Ready')?.status === 'True') return viewing
  }
  throw new NotNow(`${name} was deleted before it had a URL`)
}
