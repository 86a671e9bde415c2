// Counts the operator's writes of each object at the API server: of what does not change, nobody needs to hear again and again.
import type { Scene } from '../scene.ts'
import { stateOf } from './requests.ts'
import type { Verdicts } from './verdicts.ts'

const windowMs = 60_000
const mostWrites = 40
/** Pools and clusters tell about all VMs, and some of those change all the time. */
const mostWritesOfShared = 120
const ours = /\/namespaces\/[^/]+\/proxmoxvm\w*\/((vm-\d+)[^/]*)/
const shared = /\/(?:proxmoxclusters|ippools|dnszones)\/([^/]+)/

interface Count {
  /** What the guest was like when the counting began. */
  state: string
  atMs: number[]
}

export class ChatterWatch {
  readonly #scene: Scene
  readonly #verdicts: Verdicts
  readonly #counts = new Map<string, Count>()

  constructor(scene: Scene, verdicts: Verdicts) {
    this.#scene = scene
    this.#verdicts = verdicts
  }

  hears(method: string, path: string): void {
    const [, object, name] = ours.exec(path) ?? []
    if (name !== undefined) {
      const { vmid = 0, touchedAtMs } = this.#scene.ledger.of(name)
      this.#count(`${method} ${path}`, {
        subject: object ?? name,
        state: stateOf(this.#scene, vmid),
        sinceMs: touchedAtMs,
        most: mostWrites,
      })
    }
    const [, of] = shared.exec(path) ?? []
    if (of !== undefined) this.#count(`${method} ${path}`, { subject: of, state: '', sinceMs: 0, most: mostWritesOfShared })
  }

  /** The next operator begins at nothing. */
  restart(): void {
    this.#counts.clear()
  }

  #count(what: string, { subject, state, sinceMs, most }: { subject: string; state: string; sinceMs: number; most: number }): void {
    const nowMs = this.#scene.world.clock.monotonicMs()
    const before = this.#counts.get(what)
    const from = Math.max(nowMs - windowMs, sinceMs)
    const atMs = [...(before?.state === state ? before.atMs.filter((at) => at >= from) : []), nowMs]
    this.#counts.set(what, { state, atMs })
    if (atMs.length > most)
      this.#verdicts.broken('noChatter', subject, `${atMs.length} times in a minute in which nothing changed: ${what}`)
  }
}
