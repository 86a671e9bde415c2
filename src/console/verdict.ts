/** Whether a VM may be looked at, and why a console is over (pure): asked by the operator and, again, by the broker. */
import { conditionOf } from '../api/condition.ts'
import type { ProxmoxCluster } from '../api/proxmoxcluster.ts'
import type { ProxmoxVM } from '../api/proxmoxvm.ts'
import type { ProxmoxVMConsole } from '../api/proxmoxvmconsole.ts'
import type { Reason } from '../api/reasons.ts'
import type { EndWord } from '../console-page/protocol.ts'

/** Why not, for programs, for whoever reads the object, and for the page. */
export interface NoConsole {
  readonly reason: Reason
  readonly message: string
  readonly word: EndWord
}

const no = (word: EndWord, reason: Reason, message: string): NoConsole => ({ word, reason, message })

/** Reasons of Ready under which the guest in PVE is not, or not surely, the one of the object. */
const notOurs: ReadonlySet<string> = new Set([
  'VMForeign',
  'VMMissing',
  'OwnedByFormerObject',
  'BecameTemplate',
  'AdoptMismatch',
  'ClusterChanged',
])

/** Why nobody may look at this VM now, whether it is on or off. */
export function whyHidden(vm: ProxmoxVM | undefined, cluster: ProxmoxCluster | undefined): NoConsole | undefined {
  if (!vm || vm.metadata.deletionTimestamp) return no('gone', 'VMNotFound', 'The VM is being deleted or no longer exists.')
  const { status, spec } = vm
  const { name } = vm.metadata
  const settings = cluster?.spec.console
  if (!settings) {
    return no(
      'unavailable',
      'ConsolesOff',
      `ProxmoxCluster "${spec.clusterRef.name}" has no spec.console; an admin can write it (docs/console.md).`,
    )
  }
  const byTraffic = status?.usage?.exceeded === 'Suspend' ? ['its traffic'] : []
  const holders = [...(spec.suspensions ?? []).map(({ by, reason }) => `${by} (${reason})`), ...byTraffic].join(', ')
  if (holders && settings.allowSuspended !== true) {
    return no('suspended', 'Suspended', `The VM is suspended by ${holders}; there is no console until the last suspension is removed.`)
  }
  const ready = conditionOf(status?.conditions, 'Ready')
  const isThere = status?.vmid !== undefined && status.node && conditionOf(status.conditions, 'Cloned')?.status === 'True'
  if (!isThere || status.released || status.removedAt) return no('gone', 'VMNotFound', `PVE has no VM of ProxmoxVM "${name}" now.`)
  if (ready && ready.status !== 'True' && notOurs.has(ready.reason)) return no('gone', 'VMForeign', ready.message)
  return undefined
}

/** Why a new console is refused. */
export function whyRefused(vm: ProxmoxVM | undefined, cluster: ProxmoxCluster | undefined): NoConsole | undefined {
  const hidden = whyHidden(vm, cluster)
  if (hidden) return hidden
  const ready = conditionOf(vm?.status?.conditions, 'Ready')
  if (ready?.status === 'Unknown') return no('unavailable', 'Unreachable', `The operator cannot ask PVE about the VM now: ${ready.message}`)
  if (vm?.status?.remoteStatus !== 'running')
    return no('off', 'PreconditionFailed', 'The VM is off; start it, then create another console.')
  return undefined
}

/** Why a console that was promised is over. A VM that is off ends none: its screen comes back with it. */
export function whyOver(
  viewing: ProxmoxVMConsole,
  o: { vm: ProxmoxVM | undefined; cluster: ProxmoxCluster | undefined; nowMs: number },
): NoConsole | undefined {
  const { status, metadata } = viewing
  if (metadata.deletionTimestamp) return no('closed', 'ConsoleEnded', 'The console is being deleted.')
  if (status?.endedAt) return no('closed', 'ConsoleEnded', status.message ?? 'It is over.')
  if (o.vm && status?.vmUID && o.vm.metadata.uid !== status.vmUID)
    return no('gone', 'VMNotFound', 'The VM of this console no longer exists.')
  const hidden = whyHidden(o.vm, o.cluster)
  if (hidden) return hidden
  if (!status?.openedAt && status?.openBefore && o.nowMs >= Date.parse(status.openBefore)) {
    return no('unopened', 'ConsoleEnded', 'Nobody opened the URL in time.')
  }
  if (status?.endsAt && o.nowMs >= Date.parse(status.endsAt)) return no('time', 'ConsoleEnded', 'The time of the session has ended.')
  return undefined
}
