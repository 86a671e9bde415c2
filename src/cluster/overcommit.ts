/** spec.overcommit as numbers. */
import type { Overcommit } from '../api/cluster-policy.ts'
import { parseRatio } from '../api/size.ts'

export const ratiosOf = ({
  cpu,
  memory,
  storage,
}: Overcommit): { readonly cpu?: number; readonly memory?: number; readonly storage?: number } => ({
  ...(cpu !== undefined && { cpu: parseRatio(cpu) }),
  ...(memory !== undefined && { memory: parseRatio(memory) }),
  ...(storage !== undefined && { storage: parseRatio(storage) }),
})
