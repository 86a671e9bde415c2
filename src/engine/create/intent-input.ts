/** What the intent of a new VM is formed from. */
import type { PveCluster } from '../../cluster/cluster.ts'
import type { GrantedAddress } from '../../want/granted-address.ts'
import type { Resolved } from '../../want/package.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Memory } from '../memory.ts'
import type { VMStatusDraft } from '../status-draft.ts'

export interface IntentInput {
  readonly deps: Dependencies
  readonly draft: VMStatusDraft
  readonly cluster: PveCluster
  readonly resolved: Resolved
  readonly grants: readonly GrantedAddress[]
  readonly memory: Memory
  /** `namespace/name`, as in the line of clones. */
  readonly key: string
}
