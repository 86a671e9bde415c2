/** Of a ProxmoxVM, what a billing system reads. docs/api/proxmoxvm.md has all of it. */
export interface Condition {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
}

export interface VM {
  readonly metadata: { readonly name: string; readonly uid: string; readonly generation: number; readonly deletionTimestamp?: string }
  readonly spec: {
    readonly clusterRef: { readonly name: string }
    readonly runStrategy: string
    readonly suspensions?: readonly { readonly by: string; readonly reason: string }[]
  }
  readonly status: {
    readonly observedGeneration: number
    /** The last `pve.hosting/look` that was answered. */
    readonly lookedFor?: string
    readonly remoteStatus?: string
    readonly hostname?: string
    readonly vmid?: number
    readonly node?: string
    readonly firstReadyAt?: string
    readonly addresses?: readonly { readonly name: string; readonly address: string; readonly state?: string }[]
    readonly credentialsSecretRef?: { readonly name: string }
    /** Its traffic is used up: `Suspend` holds the VM off until the next period or a higher limit. */
    readonly usage?: { readonly exceeded?: string }
    readonly reinstall?: { readonly completedIDs: readonly string[] }
    readonly conditions?: readonly Condition[]
  }
}

/** Of a ProxmoxCluster, what a reinstall may name. */
export interface Cluster {
  readonly status?: { readonly templates?: readonly { readonly name?: string }[] }
}

export const conditionOf = (vm: VM | undefined, type: string) => vm?.status.conditions?.find((condition) => condition.type === type)

/** Who holds the VM off. */
export const holdersOf = ({ spec, status }: VM): string[] => [
  ...(spec.suspensions ?? []).map(({ by }) => by),
  ...(status.usage?.exceeded === 'Suspend' ? ['traffic'] : []),
]

/** It starts for nobody: a change of package leaves it off. */
export const isHeldOff = (vm: VM): boolean => vm.spec.runStrategy === 'Halted' || holdersOf(vm).length > 0

/** By entry. One with a state is being released: it has the entry of its successor and is no longer the customer's. */
export const addressesByEntry = ({ status }: Pick<VM, 'status'>): Record<string, string> =>
  Object.fromEntries((status.addresses ?? []).flatMap(({ name, address, state }) => (state === undefined ? [[name, address]] : [])))
