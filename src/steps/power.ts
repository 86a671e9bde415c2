import { missing, satisfied, waitForTask, type Step } from '../engine/step.ts'

/** The last rung: power as runStrategy wants it. A VM under Once is started a single time in its life. */
export const power: Step = {
  name: 'start',
  rung: 'ready',
  needs: 'power',
  check(seen, want) {
    if (want.power === 'left-alone') return satisfied
    const wanted = want.power === 'stopped' ? 'stopped' : 'running'
    return seen.power === wanted ? satisfied : missing(`power ${seen.power ?? 'unknown'} → ${wanted}`)
  },
  async apply({ world, want }) {
    if (want.power === 'stopped') return waitForTask(await world.shutdown(), 'shutdown')
    return waitForTask(await world.start(), 'start')
  },
}
