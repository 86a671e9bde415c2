// Reads what a fault does to the cluster, apart from single requests.
import { BadRequest, objectOf, oneOf, onlyKeys, optionalFlag, optionalNumber, optionalText } from './bad-request.ts'

type OnOff = 'on' | 'off'

/** A change of the world that a fault brings about: at once, or when a request meets the fault. */
export interface Outage {
  node?: { name: string; state: OnOff | 'maintenance' }
  noQuorum?: boolean
  /** The answering node is cut off with these others, too few for a quorum; the rest of the cluster is out of reach. */
  minority?: string[]
  storage?: { name: string; state: OnOff | 'full' }
  /** The API daemon behind the proxy: protected calls answer `595 Connection refused`. */
  daemon?: { node: string; state: OnOff }
  /** The daemon that broadcasts names, states and figures. */
  pvestatd?: { node: string; state: OnOff }
  /** The guests' configurations are gone, their volumes and processes are not. */
  configStore?: 'empty'
  /** So long after each stop the clean-up asks for the guest's file lock. */
  cleanupMs?: number
  /** Undone after so many simulated milliseconds; absent: when the fault is deleted. */
  forMs?: number
  /** Hooks that run when it is over: what happened meanwhile out of sight. */
  meanwhile?: unknown[]
}

/** Fields of a fault that change the cluster. */
export const outageFields: readonly string[] = 'node noQuorum minority storage daemon pvestatd configStore cleanupMs'.split(' ')

/** Reads these fields; undefined when the fault has none of them. */
export function readOutage(given: Record<string, unknown>, what: string): Outage | undefined {
  const outage: Outage = { ...readParts(given, what), ...readSwitches(given, what) }
  const empty = Object.keys(outage).length === 0
  const forMs = optionalNumber(given['forMs'], `forMs of ${what}`, 1)
  if (forMs !== undefined && empty) throw new BadRequest(`forMs of ${what} goes with ${outageFields.join(', ')}; a delay is delayMs`)
  if (forMs !== undefined) outage.forMs = forMs
  const { meanwhile } = given
  if (meanwhile !== undefined && (empty || !Array.isArray(meanwhile)))
    throw new BadRequest(
      `meanwhile of ${what} is a list of hooks that run when the outage is over, for example [{"op": "unlock", "args": [100]}]`,
    )
  if (Array.isArray(meanwhile)) outage.meanwhile = meanwhile
  return empty ? undefined : outage
}

function readParts(given: Record<string, unknown>, what: string): Outage {
  const part = <T extends string>(key: string, name: string, states: readonly T[]): { name: string; state: T } | undefined => {
    if (given[key] === undefined) return undefined
    const value = objectOf(given[key], `${key} of ${what}`)
    onlyKeys(value, [name, 'state'], `${key} of ${what}`)
    const text = optionalText(value[name], `${key}.${name} of ${what}`)
    if (text === undefined) throw new BadRequest(`${key}.${name} of ${what} is missing`)
    return { name: text, state: oneOf(value['state'], states, `${key}.state of ${what}`) }
  }
  const node = part('node', 'name', ['on', 'off', 'maintenance'])
  const storage = part('storage', 'name', ['on', 'off', 'full'])
  const daemon = part('daemon', 'node', ['on', 'off'])
  const pvestatd = part('pvestatd', 'node', ['on', 'off'])
  return {
    ...(node ? { node } : {}),
    ...(storage ? { storage } : {}),
    ...(daemon ? { daemon: { node: daemon.name, state: daemon.state } } : {}),
    ...(pvestatd ? { pvestatd: { node: pvestatd.name, state: pvestatd.state } } : {}),
  }
}

function readSwitches(given: Record<string, unknown>, what: string): Outage {
  const out: Outage = {}
  const noQuorum = optionalFlag(given['noQuorum'], `noQuorum of ${what}`)
  if (noQuorum !== undefined) out.noQuorum = noQuorum
  const { minority } = given
  if (minority !== undefined) {
    if (minority !== true && !(Array.isArray(minority) && minority.every((name) => typeof name === 'string')))
      throw new BadRequest(`minority of ${what} is true, or a list of the nodes that are cut off together with the answering one`)
    out.minority = minority === true ? [] : minority
  }
  if (given['configStore'] !== undefined) out.configStore = oneOf(given['configStore'], ['empty'], `configStore of ${what}`)
  const cleanupMs = optionalNumber(given['cleanupMs'], `cleanupMs of ${what}`)
  if (cleanupMs !== undefined) out.cleanupMs = cleanupMs
  return out
}
