import type { Identity } from './access/identity.ts'
import type { FaultPlan } from './contracts.ts'
import type { MethodInfo } from './schema/schema.ts'
import type { Params } from './schema/validate.ts'
import { textOf } from './schema/text.ts'
import type { World } from './world/world.ts'

/** One request that passed authentication, permissions and validation. */
export interface Call {
  readonly world: World
  readonly method: string
  /** The route, for example `/nodes/{node}/qemu/{vmid}/clone`. */
  readonly template: string
  /** Validated: integers and booleans as numbers, everything else as text. */
  readonly params: Params
  /** As they came, URI parameters included. */
  readonly rawParams: Readonly<Record<string, unknown>>
  /** The node of the URI, else the one that answers. `localhost` is resolved. */
  readonly node: string
  /** 0 on routes without one. */
  readonly vmid: number
  readonly user: Identity
  readonly fault: FaultPlan | undefined
  /** Throws 403 unless the caller has the privileges (all, or any one of them). */
  check(path: string, privileges: readonly string[], any?: boolean): void
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

export interface Route {
  method: Method
  /** As in the schema file. */
  path: string
  /** Returns the content of `data`, or an Envelope. */
  handler(call: Call): unknown
  /** Definition of a route that the schema file does not have. */
  info?: MethodInfo
}

/** An answer with more keys beside `data`. */
export class Envelope {
  readonly data: unknown
  readonly more: Readonly<Record<string, unknown>>

  constructor(data: unknown, more: Readonly<Record<string, unknown>>) {
    this.data = data
    this.more = more
  }
}

/** An answer that is plain text instead of JSON. */
export class PlainText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** A text parameter; undefined when it was not given. */
export function str(call: Pick<Call, 'params'>, name: string): string | undefined {
  const value = call.params[name]
  return value === undefined || typeof value === 'object' ? undefined : textOf(value)
}

/** An integer parameter. */
export function int(call: Pick<Call, 'params'>, name: string): number | undefined {
  const value = call.params[name]
  return typeof value === 'number' ? value : value === undefined ? undefined : Number(value)
}

/** A boolean parameter; `missing` when it was not given. */
export function flag(call: Pick<Call, 'params'>, name: string, missing = false): boolean {
  const value = call.params[name]
  return value === undefined ? missing : value === 1 || value === '1'
}
