// Counts the writes of settings of which PVE accepts one and shows no effect: the next ones, equal or another way to the same, come after growing pauses.
import type { CallInfo, FaultPlan } from '../../../src/simulator/contracts.ts'
import type { Scene } from '../scene.ts'
import { stateOf } from './requests.ts'
import type { Verdicts } from './verdicts.ts'

const windowMs = 10_000
/** With pauses of 2, 4 and 8 s there are 3 in 10 s. */
const mostWrites = 5

export class SilenceWatch {
  readonly #scene: Scene
  readonly #verdicts: Verdicts
  /** By VMID: what the guest was like, and when the writes came since the first without effect, by the operator's clock. */
  readonly #counts = new Map<number, { state: string; atMs: number[] }>()

  constructor(scene: Scene, verdicts: Verdicts) {
    this.#scene = scene
    this.#verdicts = verdicts
  }

  /** `plan`: what goes wrong with it. */
  sees({ method, template, params }: CallInfo, plan: FaultPlan | undefined): void {
    const vmid = Number(params['vmid'])
    if (method === 'GET' || !/\/\{vmid\}\/(?:config|resize)$/.test(template) || !(vmid > 0)) return
    const nowMs = this.#scene.world.clock.monotonicMs()
    const state = stateOf(this.#scene, vmid)
    const before = this.#counts.get(vmid)
    const since = Math.max(nowMs - windowMs, this.#scene.ledger.ofVmid(vmid)?.touchedAtMs ?? 0)
    const recent = before?.state === state ? before.atMs.filter((at) => at >= since) : []
    if (recent.length === 0 && !plan?.task?.noEffect) return void this.#counts.delete(vmid)
    const atMs = [...recent, nowMs]
    this.#counts.set(vmid, { state, atMs })
    if (atMs.length > mostWrites)
      this.#verdicts.broken(
        'noHaste',
        `${vmid} silence`,
        `${atMs.length} writes in 10 s for VMID ${vmid} while PVE shows no effect of them`,
      )
  }

  /** The next operator begins at nothing. */
  restart(): void {
    this.#counts.clear()
  }
}
