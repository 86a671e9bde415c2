// Keeps one operator alive, kills it at a write as kill -9 would, loses answers of the API server, and starts the next one.
import type { Fate, Wire, Write } from '../support/wire.ts'
import type { Scene } from './scene.ts'

type Loss = 'lost before' | 'lost after'

export class Keeper {
  readonly #scene: Scene
  #death: { writesLeft: number; fate: Loss } | undefined
  #kubeLoss: Loss | undefined
  #reviving: Promise<void> | undefined
  deaths = 0
  /** A last act of an operator that ended is no longer one of its own: it is not judged. */
  onRestart: () => void = () => undefined
  /** Hears each write of the operator that lives to the API server. */
  onKube: (method: string, path: string) => void = () => undefined

  constructor(scene: Scene) {
    this.#scene = scene
  }

  get isUp(): boolean {
    return this.#reviving === undefined && this.#scene.world.operator !== undefined
  }

  async start(): Promise<void> {
    const { wire } = await this.#scene.world.startOperator()
    wire.judgedBy((write) => this.#fateOf(wire, write))
    wire.onKube = (method, path) => this.onKube(method, path)
  }

  /** It dies at its n-th write from here, 0 the next. */
  dieAt(write: number, when: 'before' | 'after'): void {
    this.#death ??= { writesLeft: write, fate: when === 'before' ? 'lost before' : 'lost after' }
  }

  /** The next write to the API server gets no answer. */
  loseNextOfKube(fate: Loss): void {
    this.#kubeLoss = fate
  }

  /** No death is planned any more, and an operator runs. */
  async calm(): Promise<void> {
    this.#death = undefined
    this.#kubeLoss = undefined
    await this.#reviving
  }

  #fateOf(wire: Wire, write: Write): Fate {
    if (this.#kubeLoss && write.to === 'kube') {
      const fate = this.#kubeLoss
      this.#kubeLoss = undefined
      return fate
    }
    const death = this.#death
    if (!death || death.writesLeft-- > 0) return 'pass'
    this.#death = undefined
    wire.cut()
    this.deaths += 1
    this.#scene.tell(`  the operator dies (${death.fate}): ${write.what} ${write.vmid ?? ''}`)
    this.#reviving = this.#revive().finally(() => (this.#reviving = undefined))
    return death.fate
  }

  async #revive(): Promise<void> {
    // Not inside the request that is being judged.
    await new Promise((resolve) => setImmediate(resolve))
    await this.#scene.world.killOperator()
    await this.start()
    this.onRestart()
    this.#scene.ledger.touchedAll()
    this.#scene.tell('  another operator takes over')
  }
}
