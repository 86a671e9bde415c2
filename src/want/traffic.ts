/** What the traffic of a VM means for it: which limit is in force, and what follows once it is reached. Pure. */
import type { ProxmoxVM, ProxmoxVMStatus } from '../api/proxmoxvm.ts'
import { bytesText } from '../api/size.ts'
import type { Traffic } from '../api/traffic.ts'
import { mergePackages } from './package-merge.ts'

/** The traffic of the package in force: inline fields at once, those of a VMPackage as the VM has taken it. Undefined: it is not counted. */
export function trafficOf({ spec, status }: Pick<ProxmoxVM, 'spec' | 'status'>): Traffic | undefined {
  const { packageSource, package: inForce } = status ?? {}
  const name = spec.packageRef?.name
  if (name !== undefined && packageSource?.name !== name) return inForce?.traffic
  const source = name === undefined ? undefined : (packageSource?.spec ?? inForce)?.traffic
  const inline = spec.package?.traffic
  if (!source || !inline) return inline ?? source
  return mergePackages({ traffic: source }, { traffic: inline }).traffic
}

/** The VM is held off because its traffic is used up. It is in the record, so that it holds through restarts and without PVE. */
export const isHeldByTraffic = ({ status }: Pick<ProxmoxVM, 'status'>): boolean => status?.usage?.exceeded === 'Suspend'

/** `1.0 TiB of 1.0 TiB used in the period that ends 2026-12-01T00:00:00Z`. */
export function usedSentence({ usage }: Pick<ProxmoxVMStatus, 'usage'>): string {
  const { receivedBytes = 0, sentBytes = 0, limitBytes, periodEnd } = usage ?? {}
  const limit = limitBytes === undefined ? '' : ` of ${bytesText(limitBytes)}`
  return `${bytesText(receivedBytes + sentBytes)}${limit} used in the period that ends ${periodEnd ?? 'with its month'}`
}

/** The rate that net0 must not exceed because the limit is reached, in Mbit/s. Undefined: none. */
export const throttleOf = ({ usage }: Pick<ProxmoxVMStatus, 'usage'>, traffic: Traffic | undefined): number | undefined =>
  usage?.exceeded === 'Throttle' && traffic?.throttleMbit ? traffic.throttleMbit : undefined

/** net0 has another rate because of the traffic than it is to have. */
export const isThrottleOpen = (vm: Pick<ProxmoxVM, 'spec' | 'status'>): boolean =>
  vm.status?.usage !== undefined && throttleOf(vm.status, trafficOf(vm)) !== vm.status.usage.throttledMbit

/** After a look that found net0 as it is to be. */
export function withTrafficRate(status: ProxmoxVMStatus, traffic: Traffic | undefined): ProxmoxVMStatus {
  if (!status.usage) return status
  const { throttledMbit: _, ...usage } = status.usage
  const mbit = throttleOf(status, traffic)
  return { ...status, usage: { ...usage, ...(mbit !== undefined && { throttledMbit: mbit }) } }
}
