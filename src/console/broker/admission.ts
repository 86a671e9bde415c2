/** Lets a page in, once for each key: decided by a write that only one broker can win. */
import { randomBytes } from 'node:crypto'
import { proxmoxVMConsoles } from '../../api/meta.ts'
import type { ProxmoxCluster } from '../../api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../../api/proxmoxvm.ts'
import type { ProxmoxVMConsole } from '../../api/proxmoxvmconsole.ts'
import { parseDurationSeconds } from '../../api/size.ts'
import { timeInSeconds } from '../../api/time.ts'
import type { EndWord, Hello } from '../../console-page/protocol.ts'
import type { KubeClient } from '../../kube/client.ts'
import { isConflict, KubeError } from '../../kube/kube-error.ts'
import type { Clock } from '../../ops/clock.ts'
import { consoleStatus } from '../console-status.ts'
import { fits, hashOf, keyBytes } from '../key.ts'
import { whyOver } from '../verdict.ts'

export interface AdmissionOptions {
  readonly client: KubeClient
  readonly clock: Clock
  /** The VM as the API server has it now. */
  readonly vmOf: (viewing: ProxmoxVMConsole) => Promise<ProxmoxVM | undefined>
  readonly clusterOf: (vm: ProxmoxVM) => ProxmoxCluster | undefined
}

export type Admission =
  | { readonly viewing: ProxmoxVMConsole; readonly vm: ProxmoxVM; readonly key: string; readonly isFirst: boolean }
  | { readonly end: EndWord }

const tries = 5

/** Reads and writes the object itself, never a copy that a watch keeps. Throws when the API server cannot be asked. */
export async function admit(hello: Hello, address: string, o: AdmissionOptions): Promise<Admission> {
  const key = randomBytes(keyBytes).toString('base64url')
  for (let attempt = 1; ; attempt += 1) {
    const viewing = await o.client.get(proxmoxVMConsoles, { namespace: hello.namespace, name: hello.name })
    if (!viewing) return { end: 'invalid' }
    const vm = await o.vmOf(viewing)
    // The answer to our own write was lost, and it is done.
    if (vm && fits(key, viewing.status?.keyHash)) return { viewing, vm, key, isFirst: viewing.status?.connections === 1 }
    const end = refusalOf(hello, viewing, vm, o)
    if (end || !vm) return { end: end ?? 'gone' }
    try {
      const status = openedStatus(viewing, address, hashOf(key), o.clock.now())
      const written = await o.client.replaceStatus(proxmoxVMConsoles, { ...viewing, status })
      return { viewing: written, vm, key, isFirst: status.connections === 1 }
    } catch (fault) {
      if (attempt === tries || !(isConflict(fault) || mayBeDone(fault))) throw fault
    }
  }
}

/** No answer came, or one of somebody who gave up waiting (etcd, a proxy: 500, 504): then the write decides, and not its answer. */
const mayBeDone = (fault: unknown): boolean => fault instanceof KubeError && (fault.status === 0 || fault.status >= 500)

function refusalOf(hello: Hello, viewing: ProxmoxVMConsole, vm: ProxmoxVM | undefined, o: AdmissionOptions): EndWord | undefined {
  const { status } = viewing
  const isCurrent = fits(hello.key, status?.keyHash)
  const isOfUrl = fits(hello.key, status?.urlHash)
  if (!isCurrent && !isOfUrl) return 'invalid'
  const cluster = vm && o.clusterOf(vm)
  const over = whyOver(viewing, { vm, cluster, nowMs: o.clock.now() })
  if (over) return status?.endedAt ? endWordOf(viewing) : over.word
  if (!isCurrent) return 'used'
  // A VM that is off is no reason: the page waits for its screen.
  return undefined
}

/** Why the operator ended it, by the reason it left. */
export function endWordOf({ status }: ProxmoxVMConsole): EndWord {
  const reason = status?.conditions?.find(({ type }) => type === 'Ready')?.reason
  if (reason === 'Suspended') return 'suspended'
  if (reason === 'ConsolesOff') return 'unavailable'
  if (reason === 'VMNotFound' || reason === 'VMForeign') return 'gone'
  return status?.openedAt ? 'time' : 'unopened'
}

function openedStatus(viewing: ProxmoxVMConsole, address: string, keyHash: string, nowMs: number) {
  const { status, spec } = viewing
  const stayMs = parseDurationSeconds(spec.ttl?.stay ?? '2h') * 1000
  const openedAt = status?.openedAt ?? timeInSeconds(nowMs)
  const endsAt = status?.endsAt ?? timeInSeconds(nowMs + stayMs)
  const openedBy = status?.openedBy ?? address
  const message = `Opened at ${openedAt} from ${openedBy}; it ends at ${endsAt}.`
  const more = { keyHash, openedAt, openedBy, endsAt, connections: (status?.connections ?? 0) + 1 }
  return consoleStatus(viewing, 'Open', { reason: 'ConsoleOpen', message }, timeInSeconds(nowMs), more)
}
