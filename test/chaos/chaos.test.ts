// One short round of random trouble in every run of the tests; `make chaos` plays longer ones. test/chaos/run.ts replays a seed.
import { expect, it } from '@jest/globals'
import { historyOf } from './history.ts'
import { playRound } from './round.ts'

/** The same history in each run, so that a change is not judged by the day it lands on; CHAOS_SEED plays another one. */
const seed = Number(process.env['CHAOS_SEED'] ?? 20_783)

it('makes the same history of the same seed', () => {
  const options = { seed, lastsMs: 30_000, vms: 8, meanPauseMs: 350 }
  expect(historyOf(options)).toEqual(historyOf(options))
  expect(historyOf(options)).not.toEqual(historyOf({ ...options, seed: seed + 1 }))
})

it(`breaks no invariant in a random history of users, admins, faults and deaths (seed ${seed})`, async () => {
  const { violations, story } = await playRound({ seed, seconds: 20, vms: 6 })
  expect({ seed, violations, ...(violations.length > 0 && { story }) }).toEqual({ seed, violations: [] })
}, 360_000)
