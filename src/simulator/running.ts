import type { FaultSource, RequestSink } from './contracts.ts'
import type { World } from './world/world.ts'

/** The running simulator as its admin side sees it. */
export interface Sim {
  readonly world: World
  readonly faults: FaultSource
  readonly requests: RequestSink
  readonly url: string
  /** Back to the start of the preset or scenario; faults and the request log are cleared too. */
  reset(): void
  /** Another PVE answers from now on, with its own CA and guests, or the first one again. */
  swap(isOther: boolean): void
  /** PEM of the CA of who answers now, and the fingerprint of its certificate; undefined without TLS. */
  readonly ca: string | undefined
  readonly fingerprint: string | undefined
}
