// `make chaos`: rounds of random histories for so many minutes, each with a seed of its own that is printed.
import { ownControlPlane } from '../support/own-control-plane.ts'
import { type Invariant, invariants } from './invariants/verdicts.ts'
import { playRound, type RoundReport } from './round.ts'

const print = (text: string): void => void process.stdout.write(`${text}\n`)
const { MINUTES = '5', SEED, VMS = '12', ROUND_SECONDS = '60', STORY, UNTIL_BROKEN } = process.env

function told({ seed, violations, story, moments, deaths, requests, seconds }: RoundReport): void {
  print(
    `seed ${seed}: ${moments} moments, ${deaths} deaths of the operator, ${requests} requests to PVE, ${seconds.toFixed(0)} s, ${violations.length === 0 ? 'clean' : `${violations.length} broken`}`,
  )
  if (violations.length > 0 && STORY === undefined) print(story.join('\n'))
  for (const { invariant, text } of violations) print(`BROKEN ${invariant} (${invariants[invariant]}): ${text}`)
  if (violations.length > 0) print(`again: make chaos SEED=${seed} VMS=${VMS} ROUND_SECONDS=${ROUND_SECONDS}`)
}

const first = SEED === undefined ? Date.now() % 1_000_000 : Number(SEED)
const endMs = performance.now() + Number(MINUTES) * 60_000
const controlPlane = await ownControlPlane()
let broken = 0
/** Invariants one of which ends the round and the run. */
const untilBroken = new Set(UNTIL_BROKEN?.split(',') as Invariant[] | undefined)
try {
  for (let seed = first; ; seed++) {
    const report = await playRound({
      seed,
      seconds: Number(ROUND_SECONDS),
      vms: Number(VMS),
      until: untilBroken,
      ...(STORY !== undefined && { listen: print }),
    })
    told(report)
    if (report.violations.length > 0) broken += 1
    if (report.violations.some(({ invariant }) => untilBroken.has(invariant))) break
    // A seed that was asked for is one round.
    if (SEED !== undefined || performance.now() > endMs) break
  }
} finally {
  await controlPlane.stop()
}
process.exitCode = broken > 0 ? 1 : 0
