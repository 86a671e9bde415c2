import type { Memory } from './memory.ts'
import type { Room } from './dependencies.ts'
import type { VMRecord } from './status-draft.ts'

/** One pass over one VM: what it works with, whether the VM is made, kept or taken down. */
export interface Pass {
  readonly room: Room
  /** `namespace/name`. */
  readonly key: string
  readonly record: VMRecord
  readonly memory: Memory
}
