import type { Condition } from './object.ts'
import type { VmCondition } from './condition-words.ts'

export const conditionOf = (conditions: readonly Condition[] | undefined, type: VmCondition) =>
  conditions?.find((condition) => condition.type === type)
export const isTrue = (conditions: readonly Condition[] | undefined, type: VmCondition) => conditionOf(conditions, type)?.status === 'True'
