// States that faults impose on a world, several at once: the one that came last holds, and when all have ended, what was there before.
import type { World } from '../world/world.ts'

type Undo = () => void

interface Imposed {
  readonly before: unknown
  readonly states: { readonly value: unknown }[]
}

/** By what is imposed on: `node pve2`. */
const imposedOn = new WeakMap<World, Map<string, Imposed>>()

/** Imposes `value`; the result takes it off again, whichever of them ends first. */
export function impose<T>(world: World, what: string, value: T, { get, set }: { get: () => T; set: (value: T) => void }): Undo {
  const all = imposedOn.get(world) ?? new Map<string, Imposed>()
  imposedOn.set(world, all)
  const imposed = all.get(what) ?? { before: get(), states: [] }
  all.set(what, imposed)
  const state = { value }
  imposed.states.push(state)
  set(value)
  return () => {
    const isHolding = imposed.states.at(-1) === state
    imposed.states.splice(imposed.states.indexOf(state), 1)
    const last = imposed.states.at(-1)
    // One that another hides ends unseen.
    if (isHolding) set((last ? last.value : imposed.before) as T)
    if (!last) all.delete(what)
  }
}
