import type { CallInfo, FaultPlan, FaultSource } from '../contracts.ts'
import type { World } from '../world/world.ts'
import { BadRequest } from './bad-request.ts'
import { readFault, type FaultSpec, type RoutePattern } from './fault-spec.ts'
import { applyOutage, checkOutage } from './outage.ts'

interface Armed {
  spec: FaultSpec
  /** Matching requests so far. */
  seen: number
  hits: number
  undo: (() => void)[]
}

/** The scripted faults, in the order in which they came. */
export class Faults implements FaultSource {
  #armed: Armed[] = []
  #count = 0
  readonly #world: () => World

  constructor(world: () => World) {
    this.#world = world
  }

  /** Adds all of them or, when one is bad, none. A fault of the same id is replaced. */
  add(faults: readonly unknown[], routes: readonly { method: string; path: string }[]): Record<string, unknown>[] {
    const specs = faults.map((fault) => {
      this.#count += 1
      return readFault(fault, `fault-${this.#count}`)
    })
    for (const { id, route, outage } of specs) {
      if (route !== undefined) mustExist(route, routes, id)
      if (outage !== undefined) checkOutage(this.#world(), outage)
    }
    const added = specs.map((spec) => this.#arm(spec))
    return added.map(listed)
  }

  list(): Record<string, unknown>[] {
    return this.#armed.map(listed)
  }

  /** Removes one or all and puts back what they had changed. */
  remove(id?: string): void {
    const gone = this.#armed.filter((armed) => id === undefined || armed.spec.id === id)
    if (id !== undefined && gone.length === 0) throw new BadRequest(`there is no fault '${id}'`)
    this.#armed = this.#armed.filter((armed) => !gone.includes(armed))
    for (const armed of gone.toReversed()) for (const undo of armed.undo.toReversed()) undo()
  }

  /** Forgets all without touching the world, which is thrown away with them. */
  reset(): void {
    this.#armed = []
    this.#count = 0
  }

  /** The first fault that is due for this request; every matching one counts it. */
  plan(info: CallInfo): FaultPlan | undefined {
    let due: Armed | undefined
    for (const armed of this.#armed) {
      if (!matches(armed.spec, info)) continue
      armed.seen += 1
      if (due === undefined && armed.seen > armed.spec.after && armed.hits < armed.spec.times) due = armed
    }
    if (due === undefined) return undefined
    due.hits += 1
    if (due.spec.outage !== undefined) due.undo.push(applyOutage(this.#world(), due.spec.outage))
    return due.spec.plan
  }

  #arm(spec: FaultSpec): Armed {
    const armed: Armed = { spec, seen: 0, hits: 0, undo: [] }
    if (this.#armed.some((other) => other.spec.id === spec.id)) this.remove(spec.id)
    if (spec.route === undefined && spec.outage !== undefined) {
      armed.hits = 1
      armed.undo.push(applyOutage(this.#world(), spec.outage))
    }
    this.#armed.push(armed)
    return armed
  }
}

function listed({ spec, seen, hits }: Armed): Record<string, unknown> {
  const remaining = Number.isFinite(spec.times) ? spec.times - hits : 'always'
  return { ...spec.given, id: spec.id, seen, hits, remaining }
}

function isVariable(segment: string): boolean {
  return segment.startsWith('{') && segment.endsWith('}')
}

/** `{…}` and `*` in a pattern stand for any one part; `**` at its end for the rest. */
function fits(pattern: readonly string[], path: readonly string[]): boolean {
  if (pattern.at(-1) === '**') return fits(pattern.slice(0, -1), path.slice(0, pattern.length - 1))
  return pattern.length === path.length && pattern.every((part, index) => part === '*' || isVariable(part) || part === path[index])
}

const parts = (path: string): string[] => path.split('/').filter(Boolean)

function matches({ route, match }: FaultSpec, info: CallInfo): boolean {
  if (route === undefined || (route.method !== '*' && route.method !== info.method)) return false
  if (!fits(route.segments, templateOf(info)) && !fits(route.segments, parts(info.path))) return false
  if (match.token !== undefined && match.token !== info.userid) return false
  const wanted = {
    ...match.params,
    ...(match.vmid === undefined ? {} : { vmid: String(match.vmid) }),
    ...(match.node === undefined ? {} : { node: match.node }),
  }
  return Object.entries(wanted).every(([key, value]) => String(info.params[key]) === value)
}

/** The route with the parts of the path where a pattern may name them. */
function templateOf(info: CallInfo): string[] {
  return parts(info.template)
}

function mustExist(route: RoutePattern, routes: readonly { method: string; path: string }[], id: string): void {
  const text = `${route.method} /${route.segments.join('/')}`
  const known = routes.some(({ method, path }) => (route.method === '*' || route.method === method) && couldBe(route.segments, parts(path)))
  if (known || routes.length === 0) return
  const last = route.segments.at(-1) ?? ''
  const near = routes.filter(({ path }) => parts(path).includes(last)).slice(0, 5)
  const hint =
    near.length === 0 ? 'GET /sim/routes lists them' : `did you mean ${near.map(({ method, path }) => `'${method} ${path}'`).join(' or ')}?`
  throw new BadRequest(`fault '${id}': no route fits '${text}'; ${hint}`)
}

/** Whether a pattern, concrete parts included, could meet a template. */
function couldBe(pattern: readonly string[], template: readonly string[]): boolean {
  if (pattern.at(-1) === '**') return couldBe(pattern.slice(0, -1), template.slice(0, pattern.length - 1))
  if (pattern.length !== template.length) return false
  return pattern.every((part, index) => part === '*' || isVariable(part) || isVariable(template[index] ?? '') || part === template[index])
}
