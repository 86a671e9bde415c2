import { isConfigStep, mergedChange, type ConfigStep } from './config-step.ts'
import { localStatuses, type LocalStatus } from '../api/words.ts'
import type { Part, Seen, Want } from './machine.ts'
import type { Ladder, Step, StepSubject, Verdict } from './step.ts'
import type { ConfigPatch } from './guest-writer.ts'
import { refreshedDescription } from './mark.ts'

export interface Judged {
  readonly step: Step
  readonly verdict: Verdict
}

/** What is to be done next, and why. `refusals` are conditions, not obstacles. */
export type Plan = { readonly refusals: readonly Judged[]; readonly of?: StepSubject } & (
  | { readonly is: 'rest' }
  | { readonly is: 'step'; readonly step: Step; readonly because: string }
  /** Several rungs in one request; `step` is the first of them. */
  | {
      readonly is: 'config'
      readonly step: Step
      readonly steps: readonly ConfigStep[]
      readonly patch: ConfigPatch
      readonly because: string
    }
)

/** What planning needs of a look: parts are read on demand. */
export interface Looking {
  need(part: Part): Promise<void>
  readonly seen: Seen
}

/** The first step that is missing; if it is a config step, all missing config steps of the ladder with it. Looks no further than it must. */
export async function planNext(ladder: Ladder, look: Looking, want: Want): Promise<Plan> {
  const refusals: Judged[] = []
  for (const [index, step] of ladder.entries()) {
    await look.need(step.needs)
    const verdict = step.check(look.seen, want)
    if (verdict.is === 'refused') refusals.push({ step, verdict })
    if (verdict.is !== 'missing') continue
    if (isConfigStep(step)) return configPlan(ladder.slice(index), look, want, refusals)
    return { is: 'step', step, because: verdict.message, refusals }
  }
  return { is: 'rest', refusals }
}

/**
 * As `planNext`, with a request of its own for each subject of each step, so that one refusal of PVE concerns that subject alone (`of`).
 * What `isLeft` names is passed over.
 */
export async function planCarefully(
  ladder: Ladder,
  look: Looking,
  want: Want,
  isLeft: (step: Step, subject: string) => boolean,
): Promise<Plan> {
  const refusals: Judged[] = []
  for (const step of ladder) {
    await look.need(step.needs)
    for (const of of step.subjects?.(want) ?? [undefined]) {
      if (of && isLeft(step, of.name)) continue
      const verdict = step.check(look.seen, of?.want ?? want)
      if (verdict.is === 'refused') refusals.push({ step, verdict })
      if (verdict.is !== 'missing') continue
      const plan = { step, because: verdict.message, refusals, ...(of && { of }) }
      if (!isConfigStep(step)) return { is: 'step', ...plan }
      const patch = withFreshMark(step.change(look.seen.config?.values ?? {}, of?.want ?? want), look.seen, want)
      return { is: 'config', ...plan, steps: [step], patch }
    }
  }
  return { is: 'rest', refusals }
}

function configPlan(rest: Ladder, look: Looking, want: Want, refusals: readonly Judged[]): Plan {
  const seen = look.seen
  const steps = rest.filter(isConfigStep).filter((step) => step.check(seen, want).is === 'missing' || dependsOnOthers(step))
  const patch = withFreshMark(mergedChange(steps, seen.config?.values ?? {}, want), seen, want)
  const because = steps.flatMap((step) => missingOf(step, look, want)).join('; ')
  return { is: 'config', step: rest[0] as Step, steps, patch, because, refusals }
}

/** The second line of the mark goes with a request that is made anyway; it is never the cause of one. */
function withFreshMark(patch: ConfigPatch, { config }: Seen, want: Want): ConfigPatch {
  const isFull = !want.object || patch.set.description !== undefined
  const description = isFull ? undefined : refreshedDescription(config?.values.description, want.mark, want.object)
  return description === undefined ? patch : { ...patch, set: { ...patch.set, description } }
}

/** Limits of a disk that does not exist yet show as missing only once another step of the same request has planned the disk. */
const dependsOnOthers = (step: ConfigStep) => step.name === 'set_additional_disk_bandwidth'

function missingOf(step: ConfigStep, look: Looking, want: Want): string[] {
  const verdict = step.check(look.seen, want)
  return verdict.is === 'missing' ? [`${step.name}: ${verdict.message}`] : []
}

/**
 * The last rung of the longest finished prefix, given the first step that is missing. Derived from the look; nothing in the engine reads it back.
 * Once the clone was asked for it is never less than `clone`.
 */
export function rungReached(plan: Plan): LocalStatus {
  if (plan.is === 'rest') return 'ready'
  return localStatuses[Math.max(localStatuses.indexOf(plan.step.rung) - 1, localStatuses.indexOf('clone'))] as LocalStatus
}
