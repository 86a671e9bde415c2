/** Whether an object has let go of its VM, or is told to: then nobody here does anything to the VM, its addresses or its records any more. */
import { letGoAnnotation, type ReleaseMode, releaseModes } from './group.ts'
import type { ProxmoxVM } from './proxmoxvm.ts'

/** What the annotation asks for; undefined: it is absent. `invalid`: it says something else. */
export function releaseAsked({ metadata }: Pick<ProxmoxVM, 'metadata'>): ReleaseMode | 'invalid' | undefined {
  const mode = metadata.annotations?.[letGoAnnotation]
  if (mode === undefined) return undefined
  return mode in releaseModes ? (mode as ReleaseMode) : 'invalid'
}

export const isLetGo = (vm: ProxmoxVM): boolean => vm.status?.released !== undefined || releaseAsked(vm) !== undefined
