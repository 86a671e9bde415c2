import type { FirewallName, NetworkCard, RuleOptions, SetEntry } from './machine.ts'
import type { Outcome } from './outcome.ts'

/** Keys to set and keys to remove, in one request. */
export interface ConfigPatch {
  readonly set: Readonly<Record<string, string>>
  readonly remove: readonly string[]
}

export const emptyPatch: ConfigPatch = { set: {}, remove: [] }
export const isEmpty = (patch: ConfigPatch) => Object.keys(patch.set).length === 0 && patch.remove.length === 0

/** One write to the VM's firewall file. Each is its own request: PVE has no transaction over them. */
export type FirewallWrite =
  | { readonly do: 'create-set' }
  | { readonly do: 'delete-set' }
  | { readonly do: 'add-entry'; readonly address: string }
  | { readonly do: 'remove-entry'; readonly entry: string }
  | { readonly do: 'add-rule'; readonly rule: RuleOptions }
  | { readonly do: 'move-rule'; readonly from: number; readonly to: number }
  | { readonly do: 'delete-rule'; readonly pos: number; readonly name: string }
  | { readonly do: 'set-options'; readonly options: Readonly<Record<string, string>> }

/** One entry of people's own that a new VM gets back. */
export type PutBack =
  | { readonly put: 'alias'; readonly alias: FirewallName }
  | { readonly put: 'set'; readonly name: string; readonly comment?: string }
  | { readonly put: 'entry'; readonly set: string; readonly entry: SetEntry }
  | { readonly put: 'rule'; readonly rule: RuleOptions }
  | { readonly put: 'network card'; readonly card: NetworkCard }

/** What a step can do to its VM. Every method makes one request to PVE; faults are thrown and judged in one place, the pass. */
export interface GuestWriter {
  /** Undefined: PVE has taken it. An outcome: it works on it in the background. */
  writeConfig(patch: ConfigPatch, digest: string): Promise<Outcome | undefined>
  /** All of these answer with the UPID of the task that does it. */
  resize(to: { readonly key: string; readonly sizeMiB: number; readonly digest: string }): Promise<string>
  start(): Promise<string>
  /** Asks the guest, and cuts power after spec.shutdownTimeout. */
  shutdown(): Promise<string>
  writeFirewall(write: FirewallWrite): Promise<void>
  /** One that PVE refuses for good is given up and told. */
  putBack(entry: PutBack): Promise<void>
}
