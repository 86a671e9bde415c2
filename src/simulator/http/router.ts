import type { Route } from '../routes.ts'
import { type MethodInfo, schema } from '../schema/schema.ts'

export interface Match {
  route: Route | undefined
  info: MethodInfo
  template: string
  uriParams: Record<string, string>
}

interface Branch {
  fixed: Map<string, Branch>
  variable: { name: string; branch: Branch } | undefined
  /** A last variable that takes the rest of the path, slashes included. */
  rest: { name: string; branch: Branch } | undefined
  template: string | undefined
}

const greedy = new Set(['volume', 'cidr'])

const empty = (): Branch => ({ fixed: new Map(), variable: undefined, rest: undefined, template: undefined })

/** Finds the method definition for a path; paths that only the schema knows are found too, without a route. */
export class Router {
  readonly #root = empty()
  readonly #routes = new Map<string, Route>()
  readonly #extra = new Map<string, Record<string, MethodInfo>>()

  constructor(routes: readonly Route[]) {
    for (const template of schema.keys()) this.#insert(template)
    for (const route of routes) {
      this.#insert(route.path)
      this.#routes.set(`${route.method} ${route.path}`, route)
      if (!route.info) continue
      const methods = this.#extra.get(route.path) ?? {}
      methods[route.method] = route.info
      this.#extra.set(route.path, methods)
    }
  }

  find(method: string, path: string): Match | undefined {
    const uriParams: Record<string, string> = {}
    const branch = walk(this.#root, path.split('/').filter(Boolean), 0, uriParams)
    const template = branch?.template
    if (template === undefined) return undefined
    const info = schema.get(template)?.[method] ?? this.#extra.get(template)?.[method]
    return info && { route: this.#routes.get(`${method} ${template}`), info, template, uriParams }
  }

  #insert(template: string): void {
    let at = this.#root
    for (const part of template.split('/').filter(Boolean)) {
      const name = /^\{(.*)\}$/.exec(part)?.[1]
      if (name === undefined) {
        const next = at.fixed.get(part) ?? empty()
        at.fixed.set(part, next)
        at = next
      } else if (greedy.has(name)) {
        at.rest ??= { name, branch: empty() }
        at = at.rest.branch
      } else {
        at.variable ??= { name, branch: empty() }
        at = at.variable.branch
      }
    }
    at.template = template
  }
}

function walk(at: Branch, parts: readonly string[], index: number, out: Record<string, string>): Branch | undefined {
  const part = parts[index]
  if (part === undefined) return at
  const fixed = at.fixed.get(part)
  if (fixed) return walk(fixed, parts, index + 1, out)
  if (at.rest) {
    out[at.rest.name] = parts.slice(index).join('/')
    return at.rest.branch
  }
  if (!at.variable) return undefined
  out[at.variable.name] = part
  return walk(at.variable.branch, parts, index + 1, out)
}
