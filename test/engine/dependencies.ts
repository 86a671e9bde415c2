import type { ProxmoxVM, ProxmoxVMStatus } from '../../src/api/proxmoxvm.ts'
import type { Condition } from '../../src/api/object.ts'
import { InFlightPlacements } from '../../src/engine/create/in-flight.ts'
import { freshMemory, type Memory } from '../../src/engine/memory.ts'
import type { Dependencies } from '../../src/engine/dependencies.ts'
import { VMStatusDraft } from '../../src/engine/status-draft.ts'

/** The part of the dependencies in which nothing reaches the outside: a fixed clock, a list of VMs, and what people were told. */
export interface QuietDependencies extends Dependencies {
  /** `Warning Failed: message`. */
  readonly told: string[]
  /** Names of clusters for which a VM became ready, with the seconds it took. */
  readonly becameReady: [string, number][]
}

export function quietDependencies(o: { now: string; vms?: readonly ProxmoxVM[]; random?: () => number }): QuietDependencies {
  const told: string[] = []
  const becameReady: [string, number][] = []
  const part = {
    told,
    becameReady,
    vms: { list: () => [...(o.vms ?? [])] },
    installation: { uid: '6a1f0000-0000-4000-8000-00000000000a' },
    inFlight: new InFlightPlacements(),
    random: o.random ?? (() => 0),
    clock: { now: () => Date.parse(o.now), monotonicMs: () => Date.parse(o.now) },
    events: { record: (_: unknown, type: string, reason: string, message: string) => told.push(`${type} ${reason}: ${message}`) },
    observe: { stepEnded: () => undefined, becameReady: (cluster: string, seconds: number) => becameReady.push([cluster, seconds]) },
  }
  return part as unknown as QuietDependencies
}

/** The status of a VM during one pass; what is said here is never written. */
export const draftOf = (vm: ProxmoxVM) => new VMStatusDraft({ vm } as ConstructorParameters<typeof VMStatusDraft>[0])

export const memory = (over: Partial<Memory> = {}): Memory => ({ ...freshMemory(), ...over })

/** `Ready=False/Retrying`. */
export const sayings = (status: ProxmoxVMStatus) => (status.conditions ?? []).map(saying)
const saying = ({ type, status, reason }: Condition) => `${type}=${status}/${reason}`
