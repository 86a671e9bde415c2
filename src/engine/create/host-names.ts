import type { Package } from '../../api/package.ts'
import type { ProxmoxVM, ProxmoxVMStatus } from '../../api/proxmoxvm.ts'
import { expandName, type MacroSource } from '../../want/name-macros.ts'
import type { Dependencies } from '../dependencies.ts'
import type { VMStatusDraft } from '../status-draft.ts'
import { stalled, type Obstacle } from '../../ladder/outcome.ts'

export interface Names {
  readonly hostname: string
  /** Name in PVE, which cloud-init gives the guest as host name. */
  readonly vmName: string
}

/** A random name that is taken is drawn again. */
const mostAttempts = 20

/** The names the VM has had since its birth, or new ones. */
export const namesOf = (deps: Dependencies, vm: ProxmoxVM, status: ProxmoxVMStatus, merged: Package, vmid: number): Names | Obstacle =>
  status.hostname && status.vmName ? { hostname: status.hostname, vmName: status.vmName } : chooseNames(deps, vm, merged, vmid)

/** Evaluated once and kept in status. PVE's name is the host name; `vmName` counts only where the VM has none of its own. */
function chooseNames(deps: Dependencies, vm: ProxmoxVM, merged: Package, vmid: number): Names | Obstacle {
  const own = vm.spec.hostname ?? merged.naming?.hostname
  const pattern = own ?? merged.naming?.vmName ?? vm.metadata.name
  for (let attempt = 1; ; attempt++) {
    const named = expandName(pattern, sourceOf(deps, vm, vmid))
    if (named.is === 'invalid') return stalled('NamingInvalid', `The operator cannot form the host name: ${named.why}.`)
    const holder = own === undefined ? undefined : holderOf(deps, vm, named.value)
    if (!holder) {
      deps.inFlight.named(vm.metadata.uid ?? '', named.value)
      return { hostname: named.value, vmName: named.value }
    }
    if (attempt === mostAttempts || !own?.includes('{random'))
      return stalled(
        'HostnameTaken',
        `Host name ${named.value} belongs to ${holder}; choose another one in spec.hostname or naming.hostname of the package.`,
      )
  }
}

/** An edit of spec.hostname renames the VM; a name made by macros stays. */
export function renamedHost(deps: Dependencies, { vm, status }: Pick<VMStatusDraft, 'vm' | 'status'>): Names | Obstacle | undefined {
  const { hostname } = vm.spec
  if (hostname === undefined || hostname.toLowerCase() === status.hostname) return undefined
  return chooseNames(deps, vm, {}, status.vmid ?? 0)
}

function holderOf(deps: Dependencies, vm: ProxmoxVM, hostname: string): string | undefined {
  const sibling = deps.vms
    .list()
    .find(
      (other) =>
        other.metadata.uid !== vm.metadata.uid &&
        other.spec.clusterRef.name === vm.spec.clusterRef.name &&
        other.status?.hostname === hostname,
    )
  if (sibling) return `${sibling.metadata.namespace}/${sibling.metadata.name}`
  const promised = deps.inFlight.of(vm.spec.clusterRef.name, vm.metadata.uid).some((intent) => intent.hostname === hostname)
  return promised ? 'another VM that the operator creates now' : undefined
}

function sourceOf(deps: Dependencies, vm: ProxmoxVM, vmid: number): MacroSource {
  const { namespace, name, labels } = vm.metadata
  return { namespace: namespace ?? '', name, vmid, labels: labels ?? {}, nowMs: deps.clock.now(), random: deps.random }
}
