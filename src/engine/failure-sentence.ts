/** What a task that failed is called in a message. */
import type { ProxmoxVM } from '../api/proxmoxvm.ts'

/** `start failed: QEMU exited with code 1`, also where PVE's own words begin like that. */
export const failedSentence = (what: string, exitstatus: string): string =>
  exitstatus.toLowerCase().startsWith(`${what} failed`) ? exitstatus : `${what} failed: ${exitstatus}`

type Started = Pick<ProxmoxVM, 'spec' | 'status'>

/**
 * That the node lacks the bridge of a VM it did not start, with the field that says so. PVE 9 names a bridge that the node does not have; older ones only say that QEMU ended
 * (qemu-server, vm_start).
 */
export function bridgeSentence({ spec, status }: Started, exitstatus: string): string | undefined {
  const bridge = /bridge '([^']+)' does not exist/.exec(exitstatus)?.[1]
  if (bridge === undefined) return undefined
  const isInline = spec.package?.network?.bridge === bridge
  const isOfPackage = !isInline && status?.package?.network?.bridge === bridge && spec.packageRef !== undefined
  const from = isInline
    ? 'spec.package.network.bridge'
    : isOfPackage
      ? `package ${spec.packageRef?.name}, network.bridge`
      : 'of its pool or template'
  return `VM ${status?.vmid} does not start on ${status?.node}: that node has no bridge ${bridge} (${from})`
}
