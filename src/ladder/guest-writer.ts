import type { ConfigPatch } from './config-step.ts'
import type { FirewallWrite } from '../steps/set-firewall.ts'
import type { Outcome } from './step.ts'

/** What a step can do to its VM. Every method makes one request to PVE; faults are thrown and judged in one place, the pass. */
export interface World {
  /** Undefined: PVE has taken it. An outcome: it works on it in the background. */
  writeConfig(patch: ConfigPatch, digest: string): Promise<Outcome | undefined>
  /** All of these answer with the UPID of the task that does it. */
  resize(to: { readonly key: string; readonly sizeMiB: number; readonly digest: string }): Promise<string>
  start(): Promise<string>
  /** Asks the guest, and cuts power after spec.shutdownTimeout. */
  shutdown(): Promise<string>
  writeFirewall(write: FirewallWrite): Promise<void>
}
