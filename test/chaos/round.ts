// One round: a scene, a history from a seed, the oracle beside it, and the end.
import { actAsAdmin } from './admins.ts'
import { historyOf, type Moment, told } from './history.ts'
import type { Invariant, Violation } from './invariants/verdicts.ts'
import { Keeper } from './keeper.ts'
import { Mishaps } from './mishaps.ts'
import { Oracle } from './oracle.ts'
import { openScene, type Scene } from './scene.ts'
import { comesToRest, goesAway } from './settling.ts'
import { actAsUser } from './users.ts'

export interface RoundOptions {
  readonly seed: number
  /** Real seconds of history; the way to rest and the end come on top, half a minute mostly. */
  readonly seconds: number
  readonly vms: number
  /** The round ends as soon as one of these is broken. */
  readonly until?: ReadonlySet<Invariant>
  /** Hears the story as it goes. */
  readonly listen?: (line: string) => void
}

export interface RoundReport {
  readonly seed: number
  readonly violations: readonly Violation[]
  /** Every moment and what came of it, oldest first. */
  readonly story: readonly string[]
  readonly moments: number
  readonly deaths: number
  readonly requests: number
  readonly seconds: number
}

export async function playRound({ seed, seconds, vms, until, listen }: RoundOptions): Promise<RoundReport> {
  const startedMs = performance.now()
  const moments = historyOf({ seed, lastsMs: seconds * 1000, vms, meanPauseMs: 350 })
  const scene = await openScene(listen)
  const keeper = new Keeper(scene)
  const mishaps = new Mishaps(scene, keeper)
  const oracle = new Oracle(scene)
  try {
    await keeper.start()
    oracle.start(keeper, mishaps)
    const isNamed = (): boolean => oracle.verdicts.found.some(({ invariant }) => until?.has(invariant))
    for (const moment of moments) {
      if (isNamed()) break
      await new Promise((resolve) => setTimeout(resolve, moment.afterMs))
      scene.tell(told(moment))
      happen(scene, { keeper, mishaps }, moment)
    }
    mishaps.calm()
    await keeper.calm()
    await scene.settled()
    if (!isNamed()) await end(scene, oracle)
  } finally {
    mishaps.calm()
    await oracle.stop()
    await keeper.calm()
    await scene.world.stop()
  }
  return {
    seed,
    violations: oracle.verdicts.found,
    story: scene.story,
    moments: moments.length,
    deaths: keeper.deaths,
    requests: scene.world.simulator.requests.report(0).total,
    seconds: (performance.now() - startedMs) / 1000,
  }
}

async function end(scene: Scene, { verdicts }: Oracle): Promise<void> {
  scene.tell('nothing goes wrong any more')
  await comesToRest(scene, verdicts)
  scene.tell('all is deleted')
  await goesAway(scene, verdicts)
}

function happen(scene: Scene, { keeper, mishaps }: { keeper: Keeper; mishaps: Mishaps }, moment: Moment): void {
  if (moment.by === 'crash') return keeper.dieAt(moment.atWrite, moment.when)
  if (moment.by === 'time') return scene.world.skip(moment.seconds * 1000)
  const { does, vm, pick } = moment
  if (moment.by === 'mishap') return mishaps.strike(moment.does, vm, pick, moment.forMs)
  if (moment.by === 'user' && moment.struckBy) mishaps.strikeAction(moment.does, moment.struckBy, vm)
  const work = moment.by === 'user' ? actAsUser(scene, moment.does, vm, pick) : actAsAdmin(scene, moment.does, vm, pick)
  scene.beside(`${does} vm-${vm}`, work)
}
