import type { Memory } from './memory.ts'
import type { Dependencies } from './dependencies.ts'
import type { VMStatusDraft } from './status-draft.ts'

/** One pass over one VM: what it works with, whether the VM is made, kept or taken down. */
export interface Pass {
  readonly deps: Dependencies
  /** `namespace/name`. */
  readonly key: string
  readonly draft: VMStatusDraft
  readonly memory: Memory
}
