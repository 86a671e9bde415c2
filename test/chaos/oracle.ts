// Watches a scene all the time: every request before PVE sees it, every guest 20 times a second, every object as often as it can.
import type { Keeper } from './keeper.ts'
import type { Mishaps } from './mishaps.ts'
import { ChatterWatch } from './invariants/chatter.ts'
import { GuestWatch } from './invariants/guests.ts'
import { GuestLives } from './invariants/lives.ts'
import { ObjectWatch } from './invariants/objects.ts'
import { RequestWatch } from './invariants/requests.ts'
import { SilenceWatch } from './invariants/silence.ts'
import { Verdicts } from './invariants/verdicts.ts'
import { type Scene, tokenID } from './scene.ts'

const guestsEveryMs = 50
const objectsEveryMs = 250

export class Oracle {
  readonly verdicts: Verdicts
  readonly #guests: GuestWatch
  readonly #requests: RequestWatch
  readonly #objects: ObjectWatch
  readonly #lives = new GuestLives()
  readonly #scene: Scene
  #looking: NodeJS.Timeout | undefined
  #reading: Promise<void> = Promise.resolve()
  #isOver = false

  constructor(scene: Scene) {
    this.#scene = scene
    this.verdicts = new Verdicts(scene.tell)
    this.#guests = new GuestWatch(scene, this.verdicts)
    this.#requests = new RequestWatch(scene, this.verdicts)
    this.#objects = new ObjectWatch(scene, this.verdicts, this.#lives)
  }

  start(keeper: Keeper, mishaps: Mishaps): void {
    const { faults } = this.#scene.world.simulator
    const plan = faults.plan.bind(faults)
    const silence = new SilenceWatch(this.#scene, this.verdicts)
    faults.plan = (info) => {
      // A dead operator's requests reach nobody.
      if (info.userid !== tokenID || this.#scene.world.operator?.wire.isCut !== false) return plan(info)
      mishaps.sees(info)
      this.#requests.sees(info)
      const planned = plan(info)
      silence.sees(info, planned)
      return planned
    }
    const chatter = new ChatterWatch(this.#scene, this.verdicts)
    keeper.onKube = (method, path) => chatter.hears(method, path)
    keeper.onRestart = () => {
      this.#requests.restart()
      silence.restart()
      chatter.restart()
    }
    this.#looking = setInterval(() => {
      this.#guests.look((vmid) => keeper.isUp && !mishaps.mayDelay(vmid))
      this.#lives.look(this.#scene.world.guests())
      this.#requests.look()
    }, guestsEveryMs)
    this.#reading = this.#read()
  }

  /** One more look at the objects. */
  look = (): Promise<void> => this.#objects.look()

  async stop(): Promise<void> {
    this.#isOver = true
    clearInterval(this.#looking)
    await this.#reading
  }

  async #read(): Promise<void> {
    while (!this.#isOver) {
      await this.#objects.look()
      await new Promise((resolve) => setTimeout(resolve, objectsEveryMs))
    }
  }
}
