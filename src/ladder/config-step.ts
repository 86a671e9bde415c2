import type { ConfigSeen, Want } from './machine.ts'
import { missing, satisfied, type Step } from './step.ts'
import { done } from './outcome.ts'
import { type ConfigPatch, isEmpty } from './guest-writer.ts'

/** A step that is one config patch: one diff answers both "is it so?" and "what to send?", so that they cannot disagree. */
export interface ConfigStep extends Step {
  change(now: Values, want: Want): ConfigPatch
}

export type Values = Readonly<Record<string, string>>

export const isConfigStep = (step: Step): step is ConfigStep => 'change' in step

export function configStep(spec: Pick<ConfigStep, 'name' | 'rung' | 'change' | 'subjects'>): ConfigStep {
  const change = (now: Values, want: Want): ConfigPatch => want.leave?.(now, spec.change(now, want)) ?? spec.change(now, want)
  return {
    ...spec,
    change,
    needs: 'config',
    check(seen, want) {
      if (!seen.config) return missing('the VM does not exist yet')
      const patch = change(seen.config.values, want)
      return isEmpty(patch) ? satisfied : missing(describe(seen.config.values, patch))
    },
    async apply({ writer, seen, want }) {
      const config = seen.config as ConfigSeen
      return (await writer.writeConfig(change(config.values, want), config.digest)) ?? done
    },
  }
}

/**
 * What all these steps together send: PVE takes every config key in one request, whatever its rung. Each step plans on what
 * the ones before it will leave behind, so that limits of a disk that is being allocated travel in the same option string.
 */
export function mergedChange(steps: readonly ConfigStep[], now: Values, want: Want): ConfigPatch {
  let values = now
  const set: Record<string, string> = {}
  const remove = new Set<string>()
  for (const step of steps) {
    const patch = step.change(values, want)
    values = patched(values, patch)
    for (const [key, value] of Object.entries(patch.set)) {
      set[key] = value
      remove.delete(key)
    }
    for (const key of patch.remove) {
      delete set[key]
      remove.add(key)
    }
  }
  return { set, remove: [...remove] }
}

const patched = (values: Values, patch: ConfigPatch): Values => ({
  ...Object.fromEntries(Object.entries(values).filter(([key]) => !patch.remove.includes(key))),
  ...patch.set,
})

/** The difference of plain keys. A wanted value of undefined removes the key. */
export function difference(now: Values, want: Readonly<Record<string, string | undefined>>, defaults: Values = {}): ConfigPatch {
  const set: Record<string, string> = {}
  const remove: string[] = []
  for (const [key, value] of Object.entries(want)) {
    if (value === undefined) {
      if (now[key] !== undefined) remove.push(key)
    } else if ((now[key] ?? defaults[key]) !== value) {
      set[key] = value
    }
  }
  return { set, remove }
}

const secretKeys: ReadonlySet<string> = new Set(['cipassword'])

/** `cores unset → 2, balloon 512 → unset`, for history lines, events and messages. A secret is never shown. */
export function describe(now: Values, patch: ConfigPatch): string {
  const shown = (key: string, value: string | undefined) =>
    secretKeys.has(key) && value !== undefined ? '(secret)' : shorten(value ?? 'unset')
  const set = Object.entries(patch.set).map(([key, to]) => `${key} ${shown(key, now[key])} → ${shown(key, to)}`)
  return [...set, ...patch.remove.map((key) => `${key} ${shown(key, now[key])} → unset`)].join(', ')
}

const shorten = (value: string) => {
  const line = value.replace(/\n/g, ' ')
  return line.length > 120 ? `${line.slice(0, 117)}…` : line
}
